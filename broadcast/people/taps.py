"""A person confirms that a group got it. Reads taps.made; writes receipts.recorded.

A tap is the truth about its group: one that comes after a recall or an update is counted all the same, so
that the correction reaches every group that was sent the warning meanwhile. Taps are deduplicated by their
id, however late a repeat comes; each event of a batch sees what those before it did.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from broadcast.deliveries.receipts import delivery_of
from fenghuo.clock import from_ms, to_ms
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.channels import TAPPED_HERE
from fenghuo.domain.delivery import LatestRelease, LedgerRow
from fenghuo.domain.taps import OPEN_TO_TAP, is_current_release, may_tap
from fenghuo.errors import Transient
from fenghuo.transport.stage import Outcome

log = logging.getLogger(__name__)


class Taps:
    """Turns taps into receipts; ``undo_s`` is how long one can be taken back."""

    def __init__(self, desk: Desk, undo_s: float) -> None:
        self._desk = desk
        self._undo_s = undo_s

    async def on_taps_made(self, events: Sequence[e.Event]) -> Outcome:
        """Raises Transient while the desk is rebuilt: a tap must not be judged by half of it."""
        if await self._desk.rebuilding():
            raise Transient("the desk is being rebuilt")
        taps = [x for x in events if isinstance(x, e.TapMade)]
        allowed = await self._allowed(taps)
        rows = await self._desk.deliveries.rows(allowed)
        found = {_delivery(x): row for x, row in zip(allowed, rows, strict=True) if row is not None}
        latest = await self._desk.releases.latest(sorted({x.alert_id for x in allowed}))
        seen = await self._desk.deliveries.applied_taps(allowed)
        return Outcome(list(fold(allowed, found, seen, latest, self._undo_s)))

    async def _allowed(self, taps: Sequence[e.TapMade]) -> list[e.TapMade]:
        """The taps of people who may tap for their group, by the desk as it is now; others are logged."""
        groups = await self._desk.directory.groups_by_id(sorted({x.group_id for x in taps}))
        people = {who: await self._desk.directory.person(who) for who in sorted({x.person_id for x in taps})}
        allowed = []
        for x in taps:
            person, group = people[x.person_id], groups.get(x.group_id)
            if person is not None and group is not None and may_tap(person, group):
                allowed.append(x)
            else:
                log.warning("a tap by one who may not", extra={"tap": x.tap_id, "group": x.group_id})
        return allowed


def fold(
    taps: Iterable[e.TapMade],
    rows: Mapping[str, LedgerRow],
    seen: Iterable[str],
    latest: Mapping[str, LatestRelease],
    undo_s: float,
) -> Iterable[e.ReceiptRecorded]:
    """The receipts that ``taps``, in their order, lead to. Pure.

    ``rows``: the ledger's row of each delivery id; ``seen``: ids of taps that have counted before;
    ``latest``: each alert's latest release.
    """
    now, counted = dict(rows), set(seen)
    for tap in taps:
        key = _delivery(tap)
        row = now.get(key)
        if row is None or row.channel not in TAPPED_HERE or tap.tap_id in counted:
            continue
        after = undone(tap, row, latest.get(tap.alert_id), undo_s) if tap.undo else tapped(tap, row)
        if after is not None:
            now[key] = after
            counted.add(tap.tap_id)
            yield _recorded(tap, key, after)


def tapped(tap: e.TapMade, row: LedgerRow) -> LedgerRow | None:
    """The row after a tap, or None where it changes nothing. Pure.

    What was superseded may have been pasted before that: its time goes back to when it began to wait.
    """
    if row.state not in OPEN_TO_TAP:
        return None
    waiting = row.state is e.DeliveryState.WAITING
    since_ms = row.since_ms or (row.at_ms if waiting else 0)
    at_ms = min(max(to_ms(tap.tapped_at), row.at_ms if waiting else since_ms or row.at_ms), to_ms(tap.at))
    return _after(tap, row, e.DeliveryState.SHOWN, at_ms, since_ms)


def undone(tap: e.TapMade, row: LedgerRow, latest: LatestRelease | None, undo_s: float) -> LedgerRow | None:
    """The row after an undo, or None where it comes too late: after ``undo_s``, by another person, or when
    the alert was recalled, updated or expired meanwhile (then a correction may be under way). Pure."""
    if row.state is not e.DeliveryState.SHOWN or row.cause != "tap" or row.by != tap.person_id:
        return None
    if latest is None or not is_current_release(tap.kind, tap.version, latest):
        return None
    if tap.tapped_at - from_ms(row.at_ms) > timedelta(seconds=undo_s):
        return None
    return _after(tap, row, e.DeliveryState.WAITING, to_ms(tap.at), row.since_ms)


def _after(tap: e.TapMade, row: LedgerRow, state: e.DeliveryState, at_ms: int, since_ms: int) -> LedgerRow:
    return LedgerRow(
        state=state, at_ms=at_ms, attempt=row.attempt, channel=row.channel, may_have_arrived=True,
        cause="undo" if tap.undo else "tap", by=tap.person_id, word=row.word + 1, since_ms=since_ms,
        failures=row.failures,
    )  # fmt: skip


def _delivery(tap: e.TapMade) -> str:
    return delivery_of(tap.alert_id, tap.version, tap.kind, tap.group_id)


def _recorded(tap: e.TapMade, delivery_id: str, row: LedgerRow) -> e.ReceiptRecorded:
    since: datetime | None = from_ms(row.since_ms) if row.since_ms else None
    return e.ReceiptRecorded(
        event_id=e.derive_id("tapped", tap.tap_id), at=from_ms(row.at_ms), delivery_id=delivery_id,
        alert_id=tap.alert_id, version=tap.version, kind=tap.kind, group_id=tap.group_id,
        channel=row.channel, state=row.state, attempt=row.attempt, failures=row.failures,
        may_have_arrived=True,
        cause=row.cause, by=row.by, word=row.word, since=since, tap_id=tap.tap_id,
    )  # fmt: skip
