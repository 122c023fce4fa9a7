"""Who is told that groups wait, when, and that nobody is told twice."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from broadcast.people.notices import rows_of, text_of, way_to
from broadcast.people.reminders import DirectorySnapshot, Times, Waiting, due
from fenghuo.clock import to_ms
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId, Role
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.events import DeliveryState as State
from tests.support.builders import NOON, group

TIMES = Times((300, 600, 900), (1800, 3600, 7200), 22, 7)
PEOPLE = {
    who: e.Person(
        person_id=who,
        name=who,
        role=Role.OFFICER,
        district="示范区",
        station="东所",
        duty=who.startswith("duty"),
    )
    for who in ("wang", "li", "duty", "duty2")
}
GROUPS = {
    g.group_id: g
    for g in [
        group(1, owner="wang", deputy="li", station="东所"),
        group(2, owner="wang", deputy="li", station="东所"),
        group(3, owner="wang", deputy="", station="东所"),
        group(4, owner="", deputy="li", station="东所"),
        group(5, owner="left", deputy="", station="东所"),
    ]
}
REGISTER = DirectorySnapshot(GROUPS, PEOPLE)


def waits(
    *ids: int, severity: str = "severe", channel: str = "relay", at: datetime = NOON, **more: Any
) -> Waiting:
    row = LedgerRow(state=State.WAITING, at_ms=to_ms(at), channel=channel)
    rows = {f"g{n:04d}": row for n in ids}
    return Waiting(AlertId("a1"), 1, "warning", severity, rows, **more)


def told(found: Sequence[e.NoticeRequested]) -> set[tuple[str, str, int]]:
    return {(x.level, x.person_id, len(x.group_ids)) for x in found}


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


TODO = {("todo", "wang"): to_ms(NOON)}


def test_an_owner_is_told_at_once_of_all_his_groups_together() -> None:
    assert told(due(waits(1, 2, 3), REGISTER, TIMES, NOON)) == {("todo", "wang", 3)}
    assert due(waits(1, 2, notified=TODO), REGISTER, TIMES, after(299)) == []


@pytest.mark.parametrize(
    ("severity", "remind", "deputy", "station"), [("severe", 300, 600, 900), ("moderate", 1800, 3600, 7200)]
)
def test_the_ladder_by_severity(severity: str, remind: int, deputy: int, station: int) -> None:
    waiting = waits(1, 2, severity=severity, notified=TODO)
    assert told(due(waiting, REGISTER, TIMES, after(remind - 1))) == set()
    assert told(due(waiting, REGISTER, TIMES, after(remind))) == {("remind", "wang", 2)}
    assert ("deputy", "li", 2) in told(due(waiting, REGISTER, TIMES, after(deputy)))
    assert not any(x.level == "station" for x in due(waiting, REGISTER, TIMES, after(station - 1)))
    last = told(due(waiting, REGISTER, TIMES, after(station)))
    assert {("station", "duty", 2), ("station", "duty2", 2)} <= last


def test_what_was_told_is_not_told_again() -> None:
    levels = {"remind": 1, "deputy": 1, "station": 1}
    waiting = waits(1, notified=TODO, escalated={"g0001": levels})
    assert due(waiting, REGISTER, TIMES, after(5000)) == []


def test_the_same_look_makes_the_same_ids_and_a_later_group_one_of_its_own() -> None:
    first = due(waits(1, notified=TODO), REGISTER, TIMES, after(300))
    assert first == due(waits(1, notified=TODO), REGISTER, TIMES, after(300))
    more = due(waits(1, 2, notified=TODO), REGISTER, TIMES, after(310))
    assert {x.event_id for x in more} == {x.event_id for x in first}, "a crash before the desk had it"
    reminded = TODO | {("remind", "wang"): to_ms(after(300))}
    later = due(
        waits(1, 2, notified=reminded, escalated={"g0001": {"remind": 1}}), REGISTER, TIMES, after(320)
    )
    assert told(later) == {("remind", "wang", 1)} and later[0].event_id != first[0].event_id


def test_without_an_owner_deputy_and_station_are_told_at_once() -> None:
    found = told(due(waits(4, 5), REGISTER, TIMES, NOON))
    assert found == {("deputy", "li", 1), ("station", "duty", 2), ("station", "duty2", 2)}


def test_without_a_deputy_the_station_is_told_in_his_stead() -> None:
    assert not any(x.level == "station" for x in due(waits(3, notified=TODO), REGISTER, TIMES, after(599)))
    assert ("station", "duty", 1) in told(due(waits(3, notified=TODO), REGISTER, TIMES, after(600)))


def test_a_reminder_keeps_its_distance_from_a_late_first_word() -> None:
    first = due(waits(1), REGISTER, TIMES, after(700))
    assert told(first) == {("todo", "wang", 1), ("deputy", "li", 1)}
    told_late = {("todo", "wang"): to_ms(after(700))}
    waiting = waits(1, notified=told_late, escalated={"g0001": {"deputy": 1}})
    assert due(waiting, REGISTER, TIMES, after(800)) == []
    assert ("remind", "wang", 1) in told(due(waiting, REGISTER, TIMES, after(1000)))


def test_the_longest_wait_of_an_owner_counts_for_all() -> None:
    old = LedgerRow(state=State.WAITING, at_ms=to_ms(NOON), channel="relay")
    new = LedgerRow(state=State.WAITING, at_ms=to_ms(after(280)), channel="relay")
    undone = LedgerRow(state=State.WAITING, at_ms=to_ms(after(299)), channel="relay", since_ms=to_ms(NOON))
    for rows in ({"g0001": old, "g0002": new}, {"g0001": undone, "g0002": new}):
        waiting = Waiting(AlertId("a1"), 1, "warning", "severe", rows, notified=TODO)
        assert told(due(waiting, REGISTER, TIMES, after(300))) == {("remind", "wang", 2)}


def test_other_platforms_owners_are_reminded_and_nobody_stands_in() -> None:
    waiting = waits(1, 4, channel="wecom_customer_group", notified=TODO)
    assert told(due(waiting, REGISTER, TIMES, after(5000))) == {("remind", "wang", 1)}


def test_the_night_holds_what_is_not_severe_and_the_morning_begins_where_it_stood() -> None:
    dusk = NOON.replace(hour=13, minute=50)  # 21:50 in China
    quiet = waits(1, severity="moderate", at=dusk, notified={("todo", "wang"): to_ms(dusk)})
    assert due(quiet, REGISTER, TIMES, dusk + timedelta(hours=3)) == []
    seven = dusk + timedelta(hours=9, minutes=10)
    assert due(quiet, REGISTER, TIMES, seven) == []
    assert told(due(quiet, REGISTER, TIMES, seven + timedelta(minutes=20))) == {("remind", "wang", 1)}
    severe = waits(1, at=dusk, notified={("todo", "wang"): to_ms(dusk)})
    assert ("remind", "wang", 1) in told(due(severe, REGISTER, TIMES, dusk + timedelta(hours=3)))


def notice(level: str, kind: str = "warning", ids: Sequence[str] = ("g0001",)) -> e.NoticeRequested:
    return e.NoticeRequested(
        event_id="n", at=NOON, person_id="wang", alert_id=AlertId("a1"), version=1, kind=kind, level=level,  # type: ignore[arg-type]
        group_ids=tuple(ids),
    )  # fmt: skip


def test_a_first_word_counts_all_groups_that_wait_by_now() -> None:
    ledger = dict(waits(1, 2, 4).rows)
    assert set(rows_of(notice("todo"), ledger, GROUPS)) == {"g0001", "g0002"}
    assert set(rows_of(notice("remind"), ledger, GROUPS)) == {"g0001"}


def test_the_text_says_what_waits_where_and_nothing_when_nothing_does() -> None:
    rows = dict(waits(1, 2).rows)
    text = text_of(notice("todo"), rows, "冒充客服", "https://fenghuo.example/todo")
    assert text == "【烽火】有 2 个群等您转发预警：冒充客服。打开 https://fenghuo.example/todo"
    assert "更正" in text_of(notice("remind", "correction"), rows, "冒充客服", "")
    tasks = dict(waits(1, channel="wecom_customer_group").rows)
    assert "企业微信里有 1 个群" in text_of(notice("todo"), tasks, "冒充客服", "")
    gone = {"g0001": LedgerRow(state=State.SHOWN, at_ms=0, channel="relay")}
    assert text_of(notice("station"), gone, "冒充客服", "") == ""


def test_a_person_is_told_by_their_own_way_or_else_by_the_user_id() -> None:
    apps, robot = {"wecom_app": "notices"}, e.Binding(channel="wecom_robot", target="k")
    plain = e.Person(person_id="wang", name="王", role=Role.OFFICER, district="示范区")
    assert way_to(plain, apps) is None, "no user id, no way"
    known = msgspec.structs.replace(plain, userid="WangWei")
    assert way_to(known, apps) == e.Binding(channel="wecom_app", target="WangWei", credential="notices")
    assert way_to(known, {}) is None, "no app that may send"
    assert way_to(msgspec.structs.replace(known, notify=robot), apps) == robot
