"""The client against servers that say what no proper one would: what is taken for an answer, and when another
request may follow on the same connection."""

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from broadcast.channels.base import SendResult, SendStatus
from broadcast.channels.http.body import LONGEST_BODY
from broadcast.channels.http.client import HttpClient, HttpResponse
from broadcast.channels.http.connection import LONGEST_HEAD, Connection, IdleConnections
from tests.support.byte_server import OK, ByteServer, Peer, Talk, byte_server, replies_with
from tests.support.waiting import until

pytestmark = pytest.mark.on_both_loops

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
ANSWERED = HttpResponse(200, None, b'{"ok":true}')


class Asking:
    """A client that keeps connections open, and the server that it asks."""

    def __init__(self, client: HttpClient, server: ByteServer) -> None:
        self.client, self.server = client, server

    async def ask(self, body: bytes = b"{}") -> HttpResponse | SendResult:
        return await self.client.post(f"http://127.0.0.1:{self.server.port}/x", body)


@asynccontextmanager
async def asking(talk: Talk, timeout_s: float = 2) -> AsyncIterator[Asking]:
    async with byte_server(talk) as server:
        client = HttpClient(timeout_s, reuse=True)
        try:
            yield Asking(client, server)
        finally:
            await client.aclose()


def verdict(outcome: HttpResponse | SendResult) -> SendStatus:
    assert isinstance(outcome, SendResult)
    return outcome.verdict


@pytest.mark.parametrize("bytewise", [False, True], ids=["at once", "byte by byte"])
@pytest.mark.parametrize(
    ("raw", "status", "body", "stays_open"),
    [
        (HEAD + b"Content-Length: 3\r\n\r\nabc", 200, b"abc", True),
        (HEAD + b"Content-Length: 0\r\n\r\n", 200, b"", True),
        (CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 200, b"abcde", True),
        (CHUNKED + b"3;a=b;c\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n", 200, b"abc", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", 304, b"", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 3\r\n\r\nabc", 200, b"abc", True),
        (
            b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" * 3 + HEAD + b"Content-Length: 1\r\n\r\na",
            200,
            b"a",
            True,
        ),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na", 200, b"a", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", 200, b"a", False),
        (HEAD + b"Connection: Close\r\nContent-Length: 1\r\n\r\na", 200, b"a", False),
        (HEAD + b"Connection: keep-alive\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 200, b"", False),
        (b"HTTP/1.1 426 Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n", 426, b"", True),
    ],
)
async def test_an_answer_ends_where_it_says_and_says_whether_another_may_follow(
    raw: bytes, status: int, body: bytes, stays_open: bool, bytewise: bool
) -> None:
    parts = tuple(raw[i : i + 1] for i in range(len(raw))) if bytewise else (raw,)
    async with asking(replies_with(parts, parts)) as here:
        for _ in range(2):
            assert await here.ask() == HttpResponse(status, None, body)
    assert here.server.connections == (1 if stays_open else 2)


@pytest.mark.parametrize(
    "before", [b"", b"HTTP/1.1 103 Hints\r\nContent-Length: 9\r\nRetry-After: 9\r\n\r\n"]
)
async def test_a_body_without_a_length_ends_with_the_connection(before: bytes) -> None:
    async with asking(replies_with((before, HEAD + b"\r\nab", b"cd"), closes=True)) as here:
        assert await here.ask() == HttpResponse(200, None, b"abcd")
        assert await here.ask() == HttpResponse(200, None, b"abcd")
    assert here.server.connections == 2


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"HTTP/1.1 200 OK", HEAD + b"Content-Length: 3\r\n\r\nab", CHUNKED + b"3\r\nabc\r\n",
        CHUNKED + b"3\r\nabc\r\n0\r\n", b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)  # fmt: skip
async def test_an_answer_that_breaks_off_is_none(raw: bytes) -> None:
    async with asking(replies_with(raw, closes=True)) as here:
        assert verdict(await here.ask()) is SendStatus.UNKNOWN
    assert len(here.server.requests) == 1


