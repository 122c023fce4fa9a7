"""The apprise library against a real HTTP server: what it says is not proof."""

import logging
import subprocess
import sys
from typing import Any

import pytest

from broadcast.channels.apprise import Apprise
from broadcast.channels.base import SendResult, SendStatus
from tests.support.http_platform import CannedReply, answering, message


async def told(
    *messages: Any, allow_private: bool = True, timeout_s: float = 8, at_once: int = 8
) -> list[SendResult]:
    channel = Apprise(5, timeout_s, at_once=at_once, allow_private=allow_private)
    try:
        return await channel.send(messages)
    finally:
        await channel.aclose()


def as_json(url: str) -> str:
    return f"json{url.removeprefix('http')}/x"


async def test_what_it_took_is_accepted_and_never_shown() -> None:
    async with answering(x={"errcode": 93000}) as platform:
        sent = await told(message(as_json(platform.url), "预警：请勿转账。\n编号 1"))
    assert sent == [SendResult(SendStatus.ACCEPTED)]
    assert platform.asked[0].body["message"] == "预警：请勿转账。\n编号 1"


async def test_what_it_calls_failed_may_have_arrived() -> None:
    async with answering(x=CannedReply(b"", 500)) as platform:
        (sent,) = await told(message(as_json(platform.url)))
    assert sent.verdict is SendStatus.UNKNOWN


@pytest.mark.parametrize(
    "target", ["", "nonsense", "nosuchscheme://host/", "json://", "wecombot://", "tgram://", "dbus://"]
)
async def test_a_wrong_url_is_refused_and_not_named_in_a_log(
    target: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    (sent,) = await told(message(target))
    assert sent.verdict is SendStatus.REFUSED
    assert not [x for x in caplog.records if x.name.startswith("apprise")]


@pytest.mark.parametrize(
    "target",
    [
        "json://127.0.0.1:{port}/x", "jsons://[::1]:{port}/x", "xml://localhost:{port}/x", "form://0.0.0.0:{port}/x",
        "json://user:secret@127.0.0.1:{port}/x", "json://2130706433:{port}/x", "json://127.1:{port}/x",
        "mailto://user:secret@example.com?smtp=127.0.0.1", "mailtos://user:secret@localhost",
        "ntfy://127.0.0.1:{port}/topic", "gotify://10.0.0.1/token123456789a", "syslog://",
        "discord://123456789/token?template=/etc/passwd", "discord://123456789/token?Template=http://10.0.0.1/",
    ],
)  # fmt: skip
async def test_no_scheme_leads_into_our_own_network(target: str) -> None:
    async with answering(x={}, topic={}) as platform:
        (sent,) = await told(
            message(target.format(port=platform.url.rpartition(":")[2])), allow_private=False
        )
    assert sent.verdict is SendStatus.REFUSED
    assert platform.asked == []


async def test_a_redirect_is_not_followed() -> None:
    async with answering(y={}) as inside:
        hop = CannedReply(b"", 307, headers={"location": f"{inside.url}/y"})
        async with answering(x=hop) as platform:
            (sent,) = await told(message(as_json(platform.url)))
        assert (len(platform.asked), inside.asked) == (1, [])
    assert sent.verdict is SendStatus.UNKNOWN


async def test_a_host_that_is_not_found_is_tried_again() -> None:
    (sent,) = await told(message("json://nowhere.invalid/x"), allow_private=False)
    assert sent.verdict is SendStatus.RETRY


async def test_a_late_answer_is_unknown_and_its_thread_keeps_its_place() -> None:
    async with answering(x=CannedReply({}, late_s=0.6)) as platform:
        sent = await told(*[message(as_json(platform.url)) for _ in range(3)], timeout_s=0.3, at_once=1)
    assert [x.verdict for x in sent] == [SendStatus.UNKNOWN] * 3
    assert platform.most_at_once == 1


async def test_no_more_than_so_many_are_under_way_and_none_is_late_from_waiting_its_turn() -> None:
    async with answering(x=CannedReply({}, late_s=0.3)) as platform:
        sent = await told(*[message(as_json(platform.url)) for _ in range(12)], at_once=2, timeout_s=1.2)
    assert [x.verdict for x in sent] == [SendStatus.ACCEPTED] * 12
    assert platform.most_at_once == 2


def test_the_library_is_loaded_at_first_use_only() -> None:
    loaded = "import sys, broadcast.channels.apprise; print('apprise' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
