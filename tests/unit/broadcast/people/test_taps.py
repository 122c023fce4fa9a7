"""Taps become receipts: each once, in their order, whatever comes late, twice or crossed."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.deliveries.receipts import delivery_of
from broadcast.people.taps import fold
from fenghuo.clock import to_ms
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId, Role
from fenghuo.domain.channels import CHANNELS
from fenghuo.domain.delivery import LatestRelease, LedgerRow, ledger_rank
from fenghuo.domain.events import DeliveryState as State
from fenghuo.domain.taps import level_for, may_tap
from tests.support.builders import NOON, group

ALERT = AlertId("a1")
STANDS = {ALERT: LatestRelease(1, "approved")}
RECALLED = {ALERT: LatestRelease(1, "recalled")}
KEY = delivery_of(ALERT, 1, "warning", "g1")


def tap(tap_id: str, second: float = 60, *, who: str = "wang", undo: bool = False, **more: Any) -> e.TapMade:
    at = NOON + timedelta(seconds=second)
    fields: dict[str, Any] = {"at": at, "tapped_at": at, "alert_id": ALERT, "version": 1, "group_id": "g1"}
    fields |= {"kind": "warning"} | more
    return e.TapMade(event_id=tap_id, tap_id=tap_id, person_id=who, undo=undo, **fields)


def row(state: State = State.WAITING, **more: Any) -> LedgerRow:
    return LedgerRow(**{"state": state, "at_ms": to_ms(NOON), "attempt": 2, "channel": "relay", **more})


def folded(
    *taps: e.TapMade,
    before: LedgerRow | None = None,
    latest: dict[AlertId, Any] = STANDS,
    seen: set[str] = frozenset(),  # type: ignore[assignment]
) -> list[e.ReceiptRecorded]:
    return list(fold(taps, {KEY: before or row()}, seen, latest, 60))  # type: ignore[arg-type]


def test_a_tap_shows_the_group_with_the_time_it_waited_since() -> None:
    [x] = folded(tap("a", 95))
    assert (x.state, x.by, x.cause, x.word, x.may_have_arrived) == (State.SHOWN, "wang", "tap", 1, True)
    assert (x.at, x.since, x.attempt, x.channel) == (NOON + timedelta(seconds=95), NOON, 2, "relay")
    assert (x.delivery_id, x.tap_id) == (KEY, "a")


@pytest.mark.parametrize(("said", "counts"), [(-500, 0), (10, 10), (200, 60)])
def test_the_time_of_a_tap_lies_between_the_wait_and_its_arrival(said: float, counts: float) -> None:
    [x] = folded(tap("a", tapped_at=NOON + timedelta(seconds=said)))
    assert x.at == NOON + timedelta(seconds=counts)


@pytest.mark.parametrize("channel", sorted(set(CHANNELS) - {"relay"}))
def test_a_tap_settles_no_group_of_which_the_platform_tells(channel: str) -> None:
    assert folded(tap("a"), before=row(channel=channel)) == []


def test_a_repeat_and_a_second_person_change_nothing() -> None:
    assert [x.tap_id for x in folded(tap("a"), tap("a"), tap("b", who="li"))] == ["a"]
    assert folded(tap("a"), seen={"a"}) == []


def test_an_undo_in_the_same_batch_brings_it_back_above_the_tap() -> None:
    tapped, undone = folded(tap("a", 60), tap("u", 100, undo=True))
    assert (undone.state, undone.word, undone.may_have_arrived, undone.since) == (
        State.WAITING,
        2,
        True,
        NOON,
    )
    assert ledger_rank(undone.state, 2, undone.word) > ledger_rank(tapped.state, 2, tapped.word)


def test_a_late_repeat_of_a_tap_that_was_undone_changes_nothing() -> None:
    assert len(folded(tap("a", 60), tap("u", 100, undo=True), tap("a", 60))) == 2
    back = row(word=2, cause="undo", by="wang", may_have_arrived=True, since_ms=to_ms(NOON))
    assert folded(tap("a"), before=back, seen={"a", "u"}) == []
    assert [x.word for x in folded(tap("c", 200), before=back, seen={"a", "u"})] == [3]


def shown(**more: Any) -> LedgerRow:
    return row(State.SHOWN, **{"cause": "tap", "by": "wang", "word": 1, "since_ms": to_ms(NOON), **more})


def test_an_undo_comes_too_late_or_from_another_or_after_a_recall() -> None:
    assert folded(tap("u", 61, undo=True), before=shown()) == []
    assert folded(tap("u", 30, undo=True, who="li"), before=shown()) == []
    assert folded(tap("u", 30, undo=True), before=shown(), latest=RECALLED) == []
    assert folded(tap("u", 30, undo=True), before=shown(), latest={ALERT: LatestRelease(2, "updated")}) == []
    assert folded(tap("u", 30, undo=True), before=shown(cause="send")) == []
    assert len(folded(tap("u", 60, undo=True), before=shown())) == 1


@pytest.mark.parametrize("state", [State.SUPERSEDED, State.UNKNOWN])
def test_what_was_superseded_is_shown_all_the_same_when_it_was_sent(state: State) -> None:
    before = row(state, since_ms=to_ms(NOON - timedelta(seconds=300)))
    [x] = folded(tap("a", tapped_at=NOON - timedelta(seconds=20)), before=before, latest=RECALLED)
    assert (x.state, x.may_have_arrived, x.at) == (State.SHOWN, True, NOON - timedelta(seconds=20))


@pytest.mark.parametrize("state", sorted(set(State) - {State.WAITING, State.SUPERSEDED, State.UNKNOWN}))
def test_nothing_else_is_settled_by_a_tap(state: State) -> None:
    assert folded(tap("a"), before=row(state)) == []


def test_only_relayed_groups_are_settled_by_a_tap() -> None:
    assert folded(tap("a"), before=row(channel="wecom_customer_group")) == []
    assert list(fold([tap("a")], {}, set(), STANDS, 60)) == []


def test_a_correction_is_tapped_and_taken_back_while_the_recall_stands() -> None:
    key = delivery_of(ALERT, 1, "correction", "g1")
    taps = [tap("a", kind="correction"), tap("u", 70, undo=True, kind="correction")]
    assert [x.state for x in fold(taps, {key: row()}, set(), RECALLED, 60)] == [State.SHOWN, State.WAITING]


PRESSES = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(["wang", "li"]), st.booleans(), st.integers(0, 90)),
    max_size=14,
)


@given(PRESSES, st.integers(0, 14))
def test_a_batch_that_is_cut_and_done_again_gives_the_same_receipts(presses: Any, cut: int) -> None:
    taps = [tap(f"{n}{who}{undo}", at, who=who, undo=undo) for n, who, undo, at in presses]
    whole = folded(*taps)
    first = folded(*taps[:cut])
    after = row()
    for x in first:
        after = LedgerRow(
            state=x.state, at_ms=to_ms(x.at), attempt=x.attempt, channel=x.channel,
            may_have_arrived=True, cause=x.cause,
            by=x.by, word=x.word, since_ms=to_ms(x.since) if x.since else 0,
        )  # fmt: skip
    rest = folded(*taps, before=after, seen={x.tap_id for x in first})
    cut_off = folded(*taps[cut:], before=after, seen={x.tap_id for x in first})
    assert first + cut_off == whole
    assert {x.event_id for x in first + cut_off} == {x.event_id for x in whole}
    assert all(x.tap_id not in {y.tap_id for y in first} for x in rest)


def person(who: str, **more: Any) -> e.Person:
    fields: dict[str, Any] = {"name": who, "role": Role.OFFICER, "district": "示范区", "station": "东所"}
    return e.Person(person_id=who, **(fields | more))


OWNED = group(1, owner="wang", deputy="li", station="东所")


@pytest.mark.parametrize(
    ("who", "may"),
    [
        (person("wang"), True),
        (person("li"), True),
        (person("zhao"), False),
        (person("duty", duty=True), True),
        (person("duty", duty=True, station="西所"), False),
        (person("duty", duty=True, district="别区"), False),
        (person("wang", gone=True), False),
        (person("boss", role=Role.ANALYST), False),
    ],
)
def test_only_owner_deputy_and_the_stations_duty_account_may_tap(who: e.Person, may: bool) -> None:
    assert may_tap(who, OWNED) is may


def test_no_station_has_no_duty_account_and_a_gone_group_nobody() -> None:
    assert not may_tap(person("duty", duty=True, station=""), group(1, station=""))
    assert not may_tap(person("wang"), group(1, owner="wang", gone=True))


def test_a_deputy_sees_what_was_opened_and_what_nobody_owns() -> None:
    there = {"wang": person("wang")}
    assert level_for(person("li"), OWNED, (), there) is None
    assert level_for(person("li"), OWNED, ("remind",), there) is None
    assert level_for(person("li"), OWNED, ("deputy",), there) == "deputy"
    assert level_for(person("li"), OWNED, (), {}) == "deputy"
    assert level_for(person("wang"), OWNED, ("station",), there) == "owner"
    assert level_for(person("duty", duty=True), OWNED, (), there) == "station"
