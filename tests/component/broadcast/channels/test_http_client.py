"""One HTTP attempt over real connections: what is known of it afterwards."""

import asyncio
import gzip
import logging
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trustme
from aiohappyeyeballs import start_connection

from broadcast.channels.base import SendResult, SendStatus
from broadcast.channels.http import client as module
from broadcast.channels.http import kept
from broadcast.channels.http.address_guard import Address
from broadcast.channels.http.client import HttpClient, HttpResponse
from broadcast.channels.http.connection import LONGEST_ANSWER, Connection
from tests.support.byte_server import OK, ByteServer, Peer, always, byte_server, replies_with
from tests.support.http_platform import CannedReply, Cut, answering

pytestmark = pytest.mark.on_both_loops


class Names:
    """Knows some names; each answer is the next of its list, the last again and again. Counts what it is
    asked."""

    def __init__(self, **names: list[list[str]]) -> None:
        self.names = {name.replace("_", "."): answers for name, answers in names.items()}
        self.asked = 0

    async def __call__(self, host: str, port: int) -> list[Address]:
        self.asked += 1
        if host not in self.names:
            raise OSError("no such name")
        answers = self.names[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (x, port, 0, 0)) if ":" in x
            else (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (x, port)) for x in found
        ]  # fmt: skip


async def posted(wire: HttpClient, url: str) -> HttpResponse | SendResult:
    try:
        return await wire.post(url, b"{}")
    finally:
        await wire.aclose()


def verdict(outcome: HttpResponse | SendResult) -> SendStatus:
    assert isinstance(outcome, SendResult)
    return outcome.verdict


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


async def test_an_answer_comes_with_status_wait_and_body() -> None:
    async with answering(x=CannedReply({"ok": True}, 429, {"Retry-After": "9"})) as platform:
        outcome = await posted(HttpClient(2), f"{platform.url}/x")
    assert outcome == HttpResponse(429, 9.0, b'{"ok": true}')
    assert platform.asked[0].headers["Content-Type"] == "application/json; charset=utf-8"


async def test_nobody_there_means_that_nothing_left() -> None:
    assert verdict(await posted(HttpClient(2), f"http://127.0.0.1:{free_port()}/x")) is SendStatus.RETRY


async def test_a_name_that_is_not_found_means_that_nothing_left() -> None:
    assert verdict(await posted(HttpClient(2, resolve=Names()), "http://hook.example/x")) is SendStatus.RETRY
    assert verdict(await posted(HttpClient(2), f"http://{'a' * 64}.example/x")) is SendStatus.RETRY


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
        outcome = await posted(HttpClient(2), f"http://127.0.0.1:{listening.getsockname()[1]}/x")
        thread.join()
    assert verdict(outcome) is SendStatus.UNKNOWN


async def test_a_giant_answer_is_read_no_further_than_the_limit() -> None:
    async with answering(x=CannedReply(b" " * (8 << 20))) as platform:
        outcome = await posted(HttpClient(5), f"{platform.url}/x")
    assert isinstance(outcome, HttpResponse)
    assert len(outcome.raw) == LONGEST_ANSWER + 1
    assert outcome.said() == {}


async def test_a_packed_answer_is_not_unpacked() -> None:
    bomb = CannedReply(gzip.compress(b"0" * (8 << 20)), headers={"Content-Encoding": "gzip"})
    async with answering(x=bomb) as platform:
        outcome = await posted(HttpClient(5), f"{platform.url}/x")
    assert isinstance(outcome, HttpResponse)
    assert len(outcome.raw) < LONGEST_ANSWER
    assert platform.asked[0].headers["Accept-Encoding"] == "identity"


async def test_redirects_are_not_followed_and_cookies_not_kept() -> None:
    async with answering(
        x=CannedReply(b"", 302, {"Location": "/y", "Set-Cookie": "a=1"}), y=CannedReply({"ok": True})
    ) as platform:
        wire = HttpClient(2)
        first = await wire.post(f"{platform.url}/x", b"{}")
        await wire.post(f"{platform.url}/x", b"{}")
        await wire.aclose()
    assert isinstance(first, HttpResponse) and first.status == 302
    assert [x.path for x in platform.asked] == ["/x", "/x"]
    assert "Cookie" not in platform.asked[1].headers


async def test_a_name_is_judged_by_the_address_that_is_connected_to() -> None:
    """It is looked up once, for the connection itself: there is no second answer that could lead
    elsewhere."""
    names = Names(hook_example=[["127.0.0.1"]])
    async with answering(x=CannedReply({"ok": True})) as platform:
        port = platform.url.rpartition(":")[2]
        wire = HttpClient(2, allow_private=False, resolve=names)
        outcome = await posted(wire, f"http://hook.example:{port}/x")
    assert outcome == SendResult(SendStatus.REFUSED, "the target is a private address")
    assert platform.asked == []
    assert names.asked == 1


