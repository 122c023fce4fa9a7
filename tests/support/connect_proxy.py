"""A forward proxy: CONNECT for https, absolute URLs for http. It takes every name for this machine."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class ConnectProxy:
    """Where it listens and the heads that it was sent; with ``credentials`` ("user:password") it refuses
    whoever does not send them, with ``refuses`` (a status line) everybody. ``accepts`` is its answer to
    CONNECT."""

    def __init__(self, credentials: str, refuses: str, accepts: str) -> None:
        self.port = 0
        self.heads: list[str] = []
        self._wanted = f"Basic {b64encode(credentials.encode()).decode()}" if credentials else ""
        self._refuses = refuses
        self._accepts = accepts

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def lines(self) -> list[str]:
        """The first line of each request."""
        return [head.partition("\r\n")[0] for head in self.heads]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        refusal = self._refuses
        if self._wanted and f"proxy-authorization: {self._wanted}\r\n".lower() not in head.lower():
            refusal = "407 Proxy Authentication Required"
        if refusal:
            writer.write(f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
            return
        method, target, version = self.lines[-1].split(" ")
        there = urlsplit(f"//{target}" if method == "CONNECT" else target)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", there.port or 80)
        if method == "CONNECT":
            writer.write(f"HTTP/1.1 {self._accepts}\r\n\r\n".encode())
        else:
            rest = head.partition("\r\n")[2]
            far_writer.write(f"{method} {there.path or '/'} {version}\r\n{rest}".encode())
        try:
            await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))
        finally:
            far_writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def connect_proxy(
    credentials: str = "", refuses: str = "", accepts: str = "200 Connection established"
) -> AsyncIterator[ConnectProxy]:
    proxy = ConnectProxy(credentials, refuses, accepts)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await proxy.serve(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.port = listening.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
