"""What a recall, an update and an expiry do to what is out: the pure rules."""

from datetime import timedelta

import pytest

from broadcast.channels.base import Progress, SendResult, SendStatus
from broadcast.deliveries.requests import Dispatch
from broadcast.planning.recall import (
    EFFECTS,
    Owed,
    came_by,
    cancelled,
    ended_versions,
    missing_on_desk,
    owed,
    owed_ways,
    withdrawn,
)
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId
from fenghuo.domain.channels import DINGTALK, RELAY, WEBHOOK, WECOM_CUSTOMER_GROUP
from fenghuo.domain.delivery import LatestRelease, LedgerRow
from fenghuo.domain.events import DeliveryState as State
from tests.support.builders import NOON, group, release, released

CUSTOMERS = WECOM_CUSTOMER_GROUP.name


def row(state: State, **changes: object) -> LedgerRow:
    return LedgerRow(**({"state": state, "at_ms": 0, "channel": WEBHOOK.name} | changes))  # type: ignore[arg-type]


def receipt(group_id: str, state: State, version: int = 1, **changes: str) -> e.ReceiptRecorded:
    return e.ReceiptRecorded(
        event_id=f"{group_id}-{version}", at=NOON, delivery_id="d", alert_id=AlertId("a1"), version=version,
        group_id=group_id, state=state, attempt=1,
        **({"kind": "warning", "channel": WEBHOOK.name} | changes),  # type: ignore[arg-type]
    )  # fmt: skip


def open_task(*group_ids: str, attempt: int = 1) -> e.OpenTask:
    return e.OpenTask(
        task_id="t", platform_id="m1", alert_id=AlertId("a1"), version=1, kind="warning", owner="anna",
        sender="anna", channel=CUSTOMERS, credential="", chats=tuple((x, f"wr-{x}") for x in group_ids),
        since=NOON, attempt=attempt,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "versions"),
    [("approved", []), ("updated", [1, 2]), ("recalled", [1, 2, 3]), ("expired", [1, 2, 3])],
)
def test_an_update_ends_the_versions_before_it_and_a_recall_its_own_too(
    kind: str, versions: list[int]
) -> None:
    assert list(ended_versions(released(kind, version=3))) == versions


def test_only_a_recall_corrects_and_only_an_approval_or_update_warns() -> None:
    assert {kind for kind, effect in EFFECTS.items() if effect.corrects} == {"recalled"}
    assert {kind for kind, effect in EFFECTS.items() if effect.warns} == {"approved", "updated"}


@pytest.mark.parametrize(
    ("kind", "latest", "is_missing"),
    [
        ("recalled", None, True),
        ("recalled", LatestRelease(1, "recalled"), True),
        ("recalled", LatestRelease(2, "approved"), True),
        ("recalled", LatestRelease(2, "recalled"), False),
        ("recalled", LatestRelease(3, "updated"), False),
        ("updated", LatestRelease(1, "approved"), True),
        ("updated", LatestRelease(2, "updated"), False),
        ("expired", LatestRelease(2, "recalled"), False),
    ],
)
def test_a_plan_waits_until_the_desk_shows_what_it_is_for(
    kind: str, latest: LatestRelease | None, is_missing: bool
) -> None:
    assert bool(missing_on_desk(released(kind, version=2), latest)) is is_missing


def test_the_latest_version_tells_how_a_group_got_the_warning() -> None:
    ledgers = {
        2: {"g1": row(State.SHOWN, channel=DINGTALK.name)},
        1: {
            "g1": row(State.SHOWN),
            "g2": row(State.RETRYING, may_have_arrived=True),
            "g3": row(State.REFUSED),
        },
    }
    assert came_by(ledgers) == {"g1": DINGTALK.name, "g2": WEBHOOK.name}


def test_what_waits_for_a_tap_here_or_is_held_back_is_withdrawn() -> None:
    rows = {
        "tap": row(State.WAITING, channel=RELAY.name),
        "halted": row(State.RETRYING, held="halted:webhook"),
        "quiet": row(State.RETRYING, held="quiet"),
        "unsure": row(State.RETRYING, may_have_arrived=True, held="halted:webhook"),
        "task": row(State.WAITING, channel=CUSTOMERS),
        "again": row(State.RETRYING),
        "shown": row(State.SHOWN),
    }
    receipts = withdrawn(released("recalled"), {1: rows})
    assert {x.group_id: x.state for x in receipts if isinstance(x, e.ReceiptRecorded)} == {
        "tap": State.SUPERSEDED,
        "halted": State.SUPERSEDED,
        "quiet": State.SUPERSEDED,
        "unsure": State.UNKNOWN,
    }


def test_of_a_cancelled_task_only_what_the_owner_had_sent_by_then_is_shown() -> None:
    rows = {
        "sent": row(State.WAITING, channel=CUSTOMERS),
        "open": row(State.WAITING, channel=CUSTOMERS),
        "done": row(State.SHOWN),
        "gone_on": row(State.RETRYING, attempt=2),
    }
    then = NOON + timedelta(seconds=5)
    progress = Progress(known=True, chats={"wr-sent": (SendResult(SendStatus.SHOWN), then)})
    receipts = cancelled(open_task(*rows, "unknown_to_the_ledger"), rows, progress, NOON)
    found = {x.group_id: (x.state, x.at) for x in receipts if isinstance(x, e.ReceiptRecorded)}
    assert found == {"sent": (State.SHOWN, then), "open": (State.SUPERSEDED, NOON)}


@pytest.mark.parametrize(
    ("latest", "version", "wanted"),
    [
        (LatestRelease(1, "approved"), 1, None),
        (LatestRelease(1, "recalled"), 1, Owed(AlertId("a1"), 1, "correction")),
        (LatestRelease(2, "recalled"), 1, Owed(AlertId("a1"), 2, "correction")),
        (LatestRelease(2, "updated"), 1, Owed(AlertId("a1"), 2, "warning")),
        (LatestRelease(2, "updated"), 2, None),
        (LatestRelease(1, "expired"), 1, None),
        (LatestRelease(2, "expired"), 1, None),
    ],
)
def test_a_group_that_turns_out_to_have_it_is_owed_what_the_others_got(
    latest: LatestRelease, version: int, wanted: Owed | None
) -> None:
    late = receipt("g1", State.SHOWN, version)
    assert owed([late], {"a1": latest}) == ({wanted: [late]} if wanted else {})


def test_who_does_not_have_it_is_owed_nothing() -> None:
    receipts = [receipt("g1", State.SUPERSEDED), receipt("g2", State.REFUSED)]
    assert owed(receipts, {"a1": LatestRelease(1, "recalled")}) == {}


def test_a_correction_is_owed_by_the_way_the_warning_came_and_a_group_that_is_gone_gets_none() -> None:
    also = (e.Binding(channel=DINGTALK.name, target="t"),)
    groups = [
        group(1, channel=WEBHOOK.name, target="u", also=also),
        group(2, channel=WEBHOOK.name, target="u", also=also, gone=True),
    ]
    late = [receipt(x.group_id, State.SHOWN, channel=DINGTALK.name) for x in groups]
    approved = release(channels=(WEBHOOK.name, DINGTALK.name))
    (correction,) = owed_ways(Dispatch(approved, "correction", late[0]), groups, late, {})
    (warning,) = owed_ways(Dispatch(approved, "warning", late[0]), groups, late, {})
    assert [(g.group_id, way.channel) for g, way in (correction, warning)] == [
        ("g0001", DINGTALK.name), ("g0001", WEBHOOK.name),
    ]  # fmt: skip
