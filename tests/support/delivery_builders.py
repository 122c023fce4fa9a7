"""What tests of delivering use: robots' and owners' groups, halts and resumes, a clock moved by hand."""

from datetime import datetime, timedelta
from typing import Any

from fenghuo import clock
from fenghuo.domain import events as e
from tests.support.builders import group
from tests.support.scripted_channels import CUSTOMERS, BroadcastHarness


def robots(count: int, name: str = "dingtalk", **changes: Any) -> list[e.Group]:
    return [group(n, channel=name, target=f"token{n}", **changes) for n in range(count)]


def way(channel: str, **changes: str) -> e.Binding:
    return e.Binding(channel=channel, target="t", **changes)


def halted(events: list[e.Event]) -> list[str]:
    return [x.name for x in events if isinstance(x, e.ChannelChanged) and x.halted]


def resumed(name: str) -> e.ChannelChanged:
    at = clock.now() + timedelta(seconds=1)
    return e.ChannelChanged(event_id=f"resume-{name}", at=at, name=name, halted=False, reason="", by="ben")


def owned(n: int, owner: str = "anna", **changes: Any) -> e.Group:
    return group(n, channel=CUSTOMERS, target=f"wr{n}", owner=owner, credential="district", **changes)


def by_robot() -> tuple[e.Binding, ...]:
    return (e.Binding(channel="dingtalk", target="t"),)


def requested(events: list[e.Event]) -> list[e.TaskRequested]:
    return [x for x in events if isinstance(x, e.TaskRequested)]


def closed(events: list[e.Event]) -> list[str]:
    return [x.task.task_id for x in events if isinstance(x, e.TaskChanged) and x.task.closed]


async def opened(here: BroadcastHarness, *groups: e.Group) -> list[e.Event]:
    """The task of ``groups``, made; returns what was requested."""
    await here.know(*groups)
    asked = await here.release()
    await here.deliver(asked)
    return asked


class Time:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = clock.now()

    def __call__(self) -> datetime:
        return self.at

    def go(self, seconds: float) -> datetime:
        self.at += timedelta(seconds=seconds)
        return self.at