@pytest.mark.parametrize(
    "inside", ["127.0.0.1", "10.0.0.1", "0.0.0.0", "::1", "::ffff:127.0.0.1", "169.254.169.254"]
)
async def test_a_name_with_one_private_address_among_public_ones_is_refused(inside: str) -> None:
    names = Names(hook_example=[["8.8.8.8", inside]])
    outcome = await posted(HttpClient(2, allow_private=False, resolve=names), "http://hook.example/x")
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
        outcome = await posted(HttpClient(2, allow_private=False), f"http://{host}:{port}/x")
    assert verdict(outcome) is SendStatus.REFUSED
    assert platform.asked == []


async def test_a_name_is_asked_for_once_in_a_while() -> None:
    names = Names(hook_example=[["127.0.0.1"]])
    async with answering(x=CannedReply({"ok": True})) as platform:
        wire = HttpClient(2, resolve=names)
        url = f"http://hook.example:{platform.url.rpartition(':')[2]}/x"
        for _ in range(3):
            assert isinstance(await wire.post(url, b"{}"), HttpResponse)
        await wire.aclose()
    assert names.asked == 1


@pytest.mark.parametrize(("reuse", "connections"), [(True, 1), (False, 3)])
async def test_connections_are_kept_only_where_a_repeat_is_harmless(reuse: bool, connections: int) -> None:
    async with answering(x=CannedReply({"ok": True})) as platform:
        wire = HttpClient(2, reuse=reuse)
        for _ in range(3):
            await wire.post(f"{platform.url}/x", b"{}")
        await wire.aclose()
    assert len({x.port for x in platform.asked}) == connections


async def test_no_more_requests_are_under_way_than_allowed() -> None:
    async with answering(x=CannedReply({"ok": True}, late_s=0.02)) as platform:
        wire = HttpClient(5, at_once=4)
        await asyncio.gather(*[wire.post(f"{platform.url}/x", b"{}") for _ in range(20)])
        await wire.aclose()
    assert platform.most_at_once == 4


async def test_a_wire_can_be_used_again_after_it_was_closed() -> None:
    async with answering(x=CannedReply({"ok": True})) as platform:
        wire = HttpClient(2)
        for _ in range(2):
            assert isinstance(await posted(wire, f"{platform.url}/x"), HttpResponse)
        await wire.aclose()


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
        outcome = await posted(HttpClient(2), f"HTTP://127.0.0.1:{server.port}{rest}")
    assert isinstance(outcome, HttpResponse)
    (request,) = server.requests
    assert request.startswith(f"POST {target} HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\n".encode())
    assert request.endswith(
        b"\r\ncontent-length: 2\r\ncontent-type: application/json; charset=utf-8\r\n\r\n{}"
    )


async def test_parameters_are_added_to_those_that_the_address_has() -> None:
    async with byte_server(always) as server:
        wire = HttpClient(2)
        for rest in ("/x", "/x?a=1"):
            await wire.get(f"http://127.0.0.1:{server.port}{rest}", params={"k": "a b&c"})
        await wire.aclose()
    assert [x.split(b" ")[1] for x in server.requests] == [b"/x?k=a+b%26c", b"/x?a=1&k=a+b%26c"]


@pytest.mark.parametrize("value", ["a\r\nX-Forged: 1", "a\nb", "a\rb", "\ud800"])
async def test_a_header_that_would_be_another_is_not_sent(value: str) -> None:
    async with byte_server(always) as server:
        wire = HttpClient(2)
        outcome = await wire.post(f"http://127.0.0.1:{server.port}/x", b"{}", headers={"x-event-id": value})
        await wire.aclose()
    assert (verdict(outcome), server.requests) == (SendStatus.REFUSED, [])


async def test_any_header_that_says_how_long_to_wait_leaves_an_answer() -> None:
    date = b"Mon, 09 Mar 2026 04:02:00 +9999999999999"
    raw = b"HTTP/1.1 503 No\r\nRetry-After: " + date + b"\r\nContent-Length: 0\r\n\r\n"
    async with byte_server(replies_with(raw)) as server:
        outcome = await posted(HttpClient(2), f"http://127.0.0.1:{server.port}/x")
    assert outcome == HttpResponse(503, None, b"")


