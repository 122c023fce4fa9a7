"""Marks of deliveries that did not leave, since Redis was lost between the mark and the look."""

from datetime import datetime, timedelta

from broadcast.limits.last_look import Departure, UnsentMarks
from fenghuo.clock import to_ms
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.events import DeliveryState as State
from tests.support.builders import NOON, request


def departure(*, may_have_arrived: bool = False) -> Departure:
    return Departure(request(), NOON + timedelta(hours=24), may_have_arrived)


def marked(at: datetime) -> LedgerRow:
    return LedgerRow(state=State.HANDED_OVER, at_ms=to_ms(at), may_have_arrived=True)


def test_a_mark_of_our_own_that_never_led_to_a_send_is_no_doubt() -> None:
    unsent = UnsentMarks()
    unsent.add([departure()], NOON)
    assert not unsent.corrected(request(), marked(NOON)).may_have_arrived


def test_a_mark_that_another_process_wrote_meanwhile_is_kept() -> None:
    unsent = UnsentMarks()
    unsent.add([departure()], NOON)
    assert unsent.corrected(request(), marked(NOON + timedelta(seconds=1))).may_have_arrived


def test_once_the_look_was_answered_the_mark_tells_of_a_send() -> None:
    unsent = UnsentMarks()
    unsent.add([departure()], NOON)
    unsent.remove([departure()])
    assert unsent.corrected(request(), marked(NOON)).may_have_arrived


def test_what_an_earlier_send_may_have_shown_stays_doubtful_whatever_becomes_of_a_later_mark() -> None:
    unsent = UnsentMarks()
    unsent.add([departure(may_have_arrived=True)], NOON)
    assert unsent.corrected(request(), marked(NOON)).may_have_arrived
