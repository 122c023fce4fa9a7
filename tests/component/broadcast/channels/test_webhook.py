"""The webhook's adapter against a real HTTP server."""

import hashlib
import hmac
from datetime import timedelta
from typing import Any

import pytest

from broadcast.channels.base import SendResult, SendStatus
from broadcast.channels.http.client import HttpClient
from broadcast.channels.webhook import Webhook
from tests.support.builders import NOON
from tests.support.http_platform import CannedReply, Cut, answering, message

SECRETS = {"": "w" * 40, "north": "n" * 40}
OK = {"ok": True}


async def told(*messages: Any, timeout_s: float = 2, allow_private: bool = True) -> list[SendResult]:
    client = HttpClient(timeout_s, reuse=True, allow_private=allow_private)
    channel = Webhook(client, SECRETS, 20)
    try:
        return await channel.send(messages)
    finally:
        await channel.aclose()


@pytest.mark.parametrize("credential", ["", "north"])
async def test_the_receiver_can_hold_body_and_time_against_the_signature(credential: str) -> None:
    async with answering(x=OK) as platform:
        sent = await told(
            message(f"{platform.url}/x", credential=credential, expires_at=NOON + timedelta(hours=1))
        )
    (asked,) = platform.asked
    signed = f"{asked.headers['x-timestamp']}.".encode() + asked.raw
    wanted = hmac.new(SECRETS[credential].encode(), signed, hashlib.sha256).hexdigest()
    assert sent == [SendResult(SendStatus.SHOWN)]
    assert (asked.headers["x-signature"], asked.headers["x-event-id"]) == (wanted, "key")
    assert asked.body == {
        "id": "key", "group_id": "g1", "kind": "warning", "subject": "a1", "text": "预警：请勿转账。",
        "severity": "severe", "expires_at": "2026-03-09T05:00:00+00:00",
    }  # fmt: skip


async def test_nothing_is_signed_with_a_secret_that_is_not_set() -> None:
    async with answering(x=OK) as platform:
        client = HttpClient(20)
        channel = Webhook(client, {"": ""}, 20)
        sent = await channel.send(
            [message(f"{platform.url}/x"), message(f"{platform.url}/x", credential="south")]
        )
        await channel.aclose()
    assert [x.verdict for x in sent] == [SendStatus.MISCONFIGURED] * 2
    assert "FENGHUO_WEBHOOK_SECRET" in sent[0].reason and "south" in sent[1].reason
    assert platform.asked == []


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (OK, SendStatus.SHOWN),
        ({"errcode": 93000}, SendStatus.REFUSED),
        (CannedReply(b"", 204), SendStatus.UNKNOWN),
        (CannedReply(OK, late_s=2), SendStatus.UNKNOWN),
        (Cut(), SendStatus.UNKNOWN),
        (CannedReply(OK, 302, {"Location": "/y"}), SendStatus.REFUSED),
        (CannedReply(b" " * 200_000), SendStatus.UNKNOWN),
    ],
)
async def test_each_way_of_answering_has_its_outcome(answer: Any, verdict: SendStatus) -> None:
    async with answering(x=answer, y=OK) as platform:
        (sent,) = await told(message(f"{platform.url}/x"), timeout_s=0.5)
    assert sent.verdict is verdict
    assert len(platform.asked) == 1


async def test_bad_targets_are_outcomes_and_stop_nobody_in_their_batch() -> None:
    bad = [
        "http://h:99999/x", "http://hook..example.com/x", f"http://{'a' * 64}.example.com/", "http://[::1",
        "", "x:", "http://127.0.0.1:9/x",
    ]  # fmt: skip
    async with answering(x=OK) as platform:
        sent = await told(*(message(url) for url in [*bad, f"{platform.url}/x"]))
    assert sent[-1].verdict is SendStatus.SHOWN
    assert {x.verdict for x in sent[:-1]} <= {SendStatus.REFUSED, SendStatus.RETRY}
    assert not any(x.may_have_arrived for x in sent[:-1])


async def test_a_private_address_is_never_posted_to_unless_it_is_allowed() -> None:
    async with answering(x=OK) as platform:
        sent = await told(message(f"{platform.url}/x"), allow_private=False)
    assert (sent, platform.asked) == ([SendResult(SendStatus.REFUSED, "the target is a private address")], [])


async def test_outcomes_come_in_the_order_of_the_messages() -> None:
    async with answering(slow=CannedReply(OK, late_s=0.2), no={"ok": False}, x=OK) as platform:
        sent = await told(*(message(f"{platform.url}/{part}") for part in ("slow", "no", "x", "no")))
    assert [x.verdict for x in sent] == [
        SendStatus.SHOWN,
        SendStatus.REFUSED,
        SendStatus.SHOWN,
        SendStatus.REFUSED,
    ]
