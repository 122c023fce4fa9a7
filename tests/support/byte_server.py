"""A server that says exactly what it is told, byte for byte: what no proper HTTP server would say."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"ok":true}'


class ByteServer:
    """Where it listens, the requests that came (whole), and how many connections came and are open."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[bytes] = []
        self.connections = self.open = 0

    async def all_closed(self) -> None:
        """Returns when one has come and none is open any more."""
        async with asyncio.timeout(2):
            while self.open or not self.connections:  # noqa: ASYNC110
                await asyncio.sleep(0.002)


class Peer:
    """The server's end of one connection."""

    def __init__(
        self, server: ByteServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.server, self.reader, self.writer = server, reader, writer

    async def hear(self) -> None:
        """Read one request; raises EOFError at the end of the connection."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        self.server.requests.append(head + await self.reader.readexactly(length))

    async def say(self, *parts: bytes) -> None:
        """Write the parts one after the other, each in its own turn of the loop."""
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(0)

    async def wait(self) -> None:
        """Until the other side ends the connection."""
        while await self.reader.read(65_536):
            pass


Talk = Callable[[Peer], Awaitable[None]]


def replies_with(*answers: bytes | tuple[bytes, ...], closes: bool = False) -> Talk:
    """Answers the requests of each connection with ``answers`` in turn, the parts of a tuple one after the
    other; then, if it ``closes``, ends the connection, else waits for the other side to."""

    async def talk(peer: Peer) -> None:
        for answer in answers:
            await peer.hear()
            await peer.say(*(answer if isinstance(answer, tuple) else (answer,)))
        if not closes:
            await peer.wait()

    return talk


async def always(peer: Peer) -> None:
    """Answers every request with OK."""
    while True:
        await peer.hear()
        await peer.say(OK)


@asynccontextmanager
async def byte_server(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[ByteServer]:
    """A server on 127.0.0.1 that does ``talk`` on every connection and closes it then."""
    server = ByteServer()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        server.open += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await talk(Peer(server, reader, writer))
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            server.open -= 1
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
