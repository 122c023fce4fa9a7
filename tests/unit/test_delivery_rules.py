"""The pure rules of planning and sending."""

from datetime import timedelta

import pytest

from broadcast.channels.base import Verdict
from broadcast.plan import begin, corrections, delivery_of, warnings
from broadcast.sender import LONGEST_RETRY_S, Job, backoff_s, latest_attempts, settle, superseded, to_be_tried
from fenghuo import events as e
from fenghuo.alerts import AlertId, Audience
from fenghuo.errors import Transient
from fenghuo.events import DeliveryState as State
from fenghuo.stores.projection import RANK, Row, rank_of
from tests.making import NOON, group, place, release, released, request


def row(state: State, attempt: int = 1, left: bool = False) -> Row:
    return Row(state=state, at_ms=0, attempt=attempt, left=left)


def test_each_group_of_the_audience_is_planned_once_in_order() -> None:
    groups = [group(3), group(1), group(2, place=place(district="别处"))]
    planned, *asked = warnings(released(), groups)
    assert isinstance(planned, e.DeliveriesPlanned) and planned.groups == 2
    assert [x.group_id for x in asked if isinstance(x, e.DeliveryRequested)] == ["g0001", "g0003"]


def test_planning_twice_gives_the_same_ids() -> None:
    groups = [group(n) for n in range(5)]
    assert [x.event_id for x in warnings(released(), groups)] == [
        x.event_id for x in warnings(released(), groups)
    ]
    assert begin(released()) == begin(released())


def test_towns_narrow_the_audience() -> None:
    groups = [group(1, place=place("东湖镇")), group(2, place=place("南桥镇"))]
    _, only = warnings(released(audience=Audience(district="示范区", towns=("南桥镇",))), groups)
    assert getattr(only, "group_id", None) == "g0002"


def test_a_group_whose_channel_was_not_approved_is_refused_in_the_open() -> None:
    _, receipt = warnings(released(channels=("webhook",)), [group(1, channel="sandbox")])
    assert isinstance(receipt, e.ReceiptRecorded)
    assert (receipt.state, receipt.reason) == (State.REFUSED, "channel not approved")


def test_an_exercise_reaches_the_sandbox_only() -> None:
    _, asked = warnings(released(exercise=True), [group(1, channel="webhook")])
    assert isinstance(asked, e.DeliveryRequested) and asked.channel == "sandbox"


def test_an_empty_desk_is_not_taken_for_an_empty_district() -> None:
    with pytest.raises(Transient, match="rebuild"):
        warnings(released(groups=3162), [])


def test_an_audience_that_has_lost_its_last_group_holds_nobody_up() -> None:
    elsewhere = group(1, place=place("别的镇"))
    narrow = Audience(district="示范区", towns=("东湖镇",))
    (planned,) = warnings(released(audience=narrow, groups=1), [elsewhere])
    assert isinstance(planned, e.DeliveriesPlanned) and planned.groups == 0


def test_a_recall_corrects_those_who_have_it_or_may_have_it_and_no_others() -> None:
    groups = {f"g{n}": group(n) for n in range(8)}
    ledger = {
        "g0": row(State.SHOWN),
        "g1": row(State.UNKNOWN),
        "g2": row(State.HANDED_OVER),
        "g3": row(State.RETRYING, left=True),
        "g4": row(State.RETRYING),
        "g5": row(State.REFUSED),
        "g6": row(State.SUPERSEDED),
        "g7": row(State.REQUESTED),
        "gone": row(State.SHOWN),
    }
    planned, *asked = corrections(released("recalled"), ledger, groups)
    assert [x.group_id for x in asked if isinstance(x, e.DeliveryRequested)] == ["g0", "g1", "g2", "g3"]
    assert isinstance(planned, e.DeliveriesPlanned) and (planned.kind, planned.groups) == ("correction", 4)


def test_a_stale_attempt_behind_a_later_one_does_not_lose_it() -> None:
    later, stale = request(attempt=2), request(attempt=1)
    assert latest_attempts([later, stale]) == latest_attempts([stale, later]) == [later]


def test_warning_and_correction_never_share_an_idempotency_key() -> None:
    keys = {delivery_of(AlertId("a"), v, kind, "g") for v in (1, 2) for kind in ("warning", "correction")}
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("before", "attempt", "tried"),
    [
        (None, 1, True),
        (row(State.REQUESTED), 1, True),
        (row(State.HANDED_OVER), 1, True),
        (row(State.SHOWN), 1, False),
        (row(State.SHOWN), 2, False),
        (row(State.REFUSED), 1, False),
        (row(State.UNKNOWN), 2, False),
        (row(State.SUPERSEDED), 1, False),
        (row(State.RETRYING, 1), 1, False),
        (row(State.RETRYING, 1), 2, True),
        (row(State.REQUESTED, 2), 1, False),
    ],
)
def test_what_the_ledger_knows_is_not_sent_again(before: Row | None, attempt: int, tried: bool) -> None:
    assert to_be_tried(request(attempt=attempt), before) is tried


@pytest.mark.parametrize(
    ("verdict", "exhausted", "idempotent", "state"),
    [
        (Verdict.SHOWN, False, True, State.SHOWN),
        (Verdict.REFUSED, False, True, State.REFUSED),
        (Verdict.RETRY, False, True, State.RETRYING),
        (Verdict.RETRY, True, True, State.REFUSED),
        (Verdict.UNKNOWN, False, True, State.RETRYING),
        (Verdict.UNKNOWN, True, True, State.UNKNOWN),
        (Verdict.UNKNOWN, False, False, State.UNKNOWN),
    ],
)
def test_a_timeout_is_unknown_never_failed(
    verdict: Verdict, exhausted: bool, idempotent: bool, state: State
) -> None:
    assert settle(verdict, exhausted, idempotent) is state


def test_back_off_doubles_and_ends_at_ten_minutes() -> None:
    assert 2 <= backoff_s(2, 1) <= 2.5
    assert 8 <= backoff_s(2, 3) <= 10
    assert backoff_s(2, 30) <= LONGEST_RETRY_S * 1.25


@pytest.mark.parametrize(
    ("standing", "kind", "late_s", "held"),
    [
        ((1, "approved"), "warning", 0, False),
        ((1, "recalled"), "warning", 0, True),
        ((1, "expired"), "warning", 0, True),
        ((2, "updated"), "warning", 0, True),
        ((1, "approved"), "warning", 25 * 3600, True),
        ((1, "recalled"), "correction", 0, False),
        ((1, "recalled"), "correction", 25 * 3600, False),
    ],
)
def test_nothing_leaves_after_recall_or_expiry_but_the_correction(
    standing: tuple[int, str], kind: str, late_s: int, held: bool
) -> None:
    job = Job(request(kind=kind), release(), "")
    assert superseded(job, standing, NOON + timedelta(seconds=late_s)) is held


def test_shown_is_final_and_a_later_attempt_stands_above_an_earlier() -> None:
    shown = rank_of(State.SHOWN, 1)
    assert all(
        rank_of(state, attempt) < shown
        for state in RANK
        if state is not State.SHOWN
        for attempt in range(1, 21)
    )
    assert rank_of(State.REQUESTED, 2) > rank_of(State.SUPERSEDED, 1)
