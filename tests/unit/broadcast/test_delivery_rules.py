"""The pure rules of planning and sending."""

import itertools
from collections.abc import Sequence
from datetime import timedelta

import pytest

from broadcast.channels.base import SendResult, SendStatus
from broadcast.deliveries.eligibility import is_superseded
from broadcast.deliveries.receipts import (
    LONGEST_RETRY_S,
    attempt_receipt,
    backoff_s,
    delivery_of,
    latest_attempt_each,
    superseded_receipt,
    to_be_tried,
    was_cut_off,
    without_duplicates,
)
from broadcast.deliveries.requests import Dispatch, as_task, requests
from broadcast.limits.circuit_breaker import FailureWindow, breaker_key
from broadcast.planning.part_writer import deliveries
from broadcast.planning.planner import PART, begin, meant_by, place_of, split_into_parts
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId, Audience
from fenghuo.domain.delivery import RANK, LatestRelease, LedgerRow, ledger_rank, next_attempt
from fenghuo.domain.events import DeliveryState as State
from fenghuo.domain.ledger import may_have
from fenghuo.domain.routing import Route, route
from fenghuo.domain.taps import Tappers
from fenghuo.domain.warning_limits import LimitReason
from tests.support.builders import NOON, group, place, release, released, request

CUSTOMERS = "wecom_customer_group"
TAPPERS = Tappers({})
LIVE = ("sandbox", "webhook", "wecom_robot", "dingtalk", CUSTOMERS)


def row(
    state: State, attempt: int = 1, may_have_arrived: bool = False, channel: str = "sandbox", **more: str
) -> LedgerRow:
    return LedgerRow(
        state=state, at_ms=0, attempt=attempt, may_have_arrived=may_have_arrived, channel=channel, **more
    )  # type: ignore[arg-type]


def planned(
    event: e.AlertReleased, groups: Sequence[e.Group], held: dict[str, str] | None = None
) -> list[e.Event]:
    """The plan of ``event`` when nobody was frozen, its parts written out."""
    known = {g.group_id: g for g in groups}
    release = event.release
    places = [place_of(known[x], route(known[x], release, TAPPERS)) for x in meant_by(release, known)]
    return written_out(event, split_into_parts(event, "warning", places, held=held or {}), known)


def corrections(
    event: e.AlertReleased, earlier: dict[int, dict[str, LedgerRow]], groups: dict[str, e.Group]
) -> list[e.Event]:
    """What is corrected after ``earlier``, its parts written out."""
    came_by = {x: stood.channel for x, stood in may_have(earlier).items()}
    places = [
        place_of(groups[x], route(groups[x], event.release, TAPPERS, came_by=channel))
        for x, channel in came_by.items() if x in groups
    ]  # fmt: skip
    return written_out(event, split_into_parts(event, "correction", places, came_by=came_by), groups)


def written_out(
    event: e.AlertReleased, events: Sequence[e.Event], groups: dict[str, e.Group]
) -> list[e.Event]:
    first, *parts = events
    return [
        first,
        *(
            x
            for part in parts
            if isinstance(part, e.PartPlanned)
            for x in deliveries(part, event.release, groups, TAPPERS)
        ),
    ]


def way(channel: str, target: str = "t", **changes: str) -> e.Binding:
    return e.Binding(channel=channel, target=target, **changes)


def test_each_group_of_the_audience_is_planned_once_in_order() -> None:
    groups = [group(3), group(1), group(2, place=place(district="别处"))]
    first, *asked = planned(released(), groups)
    assert isinstance(first, e.DeliveriesPlanned) and first.groups == 2
    assert [x.group_id for x in asked if isinstance(x, e.DeliveryRequested)] == ["g0001", "g0003"]


def test_planning_twice_gives_the_same_ids() -> None:
    groups = [group(n) for n in range(5)]
    assert [x.event_id for x in planned(released(), groups)] == [
        x.event_id for x in planned(released(), groups[::-1])
    ]
    assert begin(released()) == begin(released())