async def test_a_connection_that_ends_as_it_begins_means_that_nothing_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Short(Connection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            transport.close()

    monkeypatch.setattr(module, "Connection", Short)
    async with byte_server(always) as server:
        outcome = await posted(HttpClient(2), f"http://127.0.0.1:{server.port}/x")
        await server.all_closed()
    assert (verdict(outcome), server.requests) == (SendStatus.RETRY, [])


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), ValueError("KEY"), OSError("KEY")])
async def test_whatever_goes_wrong_before_the_request_means_that_nothing_left(error: Exception) -> None:
    async def resolve(host: str, port: int) -> list[Address]:
        raise error

    outcome = await posted(HttpClient(2, resolve=resolve), "http://hook.example/x")
    assert (
        isinstance(outcome, SendResult)
        and outcome.verdict is SendStatus.RETRY
        and "KEY" not in outcome.reason
    )


# --- names ------------------------------------------------------------------------------------------------


async def test_many_that_wait_for_a_name_ask_for_it_once_and_again_when_it_was_not_found() -> None:
    names = Names()
    wire = HttpClient(2, resolve=names)
    for asked in (1, 2):
        outcomes = await asyncio.gather(*[wire.post("http://hook.example/x", b"") for _ in range(5)])
        assert {verdict(x) for x in outcomes} == {SendStatus.RETRY}
        assert names.asked == asked


async def test_whoever_stops_waiting_for_a_name_takes_it_from_nobody_else() -> None:
    known = asyncio.Event()
    async with byte_server(always) as server:

        async def resolve(host: str, port: int) -> list[Address]:
            await known.wait()
            return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]

        wire = HttpClient(2, resolve=resolve)
        url = f"http://hook.example:{server.port}/x"
        first, second = asyncio.create_task(wire.post(url, b"")), asyncio.create_task(wire.post(url, b""))
        await asyncio.sleep(0.01)
        first.cancel()
        known.set()
        assert isinstance(await second, HttpResponse)
        await wire.aclose()
    assert first.cancelled()


async def test_a_name_that_is_not_found_in_time_means_that_nothing_left() -> None:
    async def resolve(host: str, port: int) -> list[Address]:
        await asyncio.sleep(60)
        return []

    assert (
        verdict(await posted(HttpClient(0.1, resolve=resolve), "http://hook.example/x")) is SendStatus.RETRY
    )


async def test_a_name_is_asked_for_again_after_a_while_and_then_judged_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RESOLVED_S", -1)
    names = Names(hook_example=[["127.0.0.1"], ["127.0.0.1"], []])
    async with byte_server(always) as server:
        wire = HttpClient(2, resolve=names)
        url = f"http://hook.example:{server.port}/x"
        outcomes = [await wire.post(url, b"") for _ in range(3)]
        await wire.aclose()
    assert [type(x) for x in outcomes] == [HttpResponse, HttpResponse, SendResult]
    assert verdict(outcomes[2]) is SendStatus.RETRY


async def test_names_that_nobody_needs_any_more_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESOLVED_S", -1)
    wire = HttpClient(2, resolve=Names())
    for x in range(50):
        await wire.post(f"http://hook{x}.example/x", b"")
    assert len(wire._names) == 1


async def test_an_address_that_does_not_answer_gets_the_next_one_beside_it() -> None:
    names = Names(hook_example=[["::1", "127.0.0.1"]])
    async with byte_server(always) as server:
        outcome = await posted(HttpClient(2, resolve=names), f"http://hook.example:{server.port}/x")
    assert isinstance(outcome, HttpResponse)


# --- kept connections -------------------------------------------------------------------------------------


async def many(wire: HttpClient, server: ByteServer, *hosts: str) -> list[HttpResponse | SendResult]:
    """One request after the other to each of ``hosts``."""
    return [await wire.post(f"http://{host}:{server.port}/x", b"{}") for host in hosts]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + b" " * 99_999,
    ],
    ids=["close", "HTTP/1.0", "two answers", "too long"],
)
async def test_no_connection_is_kept_on_which_no_other_answer_may_come(answer: bytes) -> None:
    async with byte_server(replies_with(answer, OK)) as server:
        wire = HttpClient(2, reuse=True)
        outcomes = await many(wire, server, "127.0.0.1", "127.0.0.1")
        await server.all_closed()
        await wire.aclose()
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
        wire = HttpClient(2, reuse=True)
        (first,) = await many(wire, server, "127.0.0.1")
        await server.all_closed()
        (second,) = await many(wire, server, "127.0.0.1")
        await wire.aclose()
    assert (first, second) == (HttpResponse(200, None, b"1"), HttpResponse(200, None, b"2"))


