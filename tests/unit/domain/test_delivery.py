"""A delivery on the ledger: the names of its fields in Redis, and which of two states prevails."""

import msgspec

from fenghuo.domain.delivery import MAY_HAVE_ARRIVED, RANK, LedgerRow, ledger_rank
from fenghuo.domain.events import SETTLED
from fenghuo.domain.events import DeliveryState as State


def test_rows_written_before_the_field_was_renamed_are_still_read() -> None:
    row = LedgerRow(state=State.HANDED_OVER, at_ms=1, may_have_arrived=True)
    assert msgspec.to_builtins(row)["left"] is True
    assert msgspec.json.decode(b'{"state":"handed_over","at_ms":1,"left":true}', type=LedgerRow) == row


def test_only_what_is_settled_counts_as_perhaps_arrived_by_its_state() -> None:
    settled_elsewhere = {State.REFUSED, State.SUPERSEDED}
    assert settled_elsewhere | MAY_HAVE_ARRIVED == SETTLED


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


def test_what_waited_for_a_tap_and_goes_on_elsewhere_waits_no_longer() -> None:
    assert ledger_rank(State.RETRYING, 1) > ledger_rank(State.WAITING, 1) > ledger_rank(State.HANDED_OVER, 1)
