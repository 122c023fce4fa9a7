"""The last look before a send: mark the delivery, look at its alert, take the mark back if it must not leave.

The order matters (docs/decisions/0005). A recall is put on the desk before its planner reads the marks. So
either the planner sees the mark, and the group gets the correction, or the look sees the recall, and nothing
leaves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from broadcast.deliveries.eligibility import is_superseded
from broadcast.limits.concurrency import retry_while_unavailable
from fenghuo import clock
from fenghuo.desk.deliveries import sending_mark
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.delivery import LatestRelease, LedgerRow


@dataclass(frozen=True, slots=True)
class Departure:
    """A delivery that is about to leave. ``may_have_arrived``: an earlier attempt may have reached the
    group."""

    request: e.DeliveryRequested
    expires_at: datetime
    may_have_arrived: bool


class UnsentMarks:
    """Marks of deliveries that certainly did not leave, since Redis was lost before the look.

    They live as long as the process: the batch that wrote them has failed, and the next one must not take
    them for sends that were cut off.
    """

    def __init__(self) -> None:
        self._marked_ms: dict[tuple[str, int], int] = {}

    def add(self, departures: Sequence[Departure], at: datetime) -> None:
        """Before the mark. A delivery that may have arrived is left out: its mark stays true."""
        at_ms = clock.to_ms(at)
        self._marked_ms |= {_attempt(x.request): at_ms for x in departures if not x.may_have_arrived}

    def remove(self, departures: Sequence[Departure]) -> None:
        """After the look: from now on the mark tells of a send, or was taken back."""
        for x in departures:
            self._marked_ms.pop(_attempt(x.request), None)

    def corrected(self, request: e.DeliveryRequested, row: LedgerRow) -> LedgerRow:
        """The delivery's ``row`` on the ledger without such a mark of our own."""
        if self._marked_ms.get(_attempt(request)) != row.at_ms:
            return row
        return msgspec.structs.replace(row, may_have_arrived=False)


class LastLook:
    """The last looks of one batch, at messages and tasks alike. What one look finds superseded stays so for
    the batch: it gets no mark any more."""

    def __init__(self, desk: Desk, unsent: UnsentMarks, latest: Mapping[str, LatestRelease]) -> None:
        self._desk = desk
        self._unsent = unsent
        self._latest = dict(latest)
        self._superseded: set[tuple[str, int, str]] = set()

    def latest(self, alert_id: str) -> LatestRelease | None:
        """The alert's newest release, when it was last looked at."""
        return self._latest.get(alert_id)

    def corrected(self, request: e.DeliveryRequested, row: LedgerRow) -> LedgerRow:
        """The delivery's ``row`` on the ledger without a mark of ours that certainly did not leave."""
        return self._unsent.corrected(request, row)

    def stops(self, request: e.DeliveryRequested) -> bool:
        """Whether a look has found the delivery's warning superseded."""
        return (request.alert_id, request.version, request.kind) in self._superseded

    async def mark_and_look(self, departures: Sequence[Departure]) -> None:
        """Mark ``departures`` and look; then only those may leave that ``stops`` does not stop. The others
        lose their mark at once, so that no group is corrected that never had the warning."""
        now, keys = clock.now(), self._desk.keys
        marked = [x for x in departures if not self.stops(x.request)]
        self._unsent.add(marked, now)
        marks = [sending_mark(x.request, x.request.group_id, now, keys) for x in marked]
        alert_ids = list({x.request.alert_id for x in marked})
        self._latest |= await retry_while_unavailable(
            lambda: self._desk.releases.mark_and_look(marks, alert_ids)
        )
        self._find_superseded(marked, clock.now())
        unmarks = [
            sending_mark(x.request, x.request.group_id, now, keys, may_have_arrived=x.may_have_arrived)
            for x in marked if self.stops(x.request)
        ]  # fmt: skip
        await retry_while_unavailable(lambda: self._desk.apply(unmarks))
        self._unsent.remove(marked)

    def _find_superseded(self, departures: Sequence[Departure], now: datetime) -> None:
        for x in departures:
            request = x.request
            latest = self._latest.get(request.alert_id)
            if is_superseded(request.kind, request.version, x.expires_at, latest, now):
                self._superseded.add((request.alert_id, request.version, request.kind))


def _attempt(request: e.DeliveryRequested) -> tuple[str, int]:
    return request.delivery_id, request.attempt