def test_towns_narrow_the_audience() -> None:
    groups = [group(1, place=place("东湖镇")), group(2, place=place("南桥镇"))]
    _, only = planned(released(audience=Audience(district="示范区", towns=("南桥镇",))), groups)
    assert getattr(only, "group_id", None) == "g0002"


def test_a_group_whose_channel_was_not_approved_is_refused_in_the_open() -> None:
    _, receipt = planned(released(channels=("webhook",)), [group(1, channel="sandbox")])
    assert isinstance(receipt, e.ReceiptRecorded)
    assert (receipt.state, receipt.reason) == (State.REFUSED, "channel not approved")


def test_an_exercise_reaches_the_sandbox_only() -> None:
    _, asked = planned(released(exercise=True), [group(1, channel="webhook", also=(way("dingtalk"),))])
    assert isinstance(asked, e.DeliveryRequested) and asked.channel == "sandbox"


def test_an_audience_that_has_lost_its_last_group_holds_nobody_up() -> None:
    elsewhere = group(1, place=place("别的镇"))
    narrow = Audience(district="示范区", towns=("东湖镇",))
    (only,) = planned(released(audience=narrow, groups=1), [elsewhere])
    assert isinstance(only, e.DeliveriesPlanned) and only.groups == 0


def test_a_recall_corrects_those_who_have_it_or_may_have_it_and_no_others() -> None:
    groups = {f"g{n:04}": group(n) for n in range(11)}
    ledger = {
        "g0000": row(State.SHOWN),
        "g0001": row(State.UNKNOWN),
        "g0002": row(State.HANDED_OVER, may_have_arrived=True),
        "g0003": row(State.RETRYING, may_have_arrived=True),
        "g0004": row(State.RETRYING),
        "g0005": row(State.REFUSED),
        "g0006": row(State.SUPERSEDED),
        "g0007": row(State.REQUESTED),
        "gone": row(State.SHOWN),
        "g0008": row(State.ACCEPTED),
        "g0009": row(State.WAITING),
        "g0010": row(State.HANDED_OVER),
    }
    first, *asked = corrections(released("recalled"), {1: ledger}, groups)
    owed = [x.group_id for x in asked if isinstance(x, e.DeliveryRequested)]
    assert owed == ["g0000", "g0001", "g0002", "g0003", "g0008"]
    assert isinstance(first, e.DeliveriesPlanned) and (first.kind, first.groups) == ("correction", 5)


def test_a_recall_corrects_every_version_that_may_be_out_each_group_once() -> None:
    groups = {f"g000{n}": group(n) for n in range(3)}
    earlier = {
        1: {"g0000": row(State.SHOWN), "g0001": row(State.SHOWN)},
        2: {"g0001": row(State.SHOWN), "g0002": row(State.RETRYING)},
    }
    _, *asked = corrections(released("recalled", version=2), earlier, groups)
    assert [(x.group_id, x.version) for x in asked if isinstance(x, e.DeliveryRequested)] == [
        ("g0000", 2),
        ("g0001", 2),
    ]


def test_a_correction_goes_as_the_warning_came_or_by_another_way_when_that_is_gone() -> None:
    groups = {
        "g0001": group(1, channel="webhook", also=(way("dingtalk"),)),
        "g0002": group(2, channel="webhook"),
        "g0003": group(3, channel="relay"),
    }
    ledger = {x: row(State.SHOWN, channel="dingtalk") for x in groups}
    first, *asked = corrections(released("recalled"), {1: ledger}, groups)
    lost = [x for x in asked if isinstance(x, e.ReceiptRecorded)]
    assert [(x.group_id, x.kind, x.state) for x in lost] == [("g0003", "correction", State.REFUSED)]
    assert isinstance(first, e.DeliveriesPlanned) and first.groups == 3
    by = {x.group_id: x.channel for x in asked if isinstance(x, e.DeliveryRequested)}
    assert by == {"g0001": "dingtalk", "g0002": "webhook"}