async def test_a_body_without_a_length_does_not_end_with_a_reset() -> None:
    async def reset(peer: Peer) -> None:
        await peer.hear()
        await peer.say(HEAD + b'\r\n{"ok":true}')
        await asyncio.sleep(0.02)
        end = peer.writer.get_extra_info("socket")
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async with asking(reset) as here:
        assert verdict(await here.ask()) is SendStatus.UNKNOWN


@pytest.mark.parametrize(
    "raw",
    [
        b"220 mail.example ESMTP\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        HEAD + b"Content-Length: 11\r\nTransfer-Encoding: chunked\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 11\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 99999999999999999999\r\n\r\n",
        CHUNKED + b"zz\r\n",
        CHUNKED + b"3\r\nabcde\r\n",
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n" + OK,
        HEAD + b"X: a\x00b\r\n\r\n",
    ],
)
async def test_what_is_no_proper_answer_ends_the_connection(raw: bytes) -> None:
    async with asking(replies_with(raw)) as here:
        assert verdict(await here.ask()) is SendStatus.UNKNOWN
        await here.server.all_closed()


async def numbered(peer: Peer, more: bytes, *, later: bool) -> None:
    """Answers each request with its number, and the first one with ``more``."""
    while True:
        await peer.hear()
        number = len(peer.server.requests)
        answer = HEAD + b"Content-Length: 1\r\n\r\n%d" % number
        extra = more if number == 1 else b""
        await peer.say(*((answer, extra) if later else (answer + extra,)))


