"""One connection against servers that say what no proper one would: what is taken for an answer, and when
another request may follow."""

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from broadcast.channels.http.connection import LONGEST_ANSWER, LONGEST_HEAD, Connection, Reply
from tests.support.byte_server import OK, ByteServer, Peer, Talk, byte_server, replies_with

pytestmark = pytest.mark.on_both_loops

REQUEST = b"POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n{}"
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@asynccontextmanager
async def connected(talk: Talk) -> AsyncIterator[tuple[Connection, ByteServer]]:
    async with byte_server(talk) as server:
        _, connection = await asyncio.get_running_loop().create_connection(
            Connection, "127.0.0.1", server.port
        )
        try:
            yield connection, server
        finally:
            connection.abort()


async def until_closed(connection: Connection) -> None:
    async with asyncio.timeout(2):
        while connection.is_open:  # noqa: ASYNC110
            await asyncio.sleep(0.002)


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
    async with connected(replies_with(parts)) as (connection, _):
        assert await connection.ask(REQUEST, 2) == Reply(status, "", body)
        assert connection.is_open is stays_open


@pytest.mark.parametrize(
    "before", [b"", b"HTTP/1.1 103 Hints\r\nContent-Length: 9\r\nRetry-After: 9\r\n\r\n"]
)
async def test_a_body_without_a_length_ends_with_the_connection(before: bytes) -> None:
    async with connected(replies_with((before, HEAD + b"\r\nab", b"cd"), closes=True)) as (connection, _):
        assert await connection.ask(REQUEST, 2) == Reply(200, "", b"abcd")
        assert not connection.is_open


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"HTTP/1.1 200 OK", HEAD + b"Content-Length: 3\r\n\r\nab", CHUNKED + b"3\r\nabc\r\n",
        CHUNKED + b"3\r\nabc\r\n0\r\n", b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)  # fmt: skip
async def test_an_answer_that_breaks_off_is_none(raw: bytes) -> None:
    async with connected(replies_with(raw, closes=True)) as (connection, _):
        with pytest.raises(ConnectionResetError):
            await connection.ask(REQUEST, 2)
        assert not connection.is_open


async def test_a_body_without_a_length_does_not_end_with_a_reset() -> None:
    async def reset(peer: Peer) -> None:
        await peer.hear()
        await peer.say(HEAD + b'\r\n{"ok":true}')
        await asyncio.sleep(0.02)
        end = peer.writer.get_extra_info("socket")
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async with connected(reset) as (connection, _):
        with pytest.raises(ConnectionResetError):
            await connection.ask(REQUEST, 2)


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
    async with connected(replies_with(raw)) as (connection, server):
        with pytest.raises(ConnectionAbortedError):
            await connection.ask(REQUEST, 2)
        assert not connection.is_open
        await server.all_closed()