async def test_a_kept_connection_that_the_other_side_has_closed_is_not_used() -> None:
    async with byte_server(replies_with(OK, closes=True)) as server:
        wire = HttpClient(2, reuse=True)
        for _ in range(3):
            (outcome,) = await many(wire, server, "127.0.0.1")
            assert isinstance(outcome, HttpResponse)
            await server.all_closed()
            await asyncio.sleep(0.02)
        await wire.aclose()
    assert server.connections == 3


async def test_a_connection_on_which_nothing_is_asked_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEPT_S", 0.05)
    async with byte_server(always) as server:
        wire = HttpClient(2, reuse=True)
        await many(wire, server, "127.0.0.1", "localhost")
        assert server.open == 2
        await server.all_closed()


async def test_a_connection_that_was_kept_too_long_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with byte_server(always) as server:
        wire = HttpClient(2, reuse=True)
        await many(wire, server, "127.0.0.1")
        monkeypatch.setattr(kept, "KEPT_S", 0)
        await many(wire, server, "127.0.0.1")
        await wire.aclose()
    assert server.connections == 2


async def test_no_more_connections_are_kept_than_requests_may_be_under_way() -> None:
    hosts = [f"h{x}.example" for x in range(6)]
    names = Names(**{x.replace(".", "_"): [["127.0.0.1"]] for x in hosts})
    async with byte_server(always) as server:
        wire = HttpClient(2, at_once=2, reuse=True, resolve=names)
        await many(wire, server, *hosts)
        await asyncio.sleep(0.02)
        assert (server.connections, server.open) == (6, 2)
        await many(wire, server, hosts[4], hosts[5])
        assert server.connections == 6
        await wire.aclose()
        await server.all_closed()


async def test_a_connection_to_one_name_serves_no_other_of_the_same_address() -> None:
    names = Names(a_example=[["127.0.0.1"]], b_example=[["127.0.0.1"]])
    async with byte_server(always) as server:
        wire = HttpClient(2, reuse=True, resolve=names)
        await many(wire, server, "a.example", "b.example", "a.example")
        await wire.aclose()
    assert server.connections == 2


async def test_closing_ends_what_is_under_way_as_unknown() -> None:
    async with byte_server(replies_with(b"HTTP/1.1 200 OK\r\n\r\n{}")) as server:
        wire = HttpClient(60, reuse=True)
        asking = asyncio.create_task(wire.post(f"http://127.0.0.1:{server.port}/x", b"{}"))
        await asyncio.sleep(0.05)
        await wire.aclose()
        assert verdict(await asyncio.wait_for(asking, 2)) is SendStatus.UNKNOWN
        await server.all_closed()


async def test_who_waits_longest_is_let_through_first() -> None:
    async with byte_server(always) as server:
        wire = HttpClient(2, at_once=1, reuse=True)
        urls = [f"http://127.0.0.1:{server.port}/{x}" for x in range(8)]
        await asyncio.gather(*[wire.post(url, b"") for url in urls])
        await wire.aclose()
    assert [x.split(b" ")[1] for x in server.requests] == [b"/%d" % x for x in range(8)]


# --- TLS --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[trustme.CA]:
    """An authority that requests trust."""
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    monkeypatch.setattr(module, "_trust", lambda: trust)
    yield authority