@pytest.mark.parametrize("more", [OK, b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_no_request_follows_an_answer_with_another_behind_it(more: bytes) -> None:
    async with asking(lambda peer: numbered(peer, more, later=False)) as here:
        assert [await here.ask() for _ in range(2)] == [
            HttpResponse(200, None, b"1"), HttpResponse(200, None, b"2")
        ]  # fmt: skip
    assert here.server.connections == 2


@pytest.mark.parametrize("more", [OK, b"H", b"HTTP/1.1 100 Continue\r\n\r\n", b"garbage"])
async def test_no_request_follows_where_more_came_than_was_asked_for(more: bytes) -> None:
    async with asking(lambda peer: answer_then(peer, more)) as here:
        assert await here.ask() == HttpResponse(200, None, b"1")
        await here.server.all_closed()
        assert await here.ask() == HttpResponse(200, None, b"2")
    assert here.server.connections == 2


async def answer_then(peer: Peer, more: bytes) -> None:
    """Answers with the number of the connection, and a little later with ``more``."""
    await peer.hear()
    await peer.say(HEAD + b"Content-Length: 1\r\n\r\n%d" % peer.server.connections)
    await asyncio.sleep(0.02)
    await peer.say(more)
    await peer.wait()


@pytest.mark.parametrize("more", [b"H", b"garbage", OK[:30]])
async def test_what_hangs_on_to_an_answer_is_no_part_of_the_next_one(more: bytes) -> None:
    """It may cost the answer that it hangs on to; that one is unknown then."""
    async with asking(lambda peer: numbered(peer, more, later=False)) as here:
        first, second = [await here.ask() for _ in range(2)]
    assert first == HttpResponse(200, None, b"1") or verdict(first) is SendStatus.UNKNOWN
    assert second == HttpResponse(200, None, b"2")


async def test_what_comes_before_anything_was_asked_is_no_answer() -> None:
    """No request goes out on that connection."""

    async def hasty(peer: Peer) -> None:
        await peer.say(OK)
        await peer.wait()

    loop = asyncio.get_running_loop()
    async with byte_server(hasty) as server:
        make = partial(Connection, loop, IdleConnections(1), awaits_tunnel=False)
        _, connection = await loop.create_connection(make, "127.0.0.1", server.port)
        await server.all_closed()
        assert not connection.begin()


async def test_a_connection_that_the_server_has_ended_is_not_used() -> None:
    async with asking(replies_with(OK, closes=True)) as here:
        for _ in range(3):
            assert await here.ask() == ANSWERED
            await here.server.all_closed()
            await asyncio.sleep(0.02)
    assert here.server.connections == 3


async def test_requests_follow_one_another_on_one_connection_and_never_two_at_once() -> None:
    async def count(peer: Peer) -> None:
        for number in range(2):
            await peer.hear()
            await asyncio.sleep(0.02)
            await peer.say(HEAD + b"Content-Length: 1\r\n\r\n%d" % number)

    async with asking(count) as here:
        firsts = await asyncio.gather(here.ask(), here.ask())
        seconds = await asyncio.gather(here.ask(), here.ask())
    assert firsts == [HttpResponse(200, None, b"0")] * 2
    assert seconds == [HttpResponse(200, None, b"1")] * 2
    assert here.server.connections == 2


async def test_nothing_of_an_answer_is_left_for_the_next_one() -> None:
    first = b"HTTP/1.1 429 No\r\nRetry-After: 9\r\nContent-Length: 3\r\n\r\nabc"
    async with asking(replies_with(first, OK)) as here:
        assert await here.ask() == HttpResponse(429, 9.0, b"abc")
        assert await here.ask() == ANSWERED
    assert here.server.connections == 1


async def test_an_answer_without_a_body_does_not_answer_the_next_request_too() -> None:
    async with asking(replies_with(b"HTTP/1.1 204 No Content\r\n\r\n", b"", closes=True)) as here:
        assert await here.ask() == HttpResponse(204, None, b"")
        assert verdict(await here.ask()) is SendStatus.UNKNOWN


async def test_a_connection_bears_any_number_of_answers() -> None:
    raw = HEAD + b"X-Filler: " + b"a" * 4096 + b"\r\nContent-Length: 0\r\n\r\n"
    async with asking(replies_with(*[raw] * 30)) as here:
        for _ in range(30):
            assert await here.ask() == HttpResponse(200, None, b"")
    assert here.server.connections == 1


async def test_the_time_of_a_request_that_was_answered_ends_no_later_one() -> None:
    async def slow(peer: Peer) -> None:
        for _ in range(3):
            await peer.hear()
            await asyncio.sleep(0.06)
            await peer.say(OK)

    async with asking(slow, timeout_s=0.15) as here:
        assert [await here.ask() for _ in range(3)] == [ANSWERED] * 3
    assert here.server.connections == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 103 Hints\r\nRetry-After: 9\r\n\r\n" + OK,
        CHUNKED + b'b\r\n{"ok":true}\r\n0\r\nRetry-After: 9\r\n\r\n',
    ],
    ids=["before it", "after its body"],
)
async def test_only_the_answers_own_head_says_how_long_to_wait(raw: bytes) -> None:
    async with asking(replies_with(raw)) as here:
        assert await here.ask() == ANSWERED


async def test_no_request_follows_one_that_was_answered_before_it_had_left() -> None:
    async def early(peer: Peer) -> None:
        if peer.server.connections > 1:
            await peer.hear()
        else:
            await peer.reader.read(1)
        await peer.say(OK)
        await peer.wait()

    async with asking(early, timeout_s=5) as here:
        assert await here.ask(b" " * (16 << 20)) == ANSWERED
        assert await here.ask() == ANSWERED
        assert here.server.connections == 2
        await here.client.aclose()
        await here.server.all_closed()


