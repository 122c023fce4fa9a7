"""Answers to reporters never hold an alert up: they take what alerts leave of a channel's rate."""

import pytest

from broadcast.limits.circuit_breaker import breaker_key
from broadcast.limits.rate_limiter import RateLimiter
from broadcast.people.replies import Replies
from fenghuo.domain import events as e
from fenghuo.errors import Transient
from fenghuo.runtime.room import open_desk
from tests.support.builders import NOON, group, group_changed, place, settings
from tests.support.scripted_channels import Scripted


def reply(n: int) -> e.ReplyRequested:
    return e.ReplyRequested(
        event_id=f"r{n}", at=NOON, report_id=f"r{n}", kind="new", text="收到", place=place(group_id="g0000"),
        reporter="who",
    )  # fmt: skip


async def test_replies_take_only_what_alerts_leave(
    redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broadcast.people.replies.PATIENCE_S", 0.0)
    desk = open_desk(settings(redis_url=redis_url, namespace=namespace))
    await desk.project([group_changed(group(0))])
    sandbox = Scripted("sandbox", per_second=10)
    quota = RateLimiter(desk.client, desk.keys)
    replies = Replies(desk, quota, {"sandbox": sandbox})
    bucket = breaker_key("sandbox", "")
    taken, _ = await quota.take(bucket, 10, 8)
    assert taken == 8
    with pytest.raises(Transient, match="alerts go first"):
        await replies.on_replies_requested([reply(n) for n in range(3)])
    assert sandbox.asked == []
    alerts, _ = await quota.take(bucket, 10, 1)
    assert alerts == 1, "an alert still finds its tokens"
    await desk.client.delete(desk.keys.bucket(bucket))
    await replies.on_replies_requested([reply(n) for n in range(3)])
    assert len(sandbox.asked) == 3
    await desk.client.aclose()


async def test_a_batch_that_was_interrupted_goes_on_where_it_stopped(
    redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broadcast.people.replies.PATIENCE_S", 0.0)
    desk = open_desk(settings(redis_url=redis_url, namespace=namespace))
    await desk.project([group_changed(group(0))])
    sandbox = Scripted("sandbox", per_second=0.01)
    replies = Replies(desk, RateLimiter(desk.client, desk.keys), {"sandbox": sandbox})
    batch = [reply(n) for n in range(3)]
    for said in (1, 2):
        with pytest.raises(Transient):
            await replies.on_replies_requested(batch)
        assert len(sandbox.asked) == said, "even the slowest channel says one at a time"
        await desk.client.delete(desk.keys.bucket("sandbox"))
    await replies.on_replies_requested(batch)
    assert [x.subject for x in sandbox.asked] == ["r0", "r1", "r2"]
    await desk.client.aclose()