@asynccontextmanager
async def talking_tls(authority: trustme.CA, name: str) -> AsyncIterator[ByteServer]:
    """Answers every request with OK, as ``name``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    async with byte_server(always, context) as server:
        yield server


HOOK = {"hook_example": [["127.0.0.1"]], "hook_example_": [["127.0.0.1"]]}


@pytest.mark.parametrize("host", ["hook.example", "hook.example."])
async def test_a_server_of_that_name_is_posted_to_over_one_connection(trusted: trustme.CA, host: str) -> None:
    async with talking_tls(trusted, "hook.example") as server:
        wire = HttpClient(2, reuse=True, resolve=Names(**HOOK))
        for _ in range(2):
            assert await wire.post(f"https://{host}:{server.port}/x", b"{}") == HttpResponse(
                200, None, b'{"ok":true}'
            )
        await wire.aclose()
        await server.all_closed()
    assert server.connections == 1
    assert f"\r\nhost: hook.example:{server.port}\r\n".encode() in server.requests[0]


async def test_a_server_of_an_address_is_posted_to(trusted: trustme.CA) -> None:
    async with talking_tls(trusted, "127.0.0.1") as server:
        assert isinstance(await posted(HttpClient(2), f"https://127.0.0.1:{server.port}/x"), HttpResponse)


async def test_a_server_of_another_name_gets_nothing(trusted: trustme.CA) -> None:
    async with talking_tls(trusted, "other.example") as server:
        outcome = await posted(HttpClient(2, resolve=Names(**HOOK)), f"https://hook.example:{server.port}/x")
    assert outcome == SendResult(SendStatus.RETRY, "no connection: SSLCertVerificationError")
    assert server.requests == []


async def test_a_server_whom_nobody_vouches_for_gets_nothing(authority: trustme.CA) -> None:
    async with talking_tls(authority, "hook.example") as server:
        outcome = await posted(HttpClient(2, resolve=Names(**HOOK)), f"https://hook.example:{server.port}/x")
    assert outcome == SendResult(SendStatus.RETRY, "no connection: SSLCertVerificationError")
    assert server.requests == []


async def test_a_name_that_tls_does_not_take_is_connected_to_nowhere(trusted: trustme.CA) -> None:
    names = Names()
    names.names = {x: [["127.0.0.1"]] for x in (".hook.example", "hook..example", f"{'a' * 64}.example")}
    async with talking_tls(trusted, "hook.example") as server:
        for name in names.names:
            outcome = await posted(HttpClient(2, resolve=names), f"https://{name}:{server.port}/x")
            assert outcome == SendResult(SendStatus.RETRY, "the target's name was not found")
    assert (names.asked, server.connections) == (0, 0)


async def test_tls_that_cannot_be_set_up_leaves_no_socket_open(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[socket.socket] = []

    async def connect(*args: Any, **words: Any) -> socket.socket:
        opened.append(await start_connection(*args, **words))
        return opened[-1]

    def trust() -> ssl.SSLContext:
        raise ssl.SSLError

    monkeypatch.setattr(module, "start_connection", connect)
    monkeypatch.setattr(module, "_trust", trust)
    async with byte_server(always) as server:
        outcome = await posted(HttpClient(2), f"https://127.0.0.1:{server.port}/x")
        await server.all_closed()
    assert outcome == SendResult(SendStatus.RETRY, "no connection: SSLError")
    assert [x.fileno() for x in opened] == [-1]


async def test_a_server_without_tls_gets_nothing_that_should_be_encrypted() -> None:
    heard = b""

    async def plain(peer: Peer) -> None:
        nonlocal heard
        heard = await peer.reader.read(65_536)
        await peer.say(OK)
        await peer.wait()

    async with byte_server(plain) as server:
        outcome = await posted(HttpClient(2), f"https://127.0.0.1:{server.port}/KEY")
        await server.all_closed()
    assert verdict(outcome) is SendStatus.RETRY
    assert heard and b"KEY" not in heard


async def test_a_handshake_that_hangs_means_that_nothing_left() -> None:
    async def silent(peer: Peer) -> None:
        await peer.wait()

    async with byte_server(silent) as server:
        began = time.monotonic()
        outcome = await posted(HttpClient(0.2), f"https://127.0.0.1:{server.port}/x")
        await server.all_closed()
    assert outcome == SendResult(SendStatus.RETRY, "no connection: TimeoutError")
    assert time.monotonic() - began < 2


# --- giving up --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_request_can_be_given_up_at_any_moment(trusted: trustme.CA, scheme: str) -> None:
    """It leaves no connection open, no turn taken, and the next request none the wiser."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trusted.issue_cert("hook.example").configure_cert(context)
    given_up = 0
    async with byte_server(always, context if scheme == "https" else None) as server:
        wire = HttpClient(2, at_once=1, reuse=False, resolve=Names(**HOOK))
        url = f"{scheme}://hook.example:{server.port}/x"
        for turns in range(40):
            asking = asyncio.create_task(wire.post(url, b"{}"))
            for _ in range(turns):
                await asyncio.sleep(0)
            given_up += asking.cancel()
            await asyncio.wait([asking])
            assert isinstance(await wire.post(url, b"{}"), HttpResponse)
        await server.all_closed()
    assert given_up > 5


async def test_a_request_can_be_given_up_as_its_handshake_ends(
    trusted: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop watches the number of the connection's socket no longer, when another may get it."""
    asking: asyncio.Task[HttpResponse | SendResult] | None = None

    class Late(Connection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            if asking is not None:
                asking.cancel()

    monkeypatch.setattr(module, "Connection", Late)
    async with talking_tls(trusted, "hook.example") as server:
        wire = HttpClient(2, resolve=Names(**HOOK))
        url = f"https://hook.example:{server.port}/x"
        asking = asyncio.create_task(wire.post(url, b"{}"))
        await asyncio.wait([asking])
        assert asking.cancelled()
        asking = None
        assert isinstance(await wire.post(url, b"{}"), HttpResponse)
        await server.all_closed()
        await wire.aclose()
    assert len(server.requests) == 1
