"""A delivery on the ledger: the names of its fields in Redis."""

import msgspec

from fenghuo.domain.delivery import MAY_HAVE_ARRIVED, LedgerRow
from fenghuo.domain.events import SETTLED, DeliveryState


def test_rows_written_before_the_field_was_renamed_are_still_read() -> None:
    row = LedgerRow(state=DeliveryState.HANDED_OVER, at_ms=1, may_have_arrived=True)
    assert msgspec.to_builtins(row)["left"] is True
    assert msgspec.json.decode(b'{"state":"handed_over","at_ms":1,"left":true}', type=LedgerRow) == row


def test_only_what_is_settled_counts_as_perhaps_arrived_by_its_state() -> None:
    settled_elsewhere = {DeliveryState.REFUSED, DeliveryState.SUPERSEDED}
    assert settled_elsewhere | MAY_HAVE_ARRIVED == SETTLED
