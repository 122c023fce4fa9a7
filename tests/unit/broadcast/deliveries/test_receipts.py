"""What an attempt means for its delivery, and which attempts are still to be made."""

import itertools
from datetime import timedelta

import pytest

from broadcast.channels.base import SendResult, SendStatus
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
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId
from fenghuo.domain.delivery import LedgerRow, next_attempt
from fenghuo.domain.events import DeliveryState as State
from tests.support.builders import NOON, request

CUSTOMERS = "wecom_customer_group"


def row(
    state: State, attempt: int = 1, may_have_arrived: bool = False, channel: str = "sandbox", **more: str
) -> LedgerRow:
    return LedgerRow(
        state=state, at_ms=0, attempt=attempt, may_have_arrived=may_have_arrived, channel=channel, **more
    )  # type: ignore[arg-type]


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
