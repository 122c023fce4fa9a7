"""Followers, registered writers, and the end of tasks."""

import asyncio
from collections.abc import Sequence

import pytest

from fenghuo import topics
from fenghuo.domain import events as e
from fenghuo.errors import Refused
from fenghuo.transport.stage import Follow, Follower, check_writer, end_tasks
from tests.support.transport_harness import report
from tests.support.waiting import for_ever, others_run


async def test_a_follower_that_fails_on_an_event_has_all_the_others() -> None:
    taken: list[list[str]] = []

    async def take(events: Sequence[e.Event]) -> None:
        if report(2) in events:
            raise ValueError("must not end the following")
        taken.append([x.event_id for x in events])

    follower = Follower(Follow(topic=topics.REPORTS_RECEIVED, apply=take))
    await follower.take([e.encode(report(1)), b"not json", None, e.encode(report(2)), e.encode(report(3))])
    await follower.take([e.encode(report(4)), e.encode(report(5))])
    ids = [report(n).event_id for n in range(6)]
    assert taken == [[ids[1]], [ids[3]], [ids[4], ids[5]]]


async def test_a_task_that_swallows_its_cancellation_is_cancelled_again() -> None:
    """As redis-py's sending does now and then, through asyncio.wait_for of Python 3.11: stop() hung."""
    swallowed = 0

    async def swallow_one() -> None:
        nonlocal swallowed
        while True:
            try:
                await for_ever()
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed > 1:
                    raise

    task = asyncio.create_task(swallow_one())
    await others_run()
    async with asyncio.timeout(5):
        await end_tasks([task])
    assert task.cancelled()


def test_only_registered_writers_may_publish() -> None:
    check_writer("producers", [report(1)])
    check_writer("anyone", [])
    with pytest.raises(Refused, match="no registered writer"):
        check_writer("consumers", [report(1)])
