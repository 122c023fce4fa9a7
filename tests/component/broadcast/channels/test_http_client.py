"""One HTTP attempt over real connections: what is known of it afterwards."""

import asyncio
import gzip
import logging
import socket
import threading
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from broadcast.channels.base import SendResult, SendStatus
from broadcast.channels.http import connector
from broadcast.channels.http.address_guard import SocketAddress
from broadcast.channels.http.body import LONGEST_BODY
from broadcast.channels.http.client import HttpClient, HttpResponse
from broadcast.channels.http.connection import Connection
from tests.support.byte_server import OK, ByteServer, Peer, always, byte_server, replies_with
from tests.support.http_clients import Names, free_port, posted, verdict
from tests.support.http_platform import CannedReply, Cut, answering
from tests.support.waiting import for_ever, others_run, until

pytestmark = pytest.mark.on_both_loops


async def test_an_answer_comes_with_status_wait_and_body() -> None:
    async with answering(x=CannedReply({"ok": True}, 429, {"Retry-After": "9"})) as platform:
        outcome = await posted(HttpClient(20), f"{platform.url}/x")
    assert outcome == HttpResponse(429, 9.0, b'{"ok": true}')
    assert platform.asked[0].headers["Content-Type"] == "application/json; charset=utf-8"


async def test_nobody_there_means_that_nothing_left() -> None:
    assert verdict(await posted(HttpClient(20), f"http://127.0.0.1:{free_port()}/x")) is SendStatus.RETRY


async def test_a_name_that_is_not_found_means_that_nothing_left() -> None:
    assert verdict(await posted(HttpClient(20, resolve=Names()), "http://hook.example/x")) is SendStatus.RETRY
    assert verdict(await posted(HttpClient(20), f"http://{'a' * 64}.example/x")) is SendStatus.RETRY


async def test_a_connection_that_is_never_taken_means_that_nothing_left() -> None:
    """The queue of the listening socket is full, so the connection hangs before the request."""
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        outcome = await posted(HttpClient(0.5), f"http://127.0.0.1:{deaf.getsockname()[1]}/x")
    assert verdict(outcome) is SendStatus.RETRY


@pytest.mark.parametrize("answer", [Cut(), CannedReply({"ok": True}, late_s=3)])
async def test_a_request_that_left_without_an_answer_is_unknown(answer: object) -> None:
    async with answering(x=answer) as platform:
        outcome = await posted(HttpClient(0.5), f"{platform.url}/x")
    assert verdict(outcome) is SendStatus.UNKNOWN
    assert len(platform.asked) == 1


async def test_an_answer_that_is_no_http_is_unknown() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def babble() -> None:
            peer, _ = listening.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(b"220 mail.example ESMTP\r\n\r\n")

        thread = threading.Thread(target=babble)
        thread.start()
        outcome = await posted(HttpClient(20), f"http://127.0.0.1:{listening.getsockname()[1]}/x")
        thread.join()
    assert verdict(outcome) is SendStatus.UNKNOWN


async def test_a_giant_answer_is_read_no_further_than_the_limit() -> None:
    async with answering(x=CannedReply(b" " * (8 << 20))) as platform:
        outcome = await posted(HttpClient(5), f"{platform.url}/x")
    assert isinstance(outcome, HttpResponse)
    assert len(outcome.raw) == LONGEST_BODY + 1
    assert outcome.json_object() == {}