def test_parts_keep_the_order_and_an_owners_task_whole() -> None:
    """The largest first; robots, which go one by one, last; whoever taps gets one task, however many there
    are."""
    robots = [group(n, channel="dingtalk", target="t", members=900) for n in range(2)]
    hooks = [group(n, channel="webhook", target="t", members=n) for n in range(10, 10 + PART)]
    tasks = [
        group(n, channel=CUSTOMERS, owner="anna" if n % 2 else "bo", members=n)
        for n in range(2000, 2000 + 2 * PART + 10)
    ]
    shuffled = [*robots, *hooks, *tasks]
    event = released(channels=LIVE)
    first, *parts = split_into_parts(
        event,
        "warning",
        [place_of(g, route(g, release(channels=LIVE), TAPPERS)) for g in shuffled],
        held={"g2003": "day"},
    )
    assert isinstance(first, e.DeliveriesPlanned) and first.groups == len(shuffled)
    ids = [x.group_ids for x in parts if isinstance(x, e.PartPlanned)]
    assert [len(x) for x in ids] == [PART + 5, PART + 5, PART, 2]
    assert len({x.event_id for x in parts}) == len(parts)
    known = {g.group_id: g for g in shuffled}
    assert [{known[x].owner for x in part} for part in ids[:2]] == [{"anna"}, {"bo"}]
    assert [known[x].members for x in ids[2]] == sorted((g.members for g in hooks), reverse=True)
    assert {known[x].channel for x in ids[3]} == {"dingtalk"}
    assert [x.held for x in parts if isinstance(x, e.PartPlanned)] == [(("g2003", "day"),), (), (), ()]


def test_a_group_that_went_between_the_plan_and_its_part_is_refused_in_the_open() -> None:
    event, groups = released(channels=LIVE), [group(1, channel="webhook", target="t"), group(2)]
    _, part = split_into_parts(event, "warning", [place_of(g, Route(g.ways[0])) for g in groups])
    assert isinstance(part, e.PartPlanned)
    left = {g.group_id: g for g in (group(1, channel="webhook", target="t", gone=True), group(2))}
    refused, asked = deliveries(part, event.release, left, TAPPERS)
    assert isinstance(refused, e.ReceiptRecorded)
    assert (refused.group_id, refused.reason) == ("g0001", "the group is gone")
    assert isinstance(asked, e.DeliveryRequested) and asked.group_id == "g0002"


def test_two_tasks_of_one_owner_are_two() -> None:
    plan = Dispatch(release(channels=LIVE), "warning", released())
    way_there = e.Binding(channel=CUSTOMERS, target="t")
    (one,) = requests(plan, [(group(1, owner="anna"), way_there)])
    (both,) = requests(plan, [(group(n, owner="anna"), way_there) for n in (1, 2)])
    assert isinstance(one, e.TaskRequested) and isinstance(both, e.TaskRequested)
    assert one.task_id != both.task_id


def test_a_stale_attempt_behind_a_later_one_does_not_lose_it() -> None:
    later, stale = request(attempt=2), request(attempt=1)
    assert latest_attempt_each([later, stale]) == latest_attempt_each([stale, later]) == [later]


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
def test_what_the_ledger_knows_is_not_sent_again(before: LedgerRow | None, attempt: int, tried: bool) -> None:
    assert to_be_tried(request(attempt=attempt), before) is tried


