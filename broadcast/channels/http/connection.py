"""aiohttp's connection under three rules that it does not have: it hears only while a request is under way,
no more around an answer's body than an answer needs, and a bounded number of connections is idle.

``ResponseHandler`` is not documented by aiohttp. What is relied on is held by the tests against servers that
break these rules.
"""

import asyncio
from collections import OrderedDict
from typing import cast

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import RawResponseMessage, StreamWriter
from aiohttp.streams import StreamReader

LONGEST_HEAD = 32_768
"""Bytes around a body: heads, informational responses, chunk sizes and extensions, trailers."""

SWITCHING_PROTOCOLS = 101


class Connection(ResponseHandler):
    """One connection. ``idle`` is told when its request has been answered.

    With ``awaits_tunnel`` it also hears what comes before the first request: a proxy's answer to CONNECT.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, idle: "IdleConnections", *, awaits_tunnel: bool
    ) -> None:
        super().__init__(loop)
        self._idle = idle
        self._listens = awaits_tunnel
        self._has_begun = False
        self._heard = 0

    def begin(self) -> bool:
        """Whether a request may be written now; from then on its answer is heard."""
        self._idle.discard(self)
        if self.should_close or not self.is_connected():
            return False
        self._listens = self._has_begun = True
        self._heard = 0
        return True

    def data_received(self, data: bytes) -> None:
        if data and not self._listens:
            self._cut()
            return
        super().data_received(data)
        self._heard += len(data)
        body = self._payload.total_bytes if self._payload is not None else 0
        if self._heard - body > LONGEST_HEAD:
            self._cut()

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        super().feed_data(data, size)
        message, payload = data
        if message.code == SWITCHING_PROTOCOLS:
            self.force_close()  # nobody has asked for another protocol
        if message.code >= 200 and self._has_begun:
            payload.on_eof(self._answered)

    def connection_lost(self, exc: BaseException | None) -> None:
        if exc is not None and self._payload is not None and not self._payload.is_eof():
            # A body without a length would end here, but a reset is no end.
            self._payload.set_exception(aiohttp.ClientPayloadError())
        self._idle.discard(self)
        super().connection_lost(exc)

    def _answered(self) -> None:
        self._listens = False
        self._idle.add(self)

    def _cut(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class IdleConnections:
    """At most ``limit`` idle connections; aiohttp itself limits only those in use."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._idle: OrderedDict[Connection, None] = OrderedDict()

    def add(self, connection: Connection) -> None:
        """Count ``connection``; the one idle for longest is closed if there are too many."""
        self._idle[connection] = None
        if len(self._idle) > self._limit:
            oldest, _ = self._idle.popitem(last=False)
            oldest.close()

    def discard(self, connection: Connection) -> None:
        """``connection`` is in use or closed."""
        self._idle.pop(connection, None)


class RequestBody(aiohttp.BytesPayload):
    """A body that is written at most once.

    aiohttp calls ``write_with_length`` right before it gives head and body to the transport, so until then
    the request has not left, and from then on it may have.
    """

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self.may_have_left = False
        self.found_closed = False
        """Whether the last connection had ended before anything could be written."""

    @property
    def consumed(self) -> bool:
        """True once written, so that aiohttp does not repeat a GET."""
        return self.may_have_left

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        connection = cast(Connection, cast(StreamWriter, writer).protocol)
        if not connection.begin():
            self.found_closed = True
            raise ConnectionResetError("closed before the request")
        self.found_closed = False
        self.may_have_left = True
        await writer.write(self._value)