@pytest.mark.parametrize(
    "more", [OK, b"H", b"garbage", b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"]
)
@pytest.mark.parametrize("later", [False, True], ids=["with the answer", "after it"])
async def test_no_request_follows_where_more_came_than_was_asked_for(more: bytes, later: bool) -> None:
    raw = HEAD + b"Content-Length: 3\r\n\r\nabc"
    async with connected(replies_with((raw, more) if later else raw + more)) as (connection, server):
        assert (await connection.ask(REQUEST, 2)).body == b"abc"
        if later:
            await until_closed(connection)
        assert not connection.is_open
        with pytest.raises(ConnectionResetError):
            await connection.ask(REQUEST, 2)
    assert len(server.requests) == 1


async def test_what_comes_before_anything_was_asked_is_no_answer() -> None:
    async def hasty(peer: Peer) -> None:
        await peer.say(OK)
        await peer.hear()

    async with connected(hasty) as (connection, server):
        await until_closed(connection)
        with pytest.raises(ConnectionResetError):
            await connection.ask(REQUEST, 2)
        await server.all_closed()
        assert server.requests == []


async def test_a_connection_that_the_other_side_has_ended_is_not_open() -> None:
    async with connected(replies_with(OK, closes=True)) as (connection, server):
        await connection.ask(REQUEST, 2)
        await until_closed(connection)
        with pytest.raises(ConnectionResetError):
            await connection.ask(REQUEST, 2)
    assert len(server.requests) == 1


async def test_requests_follow_one_another_on_one_connection_and_never_two_at_once() -> None:
    answers = [HEAD + b"Content-Length: 1\r\n\r\n%d" % x for x in range(3)]
    async with connected(replies_with(*answers)) as (connection, server):
        first = asyncio.create_task(connection.ask(REQUEST, 2))
        await asyncio.sleep(0)
        with pytest.raises(ConnectionResetError):
            await connection.ask(REQUEST, 2)
        bodies = [(await first).body, *[(await connection.ask(REQUEST, 2)).body for _ in range(2)]]
    assert bodies == [b"0", b"1", b"2"]
    assert (server.connections, server.requests) == (1, [REQUEST] * 3)


async def test_nothing_of_an_answer_is_left_for_the_next_one() -> None:
    first = b"HTTP/1.1 429 No\r\nRetry-After: 9\r\nContent-Length: 3\r\n\r\nabc"
    async with connected(replies_with(first, OK)) as (connection, _):
        assert await connection.ask(REQUEST, 2) == Reply(429, "9", b"abc")
        assert await connection.ask(REQUEST, 2) == Reply(200, "", b'{"ok":true}')


async def test_an_answer_without_a_body_does_not_answer_the_next_request_too() -> None:
    async with connected(replies_with(b"HTTP/1.1 204 No Content\r\n\r\n", b"", closes=True)) as (
        connection,
        _,
    ):
        assert (await connection.ask(REQUEST, 2)).status == 204
        with pytest.raises(ConnectionResetError):
            await connection.ask(REQUEST, 2)


async def test_a_connection_bears_any_number_of_answers() -> None:
    raw = HEAD + b"X-Filler: " + b"a" * (LONGEST_HEAD // 8) + b"\r\nContent-Length: 0\r\n\r\n"
    async with connected(replies_with(*[raw] * 10)) as (connection, _):
        for _ in range(10):
            assert (await connection.ask(REQUEST, 2)).status == 200


async def test_the_time_of_a_request_that_was_answered_ends_no_later_one() -> None:
    async with connected(replies_with(OK, OK)) as (connection, _):
        await connection.ask(REQUEST, 0.05)
        await asyncio.sleep(0.08)
        assert (await connection.ask(REQUEST, 2)).status == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 103 Hints\r\nRetry-After: 9\r\n\r\n" + OK,
        CHUNKED + b'b\r\n{"ok":true}\r\n0\r\nRetry-After: 9\r\n\r\n',
    ],
    ids=["before it", "after its body"],
)
async def test_only_the_answers_own_head_says_how_long_to_wait(raw: bytes) -> None:
    async with connected(replies_with(raw)) as (connection, _):
        assert await connection.ask(REQUEST, 2) == Reply(200, "", b'{"ok":true}')


async def test_no_request_follows_one_that_was_answered_before_it_had_left() -> None:
    async def early(peer: Peer) -> None:
        await peer.reader.read(1)
        await peer.say(OK)
        await peer.wait()

    async with connected(early) as (connection, server):
        reply = await connection.ask(REQUEST + b" " * (16 << 20), 2)
        assert (reply.status, connection.is_open) == (200, False)
        connection.abort()
        await server.all_closed()


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

    async with connected(endless) as (connection, server):
        with pytest.raises(ConnectionAbortedError):
            await connection.ask(REQUEST, 2)
        await server.all_closed()
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

    async with connected(giant) as (connection, server):
        assert await connection.ask(REQUEST, 2) == Reply(200, "", b" " * (LONGEST_ANSWER + 1))
        assert not connection.is_open
        await server.all_closed()


async def test_a_body_of_exactly_the_limit_leaves_the_connection_open() -> None:
    raw = HEAD + b"Content-Length: %d\r\n\r\n" % LONGEST_ANSWER + b" " * LONGEST_ANSWER
    async with connected(replies_with(raw)) as (connection, _):
        assert len((await connection.ask(REQUEST, 2)).body) == LONGEST_ANSWER
        assert connection.is_open


async def test_an_answer_that_drips_past_its_time_is_given_up() -> None:
    async def drip(peer: Peer) -> None:
        await peer.hear()
        await peer.say(HEAD + b"\r\n")
        while True:
            await peer.say(b" ")
            await asyncio.sleep(0.01)

    async with connected(drip) as (connection, server):
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            await connection.ask(REQUEST, 0.1)
        assert time.monotonic() - began < 2
        assert not connection.is_open
        await server.all_closed()


async def test_whoever_stops_waiting_ends_the_connection() -> None:
    async with connected(replies_with(())) as (connection, server):
        asking = asyncio.create_task(connection.ask(REQUEST, 2))
        await asyncio.sleep(0.02)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert not connection.is_open
        await server.all_closed()


async def test_a_wait_that_is_thrown_away_ends_the_connection_too() -> None:
    async with connected(replies_with(())) as (connection, _):
        asking = connection.ask(REQUEST, 2)
        asking.send(None)
        asking.close()
        assert not connection.is_open


async def test_a_body_without_a_length_that_we_end_ourselves_is_no_answer() -> None:
    async with connected(replies_with(HEAD + b'\r\n{"ok":true}')) as (connection, _):
        asking = asyncio.create_task(connection.ask(REQUEST, 2))
        await asyncio.sleep(0.03)
        connection.abort()
        with pytest.raises(ConnectionResetError):
            await asking
