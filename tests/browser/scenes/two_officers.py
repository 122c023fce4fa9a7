"""A street at night: two officers, their duty account and a stranger, and groups that wait for a tap."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from msgspec.structs import replace

from broadcast.deliveries.receipts import delivery_of
from broadcast.people.taps import Taps
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.alert import Action, Alert, AlertId, PersonId, Role, State
from fenghuo.runtime.room import Room, open_transport
from fenghuo.topics import TAPS_MADE
from fenghuo.transport.stage import Stage
from tests.browser.scenes.every_state import DISTRICT, content, event_id, origin, released

ALERT, RECALLED = AlertId("7e1ay0000000000000000001"), AlertId("7e1ay0000000000000000002")
STATION = "城关派出所"
PEOPLE = {
    "dong": ("董海", STATION, False),
    "fang": ("方敏", STATION, False),
    "duty": ("城关值班", STATION, True),
    "gu": ("顾远", "东湖派出所", False),
}
NAMES = (
    "锦绣花园业主群",
    "城关镇中心小学家长群",
    "建设路商户群",
    "惠民小区 3 号楼",
    "老年大学班级群",
    "平安里弄",
)


def people(now: datetime) -> list[e.Event]:
    return [
        e.PersonChanged(
            event_id=event_id("street", who),
            at=now,
            person=e.Person(
                person_id=who, name=name, role=Role.OFFICER, district=DISTRICT, station=station, duty=duty
            ),
        )
        for who, (name, station, duty) in PEOPLE.items()
    ]


def group(n: int, owner: str = "dong", deputy: str = "fang") -> e.Group:
    return e.Group(
        group_id=f"s{n:03d}",
        name=NAMES[n % len(NAMES)] + ("" if n < len(NAMES) else f"（{n}）"),
        place=e.ReportPlace(district=DISTRICT, town="城关镇"),
        station=STATION,
        owner=owner,
        deputy=deputy,
        members=120 + n * 31 % 300,
        channel="relay",
    )


def groups(now: datetime, count: int) -> list[e.Event]:
    """``count`` groups of dong's with fang as deputy, then two that nobody owns."""
    found = [group(n) for n in range(count)] + [group(n, "", "") for n in (count, count + 1)]
    return [e.GroupChanged(event_id=event_id("street", g.group_id), at=now, group=g) for g in found]


def waiting(
    alert_id: AlertId, ids: Sequence[str], at: datetime, kind: e.TextKind = "warning", **more: object
) -> list[e.Event]:
    """The receipts of groups that wait, or whatever ``more`` says, since ``at``."""
    return [
        e.ReceiptRecorded(
            **{
                "event_id": event_id(alert_id, kind, g, str(more)),
                "at": at,
                "delivery_id": delivery_of(alert_id, 1, kind, g),
                "alert_id": alert_id,
                "version": 1,
                "kind": kind,
                "group_id": g,
                "channel": "relay",
                "state": e.DeliveryState.WAITING,
                "attempt": 1,
                **more,
            }
        )
        for g in ids
    ]


def warned(
    alert_id: AlertId, state: State, approved_at: datetime, changed_at: datetime, **more: object
) -> list[e.Event]:
    """An alert as it stands, and its newest release."""
    alert = Alert(
        alert_id=alert_id, revision=4, version=1, state=state, origin=origin(approved_at),
        content=content(changed_at, channels=("relay",), **more), created_by=PersonId("ana"),
        created_at=approved_at, changed_at=changed_at, approved_at=approved_at, approved_by=PersonId("bo"),
        reach_groups=4,
    )  # fmt: skip
    release = released(alert, "recalled" if state is State.RECALLED else "approved", changed_at)
    changed = e.AlertChanged(
        event_id=event_id(alert_id, "stands"), at=changed_at, alert=alert, decision_id=event_id(alert_id),
        action=Action.BEGIN, actor="system", role=Role.SYSTEM,
    )  # fmt: skip
    return [changed, replace(release, release=replace(release.release, approved_at=approved_at))]


def street(now: datetime, count: int = 4) -> list[e.Event]:
    """One warning that has waited four minutes in every group."""
    ids = [f"s{n:03d}" for n in range(count + 2)]
    return [
        *people(now - timedelta(days=1)),
        *groups(now - timedelta(days=1), count),
        *warned(ALERT, State.BROADCASTING, now - timedelta(minutes=5), now - timedelta(minutes=5)),
        *waiting(ALERT, ids, now - timedelta(minutes=4)),
    ]  # fmt: skip


def recalled(now: datetime, count: int = 4) -> list[e.Event]:
    """A warning that was sent to the first group and recalled before it was sent to the second."""
    began, stopped = now - timedelta(minutes=7), now - timedelta(minutes=6)
    shown, gone = e.DeliveryState.SHOWN, e.DeliveryState.SUPERSEDED
    return [
        *warned(RECALLED, State.RECALLED, began, stopped, title="快递丢失理赔：加客服领三倍赔付"),
        *waiting(
            RECALLED,
            ["s000"],
            began,
            state=shown,
            cause="tap",
            by="dong",
            word=1,
            since=began,
            may_have_arrived=True,
        ),
        *waiting(RECALLED, ["s001"], stopped, state=gone),
        *waiting(RECALLED, ["s000"], now - timedelta(minutes=5), "correction"),
    ]


def taps_stage(desk: Desk, undo_s: float = 60) -> Stage:
    return Stage(room="broadcast", name="taps", topic=TAPS_MADE, handle=Taps(desk, undo_s).on_taps_made)


@asynccontextmanager
async def counting_taps(room: Room) -> AsyncIterator[None]:
    """The stage of broadcast that counts taps, beside a console."""
    transport = open_transport(room.settings, "broadcast", room.desk)
    await transport.start([taps_stage(room.desk)])
    try:
        yield
    finally:
        await transport.stop()
