"""One connection: HTTP/1.1, one request at a time, an answer of bounded size.

The parser is llhttp (httptools), which says what came; what follows from it is decided here. Whatever is no
proper answer to the request under way ends the connection.
"""

import asyncio
from typing import NamedTuple, cast

import httptools

LONGEST_HEAD = 32_768
LONGEST_ANSWER = 65_536
_FRAMES = frozenset({b"content-length", b"transfer-encoding"})
"""Headers that say where the body ends; without one, the end of the connection is its end."""


class Reply(NamedTuple):
    """An answer: its status, its Retry-After header ("" without one), and of its body LONGEST_ANSWER + 1
    bytes at most."""

    status: int
    retry_after: str
    body: bytes


class Connection(asyncio.Protocol):
    """A protocol for ``create_connection``; then ``ask`` any number of times while ``is_open``."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._waiter: asyncio.Future[Reply] | None = None
        self._keeps = True
        self._status = self._heard = 0
        self._forget()
        self.since = 0.0
        """When (the loop's time) its owner last put it aside."""

    @property
    def is_open(self) -> bool:
        """Whether another request may be sent."""
        return self._keeps and self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes, timeout_s: float) -> Reply:
        """The answer to ``request``, which may have left from now on. Raises TimeoutError, or an OSError
        when the connection ends or something else than an answer comes; it is closed then."""
        if self._transport is None or not self.is_open or self._waiter is not None:
            raise ConnectionResetError("not open")
        self._heard = 0
        self._forget()
        self._parser = httptools.HttpResponseParser(self)
        waiter: asyncio.Future[Reply] = self._loop.create_future()
        self._waiter = waiter
        timer = self._loop.call_later(timeout_s, self._fail, TimeoutError())
        try:
            self._transport.write(request)
            return await waiter
        finally:
            timer.cancel()
            self._waiter = None
            if not waiter.done() or waiter.cancelled():
                self.abort()

    def abort(self) -> None:
        """Close it at once; who waits for an answer gets none."""
        self._keeps = False
        if self._transport is not None:
            self._transport.abort()

    def _forget(self) -> None:
        self._headed = self._framed = False
        self._retry_after = b""
        self._body: list[bytes] = []
        self._size = 0

    # --- what the loop says -----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its type

    def data_received(self, data: bytes) -> None:
        if self._parser is None or self._waiter is None or self._waiter.done():
            self.abort()  # nobody has asked for this
            return
        self._heard += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(ConnectionAbortedError("the answer is no HTTP"))
        if self._heard - self._size > LONGEST_HEAD:
            self._fail(ConnectionAbortedError("there is too much around the answer's body"))

    def eof_received(self) -> None:
        self._keeps = False
        if self._headed and not self._framed:
            self._answer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._fail(exc or ConnectionResetError("closed without an answer"))

    # --- what the parser says ---------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._waiter is not None and self._waiter.done():
            self._keeps = False  # a second answer to one request
        else:
            self._forget()  # what answers from 100 to 199 have said

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._headed:
            return  # it comes after the body
        name = name.lower()
        if name == b"retry-after":
            self._retry_after = value
        elif name in _FRAMES:
            self._framed = True

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        self._status = self._parser.get_status_code()
        self._headed = self._status >= 200

    def on_body(self, part: bytes) -> None:
        self._body.append(part)
        self._size += len(part)
        if self._size > LONGEST_ANSWER:
            self._answer()
            self.abort()

    def on_message_complete(self) -> None:
        if not self._headed:
            return  # 100 to 199: the answer is still to come
        assert self._parser is not None and self._transport is not None
        has_left = self._transport.get_write_buffer_size() == 0
        self._keeps = self._keeps and has_left and self._parser.should_keep_alive()
        self._answer()

    def _answer(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            body = b"".join(self._body)[: LONGEST_ANSWER + 1]
            self._waiter.set_result(Reply(self._status, self._retry_after.decode("latin-1"), body))

    def _fail(self, error: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
        self.abort()