def deflated(raw: bytes) -> bytes:
    """Without zlib's header, as some servers send it."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(raw) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress), ("x-gzip", gzip.compress), ("GZIP", gzip.compress),
        ("deflate", zlib.compress), ("deflate", deflated), ("identity", bytes),
    ],
)  # fmt: skip
async def test_a_compressed_answer_is_read(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s"
    body = pack(b'{"errcode":0}')
    async with byte_server(replies_with(raw % (encoding.encode(), len(body), body))) as server:
        outcome = await posted(HttpClient(20), f"http://127.0.0.1:{server.port}/x")
    assert outcome == HttpResponse(200, None, b'{"errcode":0}')
    assert b"\r\naccept-encoding: gzip, deflate\r\n" in server.requests[0].lower()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", b'{"ok":true}'), ("gzip", gzip.compress(b'{"ok":true}', mtime=0)[:-9]), ("deflate", b"{}"),
        ("gzip", b""), ("br", b"\x0b\x05\x80{}\x03"), ("gzip, gzip", gzip.compress(b"{}", mtime=0)),
    ],
)  # fmt: skip
async def test_a_body_that_cannot_be_decompressed_is_none_but_its_status_counts(
    encoding: str, body: bytes
) -> None:
    raw = b"HTTP/1.1 400 No\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s"
    async with byte_server(replies_with(raw % (encoding.encode(), len(body), body))) as server:
        outcome = await posted(HttpClient(20), f"http://127.0.0.1:{server.port}/x")
    assert outcome == HttpResponse(400, None, b"")


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", deflated)]
)
async def test_a_bomb_is_decompressed_no_further_than_the_limit(
    encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    size = 64 << 20
    bomb = CannedReply(pack(b" " * size), headers={"Content-Encoding": encoding})
    async with answering(x=bomb) as platform:
        client = HttpClient(5)
        await client.post(f"{platform.url}/x", b"{}")
        tracemalloc.start()
        outcome = await posted(client, f"{platform.url}/x")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert outcome == HttpResponse(200, None, b" " * (LONGEST_BODY + 1))
    assert peak < size / 16


async def test_redirects_are_not_followed_and_cookies_not_kept() -> None:
    async with answering(
        x=CannedReply(b"", 302, {"Location": "/y", "Set-Cookie": "a=1"}), y=CannedReply({"ok": True})
    ) as platform:
        client = HttpClient(20)
        first = await client.post(f"{platform.url}/x", b"{}")
        await client.post(f"{platform.url}/x", b"{}")
        await client.aclose()
    assert isinstance(first, HttpResponse) and first.status == 302
    assert [x.path for x in platform.asked] == ["/x", "/x"]
    assert "Cookie" not in platform.asked[1].headers


async def test_a_name_is_judged_by_the_address_that_is_connected_to() -> None:
    """It is looked up once, for the connection itself: there is no second answer that could lead
    elsewhere."""
    names = Names(hook_example=[["127.0.0.1"]])
    async with answering(x=CannedReply({"ok": True})) as platform:
        port = platform.url.rpartition(":")[2]
        client = HttpClient(20, allow_private=False, resolve=names)
        outcome = await posted(client, f"http://hook.example:{port}/x")
    assert outcome == SendResult(SendStatus.REFUSED, "the target is a private address")
    assert platform.asked == []
    assert names.asked == 1


@pytest.mark.parametrize(
    "inside", ["127.0.0.1", "10.0.0.1", "0.0.0.0", "::1", "::ffff:127.0.0.1", "169.254.169.254"]
)
async def test_a_name_with_one_private_address_among_public_ones_is_refused(inside: str) -> None:
    names = Names(hook_example=[["8.8.8.8", inside]])
    outcome = await posted(HttpClient(20, allow_private=False, resolve=names), "http://hook.example/x")
    assert verdict(outcome) is SendStatus.REFUSED


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "localhost",
        "2130706433",
        "127.1",
        "0x7f.1",
        "0177.0.0.1",
    ],
)
async def test_no_way_of_writing_this_machine_is_posted_to(host: str) -> None:
    async with answering(x=CannedReply({"ok": True})) as platform:
        port = platform.url.rpartition(":")[2]
        outcome = await posted(HttpClient(20, allow_private=False), f"http://{host}:{port}/x")
    assert verdict(outcome) is SendStatus.REFUSED
    assert platform.asked == []


async def test_a_name_is_asked_for_once_in_a_while() -> None:
    names = Names(hook_example=[["127.0.0.1"]])
    async with answering(x=CannedReply({"ok": True})) as platform:
        client = HttpClient(20, resolve=names)
        url = f"http://hook.example:{platform.url.rpartition(':')[2]}/x"
        for _ in range(3):
            assert isinstance(await client.post(url, b"{}"), HttpResponse)
        await client.aclose()
    assert names.asked == 1


@pytest.mark.parametrize(("reuse", "connections"), [(True, 1), (False, 3)])
async def test_connections_are_kept_only_where_a_repeat_is_harmless(reuse: bool, connections: int) -> None:
    async with answering(x=CannedReply({"ok": True})) as platform:
        client = HttpClient(20, reuse=reuse)
        for _ in range(3):
            await client.post(f"{platform.url}/x", b"{}")
        await client.aclose()
    assert len({x.port for x in platform.asked}) == connections


async def test_no_more_requests_are_under_way_to_one_host_than_allowed() -> None:
    async with answering(x=CannedReply({"ok": True}, late_s=0.02)) as platform:
        client = HttpClient(5, at_once=50, per_host=3, reuse=True)
        outcomes = await asyncio.gather(*[client.post(f"{platform.url}/x", b"{}") for _ in range(15)])
        await client.aclose()
    assert {type(x) for x in outcomes} == {HttpResponse}
    assert platform.most_at_once == 3


async def test_a_host_that_does_not_answer_takes_no_other_hosts_turn() -> None:
    async with byte_server(replies_with(())) as deaf, byte_server(always) as server:
        client = HttpClient(60, at_once=4, per_host=2)
        waiting = [
            asyncio.create_task(client.post(f"http://127.0.0.1:{deaf.port}/x", b"{}")) for _ in range(20)
        ]
        await until(lambda: deaf.connections == 2)
        for _ in range(10):
            outcome = await client.post(f"http://127.0.0.1:{server.port}/x", b"{}")
            assert isinstance(outcome, HttpResponse)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        outcome = await client.post(f"http://127.0.0.1:{server.port}/x", b"{}")
        assert isinstance(outcome, HttpResponse)
        await client.aclose()
    assert deaf.connections == 2


async def test_the_wait_for_a_turn_is_not_taken_from_a_requests_time() -> None:
    async with answering(x=CannedReply({"ok": True}, late_s=0.1)) as platform:
        client = HttpClient(0.3, at_once=9, per_host=1)
        outcomes = await asyncio.gather(*[client.post(f"{platform.url}/x", b"{}") for _ in range(6)])
        await client.aclose()
    assert {type(x) for x in outcomes} == {HttpResponse}


async def test_no_more_requests_are_under_way_than_allowed() -> None:
    async with answering(x=CannedReply({"ok": True}, late_s=0.02)) as platform:
        client = HttpClient(5, at_once=4)
        await asyncio.gather(*[client.post(f"{platform.url}/x", b"{}") for _ in range(20)])
        await client.aclose()
    assert platform.most_at_once == 4


async def test_a_client_can_be_used_again_after_it_was_closed() -> None:
    async with answering(x=CannedReply({"ok": True})) as platform:
        client = HttpClient(20)
        for _ in range(2):
            assert isinstance(await posted(client, f"{platform.url}/x"), HttpResponse)
        await client.aclose()


async def test_no_key_gets_into_a_reason_or_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bad: list[Callable[[], str]] = [
        lambda: f"http://127.0.0.1:{free_port()}/KEY?key=KEY", lambda: "http://nowhere.invalid/KEY",
        lambda: "http://127.1/KEY", lambda: "gopher://h/KEY", lambda: "http://[KEY/",
    ]  # fmt: skip
    async with answering(KEY=Cut()) as platform:
        for url in [*(x() for x in bad), f"{platform.url}/KEY"]:
            outcome = await posted(HttpClient(1), url)
            assert isinstance(outcome, SendResult) and "KEY" not in outcome.reason
    assert not [x for x in caplog.records if "KEY" in x.getMessage() and x.name != "aiohttp.access"]


# --- what is posted ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rest", "target"),
    [
        ("", "/"),
        ("?a=1", "/?a=1"),
        ("#part", "/"),
        ("/x?a=1#part?b", "/x?a=1"),
        ("/x?key=a%2Fb&c=d+e", "/x?key=a%2Fb&c=d+e"),
        ("/预警?名=值", "/%E9%A2%84%E8%AD%A6?%E5%90%8D=%E5%80%BC"),
        ("/a b", "/a%20b"),
        ("/a\\b", "/a%5Cb"),
        ('/{a}|"<>^`', "/%7Ba%7D%7C%22%3C%3E%5E%60"),
        ("/100%", "/100%25"),
        ("/a/../b/./c", "/b/c"),
        ("//x", "//x"),
        ("/x\r\nX-Forged: 1", "/xX-Forged:%201"),
    ],
)
async def test_a_path_arrives_as_http_writes_it(rest: str, target: str) -> None:
    async with byte_server(replies_with(OK)) as server:
        outcome = await posted(HttpClient(20), f"HTTP://127.0.0.1:{server.port}{rest}")
    assert isinstance(outcome, HttpResponse)
    (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    assert first == f"POST {target} HTTP/1.1".encode()
    assert {name.lower(): value for name, value in (x.split(b": ") for x in fields)} == {
        b"host": f"127.0.0.1:{server.port}".encode(), b"accept": b"*/*",
        b"accept-encoding": b"gzip, deflate", b"user-agent": b"fenghuo", b"content-length": b"2",
        b"content-type": b"application/json; charset=utf-8", b"connection": b"close",
    }  # fmt: skip
    assert len(fields) == 7
    assert body == b"{}"


async def test_parameters_are_added_to_those_that_the_address_has() -> None:
    async with byte_server(always) as server:
        client = HttpClient(20)
        for rest in ("/x", "/x?a=1"):
            await client.get(f"http://127.0.0.1:{server.port}{rest}", params={"k": "a b&c"})
        await client.aclose()
    assert [x.split(b" ")[1] for x in server.requests] == [b"/x?k=a+b%26c", b"/x?a=1&k=a+b%26c"]


@pytest.mark.parametrize("value", ["a\r\nX-Forged: 1", "a\nb", "a\rb", "\ud800"])
async def test_a_header_that_would_be_another_is_not_sent(value: str) -> None:
    async with byte_server(always) as server:
        client = HttpClient(20)
        outcome = await client.post(f"http://127.0.0.1:{server.port}/x", b"{}", headers={"x-event-id": value})
        await client.aclose()
    assert (verdict(outcome), server.requests) == (SendStatus.REFUSED, [])


async def test_any_header_that_says_how_long_to_wait_leaves_an_answer() -> None:
    date = b"Mon, 09 Mar 2026 04:02:00 +9999999999999"
    raw = b"HTTP/1.1 503 No\r\nRetry-After: " + date + b"\r\nContent-Length: 0\r\n\r\n"
    async with byte_server(replies_with(raw)) as server:
        outcome = await posted(HttpClient(20), f"http://127.0.0.1:{server.port}/x")
    assert outcome == HttpResponse(503, None, b"")


async def test_a_connection_that_ends_as_it_begins_means_that_nothing_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Short(Connection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            transport.close()

    monkeypatch.setattr(connector, "Connection", Short)
    async with byte_server(always) as server:
        outcome = await posted(HttpClient(20), f"http://127.0.0.1:{server.port}/x")
        await server.all_closed()
    assert (verdict(outcome), server.requests) == (SendStatus.RETRY, [])


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), ValueError("KEY"), OSError("KEY")])
async def test_whatever_goes_wrong_before_the_request_means_that_nothing_left(error: Exception) -> None:
    async def resolve(host: str, port: int) -> list[SocketAddress]:
        raise error

    outcome = await posted(HttpClient(20, resolve=resolve), "http://hook.example/x")
    assert (
        isinstance(outcome, SendResult)
        and outcome.verdict is SendStatus.RETRY
        and "KEY" not in outcome.reason
    )


# --- names ------------------------------------------------------------------------------------------------


async def test_many_that_wait_for_a_name_ask_for_it_once_and_again_when_it_was_not_found() -> None:
    names = Names()
    client = HttpClient(20, resolve=names)
    for asked in (1, 2):
        outcomes = await asyncio.gather(*[client.post("http://hook.example/x", b"") for _ in range(5)])
        assert {verdict(x) for x in outcomes} == {SendStatus.RETRY}
        assert names.asked == asked


async def test_whoever_stops_waiting_for_a_name_takes_it_from_nobody_else() -> None:
    known = asyncio.Event()
    async with byte_server(always) as server:

        async def resolve(host: str, port: int) -> list[SocketAddress]:
            await known.wait()
            return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]

        client = HttpClient(20, resolve=resolve)
        url = f"http://hook.example:{server.port}/x"
        first, second = asyncio.create_task(client.post(url, b"")), asyncio.create_task(client.post(url, b""))
        await others_run(5)
        first.cancel()
        known.set()
        assert isinstance(await second, HttpResponse)
        await client.aclose()
    assert first.cancelled()


async def test_a_name_that_is_not_found_in_time_means_that_nothing_left() -> None:
    async def resolve(host: str, port: int) -> list[SocketAddress]:
        await for_ever()
        return []

    assert (
        verdict(await posted(HttpClient(0.1, resolve=resolve), "http://hook.example/x")) is SendStatus.RETRY
    )


async def test_a_name_is_asked_for_again_after_a_while_and_then_judged_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connector, "RESOLVED_S", -1)
    names = Names(hook_example=[["127.0.0.1"], ["127.0.0.1"], []])
    async with byte_server(always) as server:
        client = HttpClient(20, resolve=names)
        url = f"http://hook.example:{server.port}/x"
        outcomes = [await client.post(url, b"") for _ in range(3)]
        await client.aclose()
    assert [type(x) for x in outcomes] == [HttpResponse, HttpResponse, SendResult]
    assert verdict(outcomes[2]) is SendStatus.RETRY


async def test_an_address_that_does_not_answer_gets_the_next_one_beside_it() -> None:
    names = Names(hook_example=[["::1", "127.0.0.1"]])
    async with byte_server(always) as server:
        outcome = await posted(HttpClient(20, resolve=names), f"http://hook.example:{server.port}/x")
    assert isinstance(outcome, HttpResponse)


# --- kept connections -------------------------------------------------------------------------------------


async def many(client: HttpClient, server: ByteServer, *hosts: str) -> list[HttpResponse | SendResult]:
    """One request after the other to each of ``hosts``."""
    return [await client.post(f"http://{host}:{server.port}/x", b"{}") for host in hosts]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n" + b" " * 999_999,
    ],
    ids=["close", "HTTP/1.0", "two answers", "too long"],
)
async def test_no_connection_is_kept_on_which_no_other_answer_may_come(answer: bytes) -> None:
    async with byte_server(replies_with(answer, OK)) as server:
        client = HttpClient(20, reuse=True)
        outcomes = await many(client, server, "127.0.0.1", "127.0.0.1")
        await server.all_closed()
        await client.aclose()
    assert [type(x) for x in outcomes] == [HttpResponse, HttpResponse]
    assert server.connections == 2


async def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next_ones() -> None:
    async def twice(peer: Peer) -> None:
        await peer.hear()
        await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % peer.server.connections)
        await asyncio.sleep(0.02)
        await peer.say(OK)
        await peer.wait()

    async with byte_server(twice) as server:
        client = HttpClient(20, reuse=True)
        (first,) = await many(client, server, "127.0.0.1")
        await server.all_closed()
        (second,) = await many(client, server, "127.0.0.1")
        await client.aclose()
    assert (first, second) == (HttpResponse(200, None, b"1"), HttpResponse(200, None, b"2"))


async def test_a_kept_connection_that_the_other_side_has_closed_is_not_used() -> None:
    async with byte_server(replies_with(OK, closes=True)) as server:
        client = HttpClient(20, reuse=True)
        for _ in range(3):
            (outcome,) = await many(client, server, "127.0.0.1")
            assert isinstance(outcome, HttpResponse)
            await server.all_closed()
            await asyncio.sleep(0.02)
        await client.aclose()
    assert server.connections == 3


async def test_a_connection_on_which_nothing_is_asked_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector, "IDLE_S", 0.05)
    async with byte_server(always) as server:
        client = HttpClient(20, reuse=True)
        await many(client, server, "127.0.0.1", "localhost")
        assert server.open == 2
        await server.all_closed()


async def test_a_connection_that_was_kept_too_long_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with byte_server(always) as server:
        monkeypatch.setattr(connector, "IDLE_S", 0)
        client = HttpClient(20, reuse=True)
        await many(client, server, "127.0.0.1", "127.0.0.1")
        await client.aclose()
    assert server.connections == 2


async def test_no_more_connections_are_kept_than_requests_may_be_under_way() -> None:
    hosts = [f"h{x}.example" for x in range(6)]
    names = Names(**{x.replace(".", "_"): [["127.0.0.1"]] for x in hosts})
    async with byte_server(always) as server:
        client = HttpClient(20, at_once=2, reuse=True, resolve=names)
        await many(client, server, *hosts)
        await until(lambda: (server.connections, server.open) == (6, 2))
        await many(client, server, hosts[4], hosts[5])
        assert server.connections == 6
        await client.aclose()
        await server.all_closed()


async def test_a_connection_to_one_name_serves_no_other_of_the_same_address() -> None:
    names = Names(a_example=[["127.0.0.1"]], b_example=[["127.0.0.1"]])
    async with byte_server(always) as server:
        client = HttpClient(20, reuse=True, resolve=names)
        await many(client, server, "a.example", "b.example", "a.example")
        await client.aclose()
    assert server.connections == 2


@pytest.mark.parametrize("known", [False, True], ids=["resolving", "connected"])
async def test_closing_ends_nobody_with_a_cancellation(known: bool) -> None:
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[SocketAddress]:
        asked.append(host)
        if not known:
            await for_ever()
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]

    async with byte_server(replies_with(())) as server:
        client = HttpClient(60, resolve=resolve)
        url = f"http://hook.example:{server.port}/x"
        tasks = [asyncio.create_task(client.post(url, b"{}")) for _ in range(3)]
        await until(lambda: len(server.requests) == 3 if known else asked)
        await client.aclose()
        outcomes = await asyncio.wait_for(asyncio.gather(*tasks), 2)
    assert {verdict(x) for x in outcomes} == {SendStatus.UNKNOWN if known else SendStatus.RETRY}


async def test_closing_ends_what_is_under_way_as_unknown() -> None:
    async with byte_server(replies_with(b"HTTP/1.1 200 OK\r\n\r\n{}")) as server:
        client = HttpClient(60, reuse=True)
        asking = asyncio.create_task(client.post(f"http://127.0.0.1:{server.port}/x", b"{}"))
        await until(lambda: server.requests)
        await client.aclose()
        assert verdict(await asyncio.wait_for(asking, 2)) is SendStatus.UNKNOWN
        await server.all_closed()


async def test_who_waits_longest_is_let_through_first() -> None:
    async with byte_server(always) as server:
        client = HttpClient(20, at_once=1, reuse=True)
        urls = [f"http://127.0.0.1:{server.port}/{x}" for x in range(8)]
        await asyncio.gather(*[client.post(url, b"") for url in urls])
        await client.aclose()
    assert [x.split(b" ")[1] for x in server.requests] == [b"/%d" % x for x in range(8)]