def settled(
    verdict: SendStatus,
    failures: int = 0,
    *,
    can_ask: bool = True,
    further: str = "",
    may_have_arrived: bool = False,
    **said: object,
) -> e.ReceiptRecorded:
    return attempt_receipt(
        request(failures=failures), SendResult(verdict, "said", **said), now=NOON, attempts=5, base_s=2,
        can_ask=can_ask, next_channel=further, may_have_arrived=may_have_arrived,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "exhausted", "askable", "state"),
    [
        (SendStatus.SHOWN, False, True, State.SHOWN),
        (SendStatus.ACCEPTED, False, True, State.ACCEPTED),
        (SendStatus.WAITING, False, True, State.WAITING),
        (SendStatus.REFUSED, False, True, State.REFUSED),
        (SendStatus.RETRY, False, True, State.RETRYING),
        (SendStatus.RETRY, False, False, State.RETRYING),
        (SendStatus.RETRY, True, True, State.REFUSED),
        (SendStatus.UNKNOWN, False, True, State.RETRYING),
        (SendStatus.UNKNOWN, True, True, State.UNKNOWN),
        (SendStatus.UNKNOWN, False, False, State.UNKNOWN),
    ],
)
def test_a_timeout_is_unknown_never_failed(
    verdict: SendStatus, exhausted: bool, askable: bool, state: State
) -> None:
    assert settled(verdict, 4 if exhausted else 0, can_ask=askable).state is state


@pytest.mark.parametrize(("verdict", "failures"), [(SendStatus.REFUSED, 0), (SendStatus.RETRY, 4)])
def test_what_is_refused_for_good_goes_on_by_the_next_way_with_a_fresh_count(
    verdict: SendStatus, failures: int
) -> None:
    receipt = settled(verdict, failures, further="webhook")
    assert (receipt.state, receipt.next_channel, receipt.retry_at) == (State.RETRYING, "webhook", NOON)
    following = next_attempt(receipt)
    assert (following.channel, following.attempt, following.failures) == ("webhook", 2, 0)
    assert following.delivery_id == receipt.delivery_id


@pytest.mark.parametrize("verdict", list(SendStatus))
def test_what_may_have_arrived_never_goes_on_by_the_next_way(verdict: SendStatus) -> None:
    receipt = settled(verdict, 4, further="webhook", may_have_arrived=True)
    assert receipt.next_channel == ""
    assert receipt.state is not State.REFUSED
    assert receipt.may_have_arrived or receipt.state is State.WAITING


def test_unknown_never_goes_on_by_the_next_way() -> None:
    assert settled(SendStatus.UNKNOWN, further="webhook", can_ask=False).next_channel == ""


def test_being_told_to_slow_down_is_no_failure_and_waits_as_long_as_was_said() -> None:
    receipt = settled(SendStatus.RETRY, 4, throttled=True, retry_after_s=7.0)
    assert (receipt.state, receipt.failures, receipt.held) == (State.RETRYING, 4, "rate")
    assert receipt.retry_at == NOON + timedelta(seconds=7)


def test_what_is_held_back_after_it_may_have_left_is_unknown() -> None:
    assert superseded_receipt(request(), NOON, may_have_arrived=False).state is State.SUPERSEDED
    unsure = superseded_receipt(request(), NOON, may_have_arrived=True)
    assert (unsure.state, unsure.may_have_arrived) == (State.UNKNOWN, True)


def test_an_attempt_that_was_begun_and_has_no_outcome_was_cut_off() -> None:
    assert was_cut_off(request(attempt=2), row(State.HANDED_OVER, 2, may_have_arrived=True))
    assert not was_cut_off(request(attempt=2), row(State.HANDED_OVER, 2)), "its mark was taken back"
    assert not was_cut_off(request(attempt=2), row(State.HANDED_OVER, 1, may_have_arrived=True))
    assert not was_cut_off(request(), row(State.REQUESTED))
    assert not was_cut_off(request(), None)


def test_a_persons_word_is_final_for_the_machine() -> None:
    undone = LedgerRow(state=State.WAITING, at_ms=0, word=1)
    assert not to_be_tried(request(attempt=9), undone)


