"""The rules of sending hold for a message and for an owner's task alike, on a real Redis."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from fenghuo import clock
from fenghuo.desk.apply_script import Change
from fenghuo.domain import events as e
from fenghuo.domain.channels import DINGTALK, WEBHOOK
from fenghuo.domain.delivery import LatestRelease, LedgerRow
from fenghuo.domain.events import DeliveryState as State
from fenghuo.errors import Unavailable
from fenghuo.security.sealing import seal
from tests.support.builders import group, settings
from tests.support.scripted_channels import CUSTOMERS, BroadcastHarness, Scripted, ScriptedTasks, room

NIGHT = datetime(2026, 3, 9, 15, 30, tzinfo=UTC)
CREDENTIAL = "office"


@dataclass
class District:
    """One group whose first way is ``channel``, and the platforms."""

    channel: str
    here: BroadcastHarness
    hook: Scripted
    robot: Scripted
    tasks: ScriptedTasks

    async def request(self, *, also_by_robot: bool = False, **changes: Any) -> list[e.Event]:
        """What is requested after an approval, for a group with these ``changes``."""
        also = (e.Binding(channel=DINGTALK.name, target="t"),) if also_by_robot else ()
        fields = {"channel": self.channel, "target": "wr1", "owner": "anna", "credential": CREDENTIAL}
        await self.here.know(group(1, also=also, **(fields | changes)))
        return await self.here.release(severity="moderate")

    async def halt(self) -> str:
        """Halt the credential of the group's way; returns the breaker's name."""
        name = f"{self.channel}/{CREDENTIAL}"
        halted = e.ChannelChanged(event_id="h", at=clock.now(), name=name, halted=True, reason="too many")
        await self.here.desk.project([halted])
        return name

    @property
    def requests(self) -> int:
        """How often the platform of the group's first way was asked to send."""
        return len(self.hook.asked) + len(self.tasks.created)

    async def row(self) -> LedgerRow:
        return (await self.here.desk.deliveries.ledger("a1", 1))["g0001"]


@pytest.fixture(params=[WEBHOOK.name, CUSTOMERS])
async def district(request: pytest.FixtureRequest, redis_url: str, namespace: str) -> AsyncIterator[District]:
    told = settings(redis_url=redis_url, namespace=namespace)
    hook, robot = Scripted(WEBHOOK.name), Scripted(DINGTALK.name, idempotent=False)
    tasks = ScriptedTasks()
    async with room(told, hook, robot, tasks=tasks) as here:
        yield District(request.param, here, hook, robot, tasks)


@pytest.fixture
def day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NIGHT.replace(hour=4))


@pytest.mark.usefixtures("day")
async def test_by_day_it_is_sent(district: District) -> None:
    await district.here.deliver(await district.request())
    assert district.requests == 1


async def test_quiet_hours_postpone_it(district: District, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NIGHT)
    await district.here.deliver(await district.request())
    row = await district.row()
    assert (row.state, row.held, district.requests) == (State.RETRYING, "quiet", 0)


@pytest.mark.usefixtures("day")
async def test_while_its_credential_is_halted_it_waits(district: District) -> None:
    asked, name = await district.request(), await district.halt()
    await district.here.deliver(asked)
    row = await district.row()
    assert (row.state, row.reason, district.requests) == (State.RETRYING, f"halted:{name}", 0)
    assert row.held in {"halted", f"halted:{name}"}


@pytest.mark.usefixtures("day")
async def test_while_its_credential_is_halted_it_goes_by_another_way(district: District) -> None:
    asked, name = await district.request(also_by_robot=True), await district.halt()
    await district.here.deliver(asked)
    assert (await district.row()).reason == f"halted:{name}"
    await district.here.deliver(await district.here.retry())
    assert (await district.row()).state is State.SHOWN
    assert (district.robot.groups, district.requests) == (["g0001"], 0)


@pytest.mark.usefixtures("day")
async def test_recalled_before_it_leaves_it_never_does_and_no_correction_is_owed(district: District) -> None:
    asked = await district.request()
    await district.here.desk.project([_recalled(await _release(district))])
    await district.here.deliver(asked, commit=False)
    assert not (await district.row()).may_have_arrived, "its mark was taken back"
    await district.here.deliver(asked)
    assert ((await district.row()).state, district.requests) == (State.SUPERSEDED, 0)


async def test_recalled_while_it_is_held_back_it_is_superseded(
    district: District, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NIGHT)
    asked = await district.request()
    await district.here.desk.project([_recalled(await _release(district))])
    await district.here.deliver(asked)
    assert (await district.row()).state is State.SUPERSEDED


@pytest.mark.usefixtures("day")
@pytest.mark.parametrize("also_by_robot", [True, False])
async def test_an_address_that_cannot_be_unsealed_holds_up_no_other(
    district: District, also_by_robot: bool
) -> None:
    unreadable = seal("somewhere", "another key")
    events = await district.here.deliver(
        await district.request(also_by_robot=also_by_robot, target=unreadable)
    )
    (receipt,) = [x for x in events if isinstance(x, e.ReceiptRecorded)]
    assert "sealed under another" in receipt.reason
    expected = (State.RETRYING, DINGTALK.name) if also_by_robot else (State.REFUSED, "")
    assert (receipt.state, receipt.next_channel) == expected


@pytest.mark.usefixtures("day")
async def test_a_group_that_went_since_it_was_planned_gets_nothing(district: District) -> None:
    asked = await district.request()
    await district.here.know(group(1, channel=district.channel, target="wr1", gone=True))
    await district.here.deliver(asked)
    row = await district.row()
    assert (row.state, row.reason) == (State.REFUSED, "the group is gone")


@pytest.mark.usefixtures("day")
async def test_redis_lost_between_mark_and_look_raises_no_doubt(district: District) -> None:
    asked = await district.request()
    marking = _LostAfterMark(district.here)
    with pytest.raises(Unavailable):
        await district.here.deliver(asked)
    marking.end()
    assert (await district.row()).may_have_arrived, "the mark was written"
    await district.here.deliver(asked)
    assert (district.requests, district.tasks.finds) == (1, 0)
    assert (await district.row()).state in {State.SHOWN, State.WAITING}


class _LostAfterMark:
    """Redis that takes every mark and is gone before it answers."""

    def __init__(self, here: BroadcastHarness) -> None:
        self._desk = here.desk
        self._real: Callable[..., Awaitable[dict[str, LatestRelease]]] = here.desk.releases.mark_and_look
        here.desk.releases.mark_and_look = self  # type: ignore[method-assign, assignment]

    async def __call__(self, marks: Sequence[Change], _alert_ids: Sequence[str]) -> dict[str, LatestRelease]:
        await self._desk.apply(marks)
        raise Unavailable("Redis is away")

    def end(self) -> None:
        self._desk.releases.mark_and_look = self._real  # type: ignore[method-assign, assignment]


async def _release(district: District) -> e.Release:
    release = await district.here.desk.releases.get("a1", 1)
    assert release is not None
    return release


def _recalled(release: e.Release) -> e.AlertReleased:
    return e.AlertReleased(event_id="recalled", at=clock.now(), kind="recalled", release=release)
