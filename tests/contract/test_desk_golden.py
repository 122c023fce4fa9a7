"""What the fold writes to Redis for each event, held against bytes that an earlier release wrote: desk.json.

``fenghuo rebuild`` is not part of an update, so keys and values change only with a migration.
"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fenghuo.desk.fold import project, projects
from fenghuo.desk.keys import Keys
from fenghuo.domain import events as e
from fenghuo.domain.alert import Action
from tests.contract.test_events_golden import AT, ORDER, ORIGIN, SAMPLES

GOLDEN = Path(__file__).with_name("golden_desk.json")
replace = msgspec.structs.replace


def variant(name: str, **fields: Any) -> e.Event:
    return replace(SAMPLES[name], **fields)


def drafted(**origin: Any) -> e.Event:
    order = replace(ORDER, action=Action.DRAFT, origin=replace(ORIGIN, **origin))
    return variant("DecisionMade", order=order)


CLUSTER = SAMPLES["ClusterRedrawn"].cluster  # type: ignore[attr-defined]
EVENTS: dict[str, e.Event] = SAMPLES | {
    "ReportReceived of anybody": variant("ReportReceived", reporter_kind=e.ReporterKind.RESIDENT),
    "ReportMatched without a group": variant(
        "ReportMatched", place=e.ReportPlace(district="示范区", town="东镇"), stage=e.ScamStage.RECEIVED
    ),
    "SightingRecorded of a known pattern": variant("SightingRecorded", reporter=""),
    "ReportUnmatched and new": variant("ReportUnmatched", suggested_pattern=None),
    "ClusterChanged for the first time": variant(
        "ClusterChanged", cluster=replace(CLUSTER, revision=0, reports=1, reporters=1), markers=()
    ),
    "ClusterRedrawn by a split": variant(
        "ClusterRedrawn", cluster=replace(CLUSTER, merged_into=None, revision=1, corrections=())
    ),
    "DecisionMade from a cluster": drafted(pattern_id=None),
    "DecisionMade from a surge": drafted(),
    "AlertReleased recalled": variant("AlertReleased", kind="recalled"),
    "AlertReleased expired": variant("AlertReleased", kind="expired"),
    "ReceiptRecorded shown by a tap": variant(
        "ReceiptRecorded", state=e.DeliveryState.SHOWN, held="", retry_at=None
    ),
    "ReceiptRecorded postponed": variant("ReceiptRecorded", held="quiet"),
    "ReceiptRecorded unknown": variant("ReceiptRecorded", state=e.DeliveryState.UNKNOWN, tap_id="", by=""),
    "TaskRequested for the first time": variant("TaskRequested", attempt=1),
    "TaskChanged and open": variant(
        "TaskChanged", task=replace(SAMPLES["TaskChanged"].task, closed=False)  # type: ignore[attr-defined]
    ),
    "ChannelChanged and resumed": variant("ChannelChanged", halted=False),
    "NoticeRequested at first": variant("NoticeRequested", level="todo", at=AT + timedelta(minutes=1)),
}  # fmt: skip


def written(event: e.Event) -> list[list[str | int]]:
    """The changes as json; the commands of one event touch different fields, so their order is free."""
    changes = ([x.decode() if isinstance(x, bytes) else x for x in c] for c in project(event, Keys("ns")))
    return sorted(changes, key=str)


@pytest.mark.parametrize("name", EVENTS)
def test_the_fold_of_an_event_writes_the_keys_and_bytes_of_earlier_releases(name: str) -> None:
    assert written(EVENTS[name]) == json.loads(GOLDEN.read_text(encoding="utf-8")).get(name, [])


def test_every_event_that_reaches_the_desk_writes_something() -> None:
    silent = {type(x) for x in EVENTS.values() if projects(type(x))}
    assert {type(x) for x in EVENTS.values() if written(x)} == silent