def test_each_group_is_in_one_task_of_a_batch_whatever_comes_twice() -> None:
    first = e.TaskRequested(
        event_id="1", at=NOON, task_id="t", alert_id=AlertId("a1"), version=1, kind="warning", owner="o",
        channel=CUSTOMERS, credential="", group_ids=("g1", "g2"),
    )  # fmt: skip
    again = e.TaskRequested(
        event_id="2", at=NOON, task_id="t", alert_id=AlertId("a1"), version=1, kind="warning", owner="o",
        channel=CUSTOMERS, credential="", group_ids=("g2",), attempt=2,
    )  # fmt: skip
    for order in itertools.permutations([first, first, again]):
        tasks = without_duplicates(order)
        assert [(x.attempt, x.group_ids) for x in tasks] == [(2, ("g2",)), (1, ("g1",))]


def test_back_off_doubles_and_ends_at_ten_minutes() -> None:
    assert 2 <= backoff_s(2, 1) <= 2.5
    assert 8 <= backoff_s(2, 3) <= 10
    assert backoff_s(2, 30) <= LONGEST_RETRY_S * 1.25


@pytest.mark.parametrize(
    ("standing", "kind", "late_s", "is_held"),
    [
        ((1, "approved"), "warning", 0, False),
        ((1, "recalled"), "warning", 0, True),
        ((1, "expired"), "warning", 0, True),
        ((2, "updated"), "warning", 0, True),
        ((1, "approved"), "warning", 25 * 3600, True),
        ((1, "approved"), "warning", 24 * 3600 - 1, False),
        ((1, "approved"), "warning", 24 * 3600, True),
        (None, "warning", 0, False),
        ((1, "recalled"), "correction", 0, False),
        ((1, "recalled"), "correction", 25 * 3600, False),
    ],
)
def test_nothing_leaves_after_recall_or_expiry_but_the_correction(
    standing: tuple[int, str] | None, kind: str, late_s: int, is_held: bool
) -> None:
    now = NOON + timedelta(seconds=late_s)
    latest = LatestRelease(*standing) if standing else None
    assert is_superseded(kind, 1, release().expires_at, latest, now) is is_held


def test_shown_is_final_and_a_later_attempt_stands_above_an_earlier() -> None:
    shown = ledger_rank(State.SHOWN, 1)
    assert all(
        ledger_rank(state, attempt) < shown
        for state in RANK
        if state is not State.SHOWN
        for attempt in range(1, 21)
    )
    assert ledger_rank(State.WAITING, 1, word=1) > shown, "but for a person who takes it back"
    assert ledger_rank(State.REQUESTED, 2) > ledger_rank(State.SUPERSEDED, 1)


def test_an_owner_gets_one_task_for_all_groups_of_one_credential() -> None:
    groups = [
        *(group(n, channel=CUSTOMERS, target=f"wr{n}", owner="o1") for n in range(3)),
        group(3, channel=CUSTOMERS, target="wr3", owner="o2"),
        group(4, channel=CUSTOMERS, target="wr4", owner="o1", credential="other"),
        group(5),
    ]
    _, *asked = planned(released(channels=LIVE), groups)
    tasks = [(x.owner, x.credential, x.group_ids) for x in asked if isinstance(x, e.TaskRequested)]
    assert tasks == [
        ("o1", "", ("g0000", "g0001", "g0002")),
        ("o2", "", ("g0003",)),
        ("o1", "other", ("g0004",)),
    ]
    assert [x.group_id for x in asked if isinstance(x, e.DeliveryRequested)] == ["g0005"]


def test_a_task_takes_no_more_than_the_platform_does() -> None:
    many = [group(n, channel=CUSTOMERS, target=f"wr{n}", owner="o") for n in range(2001)]
    _, *asked = planned(released(channels=LIVE), many)
    assert [len(x.group_ids) for x in asked if isinstance(x, e.TaskRequested)] == [2000, 1]
    assert len({x.task_id for x in asked if isinstance(x, e.TaskRequested)}) == 2


