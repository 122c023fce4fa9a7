"""One HTTP attempt over real connections: what is known of it afterwards."""

import asyncio
import gzip
import logging
import socket
import threading
from collections.abc import Callable

import pytest

from broadcast.channels.base import Sent, Verdict
from broadcast.channels.connection import LONGEST_ANSWER
from broadcast.channels.guard import Address
from broadcast.channels.wire import Answer, Wire
from tests.answering import Cut, Say, answering


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


async def posted(wire: Wire, url: str) -> Answer | Sent:
    try:
        return await wire.post(url, b"{}")
    finally:
        await wire.aclose()


def verdict(outcome: Answer | Sent) -> Verdict:
    assert isinstance(outcome, Sent)
    return outcome.verdict


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


async def test_an_answer_comes_with_status_wait_and_body() -> None:
    async with answering(x=Say({"ok": True}, 429, {"Retry-After": "9"})) as platform:
        outcome = await posted(Wire(2), f"{platform.url}/x")
    assert outcome == Answer(429, 9.0, b'{"ok": true}')
    assert platform.asked[0].headers["Content-Type"] == "application/json; charset=utf-8"


async def test_nobody_there_means_that_nothing_left() -> None:
    assert verdict(await posted(Wire(2), f"http://127.0.0.1:{free_port()}/x")) is Verdict.RETRY


async def test_a_name_that_is_not_found_means_that_nothing_left() -> None:
    assert verdict(await posted(Wire(2, resolve=Names()), "http://hook.example/x")) is Verdict.RETRY
    assert verdict(await posted(Wire(2), f"http://{'a' * 64}.example/x")) is Verdict.RETRY


async def test_a_connection_that_is_never_taken_means_that_nothing_left() -> None:
    """The queue of the listening socket is full, so the connection hangs before the request."""
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        outcome = await posted(Wire(0.5), f"http://127.0.0.1:{deaf.getsockname()[1]}/x")
    assert verdict(outcome) is Verdict.RETRY


@pytest.mark.parametrize("answer", [Cut(), Say({"ok": True}, late_s=3)])
async def test_a_request_that_left_without_an_answer_is_unknown(answer: object) -> None:
    async with answering(x=answer) as platform:
        outcome = await posted(Wire(0.5), f"{platform.url}/x")
    assert verdict(outcome) is Verdict.UNKNOWN
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
        outcome = await posted(Wire(2), f"http://127.0.0.1:{listening.getsockname()[1]}/x")
        thread.join()
    assert verdict(outcome) is Verdict.UNKNOWN


async def test_a_giant_answer_is_read_no_further_than_the_limit() -> None:
    async with answering(x=Say(b" " * (8 << 20))) as platform:
        outcome = await posted(Wire(5), f"{platform.url}/x")
    assert isinstance(outcome, Answer)
    assert len(outcome.raw) == LONGEST_ANSWER + 1
    assert outcome.said() == {}


async def test_a_packed_answer_is_not_unpacked() -> None:
    bomb = Say(gzip.compress(b"0" * (8 << 20)), headers={"Content-Encoding": "gzip"})
    async with answering(x=bomb) as platform:
        outcome = await posted(Wire(5), f"{platform.url}/x")
    assert isinstance(outcome, Answer)
    assert len(outcome.raw) < LONGEST_ANSWER
    assert platform.asked[0].headers["Accept-Encoding"] == "identity"


async def test_redirects_are_not_followed_and_cookies_not_kept() -> None:
    async with answering(
        x=Say(b"", 302, {"Location": "/y", "Set-Cookie": "a=1"}), y=Say({"ok": True})
    ) as platform:
        wire = Wire(2)
        first = await wire.post(f"{platform.url}/x", b"{}")
        await wire.post(f"{platform.url}/x", b"{}")
        await wire.aclose()
    assert isinstance(first, Answer) and first.status == 302
    assert [x.path for x in platform.asked] == ["/x", "/x"]
    assert "Cookie" not in platform.asked[1].headers


async def test_a_name_is_judged_by_the_address_that_is_connected_to() -> None:
    """It is looked up once, for the connection itself: there is no second answer that could lead
    elsewhere."""
    names = Names(hook_example=[["127.0.0.1"]])
    async with answering(x=Say({"ok": True})) as platform:
        port = platform.url.rpartition(":")[2]
        wire = Wire(2, allow_private=False, resolve=names)
        outcome = await posted(wire, f"http://hook.example:{port}/x")
    assert outcome == Sent(Verdict.REFUSED, "the target is a private address")
    assert platform.asked == []
    assert names.asked == 1


@pytest.mark.parametrize(
    "inside", ["127.0.0.1", "10.0.0.1", "0.0.0.0", "::1", "::ffff:127.0.0.1", "169.254.169.254"]
)
async def test_a_name_with_one_private_address_among_public_ones_is_refused(inside: str) -> None:
    names = Names(hook_example=[["8.8.8.8", inside]])
    outcome = await posted(Wire(2, allow_private=False, resolve=names), "http://hook.example/x")
    assert verdict(outcome) is Verdict.REFUSED


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
    async with answering(x=Say({"ok": True})) as platform:
        port = platform.url.rpartition(":")[2]
        outcome = await posted(Wire(2, allow_private=False), f"http://{host}:{port}/x")
    assert verdict(outcome) is Verdict.REFUSED
    assert platform.asked == []


async def test_a_name_is_asked_for_once_in_a_while() -> None:
    names = Names(hook_example=[["127.0.0.1"]])
    async with answering(x=Say({"ok": True})) as platform:
        wire = Wire(2, resolve=names)
        url = f"http://hook.example:{platform.url.rpartition(':')[2]}/x"
        for _ in range(3):
            assert isinstance(await wire.post(url, b"{}"), Answer)
        await wire.aclose()
    assert names.asked == 1


@pytest.mark.parametrize(("reuse", "connections"), [(True, 1), (False, 3)])
async def test_connections_are_kept_only_where_a_repeat_is_harmless(reuse: bool, connections: int) -> None:
    async with answering(x=Say({"ok": True})) as platform:
        wire = Wire(2, reuse=reuse)
        for _ in range(3):
            await wire.post(f"{platform.url}/x", b"{}")
        await wire.aclose()
    assert len({x.port for x in platform.asked}) == connections


async def test_no_more_requests_are_under_way_than_allowed() -> None:
    async with answering(x=Say({"ok": True}, late_s=0.02)) as platform:
        wire = Wire(5, at_once=4)
        await asyncio.gather(*[wire.post(f"{platform.url}/x", b"{}") for _ in range(20)])
        await wire.aclose()
    assert platform.most_at_once == 4


async def test_a_wire_can_be_used_again_after_it_was_closed() -> None:
    async with answering(x=Say({"ok": True})) as platform:
        wire = Wire(2)
        for _ in range(2):
            assert isinstance(await posted(wire, f"{platform.url}/x"), Answer)
        await wire.aclose()


async def test_no_key_gets_into_a_reason_or_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bad: list[Callable[[], str]] = [
        lambda: f"http://127.0.0.1:{free_port()}/KEY?key=KEY", lambda: "http://nowhere.invalid/KEY",
        lambda: "http://127.1/KEY", lambda: "gopher://h/KEY", lambda: "http://[KEY/",
    ]  # fmt: skip
    async with answering(KEY=Cut()) as platform:
        for url in [*(x() for x in bad), f"{platform.url}/KEY"]:
            outcome = await posted(Wire(1), url)
            assert isinstance(outcome, Sent) and "KEY" not in outcome.reason
    assert not [x for x in caplog.records if "KEY" in x.getMessage() and x.name != "aiohttp.access"]
