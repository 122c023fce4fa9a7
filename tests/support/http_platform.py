"""A platform for the tests of channels: a real HTTP server that answers what it is told, and keeps what it
was asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from broadcast.channels.base import Message


@dataclass(frozen=True)
class RecordedRequest:
    """One request as it came."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes
    port: int
    """Where the connection came from: another port is another connection."""

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass(frozen=True)
class CannedReply:
    """An answer: its body (bytes as they are, anything else as JSON), status, headers, and how late it
    comes."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    late_s: float = 0


class Cut(Exception):
    """Told instead of an answer: the connection breaks after the request was read."""


Answer = CannedReply | Cut | Callable[[RecordedRequest], CannedReply]


class FakePlatform:
    """Answers each path (its last part) from its own list, the last answer again and again."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[RecordedRequest] = []
        self.told: dict[str, list[Answer]] = {}
        self.at_once = self.most_at_once = 0

    def tell(self, part: str, *answers: Any) -> None:
        """Answer requests whose path ends in ``part``; what is no Say, Cut or function is a body."""
        self.told[part] = [
            x if isinstance(x, CannedReply | Cut) or callable(x) else CannedReply(x) for x in answers
        ]

    def asked_for(self, part: str) -> list[RecordedRequest]:
        return [x for x in self.asked if x.path.endswith(part)]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        asked = RecordedRequest(
            request.path, dict(request.query), dict(request.headers), await request.read(), _port(request)
        )
        self.asked.append(asked)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._answer(request, asked)
        finally:
            self.at_once -= 1

    async def _answer(self, request: web.Request, asked: RecordedRequest) -> web.StreamResponse:
        answers = self.told[request.path.rpartition("/")[2]]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Cut):
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        said = answer if isinstance(answer, CannedReply) else answer(asked)
        await asyncio.sleep(said.late_s)
        raw = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
        return web.Response(body=raw, status=said.status, headers=said.headers)


def _port(request: web.Request) -> int:
    assert request.transport is not None
    return int(request.transport.get_extra_info("peername")[1])


@asynccontextmanager
async def answering(into: FakePlatform | None = None, **told: Any) -> AsyncIterator[FakePlatform]:
    """A server on 127.0.0.1 (of ``into``, where that is given); ``told`` is the answer, or the list of them,
    of each path."""
    platform = into or FakePlatform()
    for part, answers in told.items():
        platform.tell(part, *(answers if isinstance(answers, list) else [answers]))
    app = web.Application(client_max_size=1 << 24)
    app.router.add_route("*", "/{path:.*}", platform.handle)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    platform.url = str(server.make_url("")).rstrip("/")
    try:
        yield platform
    finally:
        await server.close()


def message(target: str, text: str = "预警：请勿转账。", **changes: Any) -> Message:
    """A warning to one group; what the test does not care about is filled in."""
    fields: dict[str, Any] = {
        "idempotency_key": "key", "group_id": "g1", "target": target, "kind": "warning", "subject": "a1",
        "text": text, "severity": "severe",
    } | changes  # fmt: skip
    return Message(**fields)