def test_what_waits_for_people_goes_first_and_robots_last() -> None:
    names = ("dingtalk", "webhook", "relay", "sandbox", "feishu")
    groups = [group(n, channel=name, target="t", members=n) for n, name in enumerate(names)]
    wanted = [(g, g.ways[0]) for g in groups]
    asked = requests(Dispatch(release(), "warning", released()), wanted)
    assert [x.channel for x in asked if isinstance(x, e.DeliveryRequested)] == [
        "relay", "sandbox", "webhook", "feishu", "dingtalk",
    ]  # fmt: skip


def test_one_group_that_goes_on_by_a_tap_is_a_task_of_its_owner() -> None:
    asked = request(channel=CUSTOMERS, attempt=2)
    goes_on = as_task(asked, group(1, owner="o", also=(way(CUSTOMERS, "wr1", credential="district"),)))
    assert (goes_on.owner, goes_on.credential, goes_on.group_ids) == ("o", "district", ("g0001",))
    assert goes_on.attempt == 2
    assert as_task(request(channel=CUSTOMERS, attempt=3), None).task_id == goes_on.task_id


@pytest.mark.parametrize("reason", [LimitReason.PLATFORM, LimitReason.RESERVE])
def test_what_a_platform_does_not_take_goes_by_the_next_way(reason: LimitReason) -> None:
    groups = [
        group(1, channel=CUSTOMERS, target="wr1", owner="o", also=(way("dingtalk"),)),
        group(2, channel=CUSTOMERS, target="wr2", owner="o"),
        group(3, channel=CUSTOMERS, target="wr3", also=(way("dingtalk"),)),
    ]
    held = {g.group_id: reason for g in groups}
    _, refused, *asked = planned(released(channels=LIVE), groups, held)  # type: ignore[arg-type]
    assert isinstance(refused, e.ReceiptRecorded)
    assert (refused.group_id, refused.state, refused.reason) == (
        "g0002", State.REFUSED, f"held back: {reason}",
    )  # fmt: skip
    assert {(x.group_id, x.channel) for x in asked if isinstance(x, e.DeliveryRequested)} == {
        ("g0001", "dingtalk"),
        ("g0003", "dingtalk"),
    }


@pytest.mark.parametrize("reason", [LimitReason.DAY, LimitReason.WEEK])
def test_a_group_that_has_had_its_share_gets_no_warning_by_any_way(reason: LimitReason) -> None:
    several = group(1, also=(way("dingtalk"),))
    first, refused = planned(released(channels=LIVE), [several], {"g0001": reason})
    assert isinstance(first, e.DeliveriesPlanned) and first.groups == 1
    assert isinstance(refused, e.ReceiptRecorded) and refused.state is State.REFUSED


def test_a_channel_is_halted_by_more_than_ten_failures_that_are_more_than_a_tenth() -> None:
    tally = FailureWindow(10, 0.1)
    assert [tally.record("a", failed=True) for _ in range(11)] == [*[False] * 10, True]
    assert not any(tally.record("b", failed=n % 10 == 9) for n in range(1000)), "a tenth is no more than that"
    assert any(tally.record("c", failed=n % 9 == 0) for n in range(1000))


def test_good_sends_halt_nothing_and_a_halt_begins_the_count_anew() -> None:
    tally = FailureWindow(10, 0.1)
    for _ in range(11):
        tally.record("a", failed=True)
    assert not tally.record("a", failed=False), "it is the failure that halts"
    assert tally.summary("a") == "11 of the latest 12 failed"
    tally.forget("a")
    assert not tally.record("a", failed=True)


def test_a_credential_is_halted_under_its_own_name() -> None:
    assert (breaker_key("webhook", "office"), breaker_key("webhook", "")) == ("webhook/office", "webhook")


def test_what_waited_for_a_tap_and_goes_on_elsewhere_waits_no_longer() -> None:
    assert ledger_rank(State.RETRYING, 1) > ledger_rank(State.WAITING, 1) > ledger_rank(State.HANDED_OVER, 1)
