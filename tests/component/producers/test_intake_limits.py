"""The intake behind the real server: bodies that are too big or too slow are cut off."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from fenghuo.runtime.room import _Server, health_pages
from fenghuo.settings import Settings
from producers import routes
from producers.app import build
from tests.support.waiting import until

TOKEN = "the-token-of-our-own-systems"
URL = "/api/v1/reports"
MB = 1024 * 1024
BIG = 20 * MB


@pytest.fixture
async def port(redis_url: str, namespace: str) -> AsyncIterator[int]:
    """Where the room listens, under the runtime's own server."""
    settings = Settings(
        _env_file=None, redis_url=redis_url, namespace=namespace, secret_key=SecretStr("s" * 32),
        intake_token=SecretStr(TOKEN),
    )  # type: ignore[call-arg]  # fmt: skip
    room = build(settings)
    await room.transport.start()
    room.started = True
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = _Server(health_pages(room, room.asgi), "127.0.0.1", listening.getsockname()[1])
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await until(lambda: server.started, what="the server")
        yield listening.getsockname()[1]
        server.should_exit = True
        await serving
    await room.transport.stop()
    await room.desk.client.aclose()


class Talk:
    """A raw HTTP/1.1 connection, so that the test decides when which byte leaves."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def head(self, **headers: object) -> None:
        given = {
            "Host": "x",
            "Authorization": f"Bearer {TOKEN}",
            "Content_Type": "application/json",
            **headers,
        }
        lines = [f"POST {URL} HTTP/1.1", *(f"{k.replace('_', '-')}: {v}" for k, v in given.items())]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    async def answer(self) -> tuple[int, dict[str, Any]]:
        """(status, body) of the answer, and the connection's end after it."""
        raw = (await asyncio.wait_for(self.reader.read(), 10)).decode()
        head, _, body = raw.partition("\r\n\r\n")
        return int(head.split()[1]), json.loads(body)


@pytest.fixture
async def talk(port: int) -> AsyncIterator[Talk]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    yield Talk(reader, writer)
    writer.close()


async def test_announced_20_mb_are_refused_before_they_are_sent(talk: Talk) -> None:
    talk.head(Content_Length=BIG)
    status, body = await talk.answer()
    assert (status, body["type"]) == (413, "urn:fenghuo:problem:too-large")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Content_Type": "text/plain"}])
async def test_unannounced_20_mb_are_cut_off_while_they_stream(talk: Talk, headers: dict[str, str]) -> None:
    talk.head(Transfer_Encoding="chunked", **headers)
    chunk, sent = b"10000\r\n" + b"x" * 65_536 + b"\r\n", 0
    try:
        while sent < BIG and not talk.reader.at_eof():
            talk.writer.write(chunk)
            await talk.writer.drain()
            sent += 65_536
    except ConnectionError:
        pass
    assert sent < BIG


async def test_client_that_sends_all_it_has_still_reads_413(port: int) -> None:
    """Through a blocking client: asyncio's own drops what it was told once a write fails."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{port}{URL}"
    answer = await asyncio.to_thread(httpx.post, url, content=b"x" * BIG, headers=headers)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


async def test_body_just_above_the_limit_is_413_when_it_is_chunked(talk: Talk) -> None:
    talk.head(Transfer_Encoding="chunked")
    body = b"x" * (routes.LARGEST_BODY + 1)
    talk.writer.write(f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n")
    assert (await talk.answer())[0] == 413


async def test_slow_body_is_408_and_ends_the_connection(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "BODY_S", 0.2)
    talk.head(Content_Length=100)
    talk.writer.write(b'{"text":')
    status, body = await talk.answer()
    assert (status, body["type"]) == (408, "urn:fenghuo:problem:too-slow")


async def test_client_that_leaves_midway_leaves_nothing(talk: Talk, port: int) -> None:
    talk.head(Content_Length=100)
    talk.writer.write(b'{"text":')
    await talk.writer.drain()
    talk.writer.close()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        assert (await http.get("/ready")).json()["status"] == "ready"