@pytest.mark.parametrize(
    ("before", "again"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (HEAD, b"X-Filler: " + b"a" * 100 + b"\r\n"),
        (HEAD + b"X-Filler: ", b"a" * 100),
        (CHUNKED + b"0\r\nX-Filler: ", b"a" * 100),
        (CHUNKED + b"0\r\n", b"X-Filler: " + b"a" * 100 + b"\r\n"),
        (CHUNKED, b"1;" + b"a" * 100 + b"\r\na\r\n"),
    ],
    ids=["100s", "headers", "one header", "one trailer", "trailers", "chunk extensions"],
)
async def test_what_is_around_a_body_is_read_no_further_than_the_limit(before: bytes, again: bytes) -> None:
    said = 0

    async def endless(peer: Peer) -> None:
        nonlocal said
        await peer.hear()
        await peer.say(before)
        while said < LONGEST_HEAD * 20:
            await peer.say(again * 10)
            said += len(again) * 10

    async with asking(endless, timeout_s=2) as here:
        assert verdict(await here.ask()) is SendStatus.UNKNOWN
        await here.server.all_closed()
    assert said < LONGEST_HEAD * 10


@pytest.mark.parametrize(
    "head", [HEAD + b"\r\n", HEAD + b"Content-Length: 9999999999\r\n\r\n"], ids=["endless", "long"]
)
async def test_a_body_is_read_no_further_than_the_limit(head: bytes) -> None:
    async def giant(peer: Peer) -> None:
        await peer.hear()
        await peer.say(head)
        while True:
            await peer.say(b" " * 4096)

    async with asking(giant) as here:
        assert await here.ask() == HttpResponse(200, None, b" " * (LONGEST_BODY + 1))
        await here.server.all_closed()


async def test_a_body_of_exactly_the_limit_leaves_the_connection_open() -> None:
    raw = HEAD + b"Content-Length: %d\r\n\r\n" % LONGEST_BODY + b" " * LONGEST_BODY
    async with asking(replies_with(raw, raw)) as here:
        for _ in range(2):
            assert await here.ask() == HttpResponse(200, None, b" " * LONGEST_BODY)
    assert here.server.connections == 1


async def test_an_answer_that_drips_past_its_time_is_given_up() -> None:
    async def drip(peer: Peer) -> None:
        await peer.hear()
        await peer.say(HEAD + b"\r\n")
        while True:
            await peer.say(b" ")
            await asyncio.sleep(0.01)

    async with asking(drip, timeout_s=0.1) as here:
        began = time.monotonic()
        assert await here.ask() == SendResult(SendStatus.UNKNOWN, "no answer: TimeoutError")
        assert time.monotonic() - began < 2
        await here.server.all_closed()


async def test_a_head_that_drips_past_its_time_is_given_up() -> None:
    async def drip(peer: Peer) -> None:
        await peer.hear()
        await peer.say(HEAD + b"X-Filler: ")
        while True:
            await peer.say(b"a")
            await asyncio.sleep(0.01)

    async with asking(drip, timeout_s=0.1) as here:
        assert await here.ask() == SendResult(SendStatus.UNKNOWN, "no answer: TimeoutError")
        await here.server.all_closed()


async def test_whoever_stops_waiting_ends_the_connection() -> None:
    async with asking(replies_with(())) as here:
        task = asyncio.create_task(here.ask())
        await until(lambda: here.server.requests)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await here.server.all_closed()


async def test_a_body_without_a_length_that_we_end_ourselves_is_no_answer() -> None:
    async with asking(replies_with(HEAD + b'\r\n{"ok":true}')) as here:
        task = asyncio.create_task(here.ask())
        await asyncio.sleep(0.03)
        await here.client.aclose()
        assert verdict(await task) is SendStatus.UNKNOWN


async def test_a_get_that_was_not_answered_is_not_sent_again() -> None:
    async def cut(peer: Peer) -> None:
        await peer.hear()
        if len(peer.server.requests) == 1:
            await peer.say(OK)
            await peer.hear()
        peer.writer.transport.abort()

    async with asking(cut) as here:
        outcomes = [await here.client.get(f"http://127.0.0.1:{here.server.port}/x") for _ in range(2)]
    assert outcomes[0] == ANSWERED
    assert verdict(outcomes[1]) is SendStatus.UNKNOWN
    assert len(here.server.requests) == 2
