"""By which way does each group get it? Expands a part of a release's groups into one delivery for each.

Reads parts.planned; writes deliveries.requested, and receipts.recorded for groups that no way leads to. A
part is so small that the next one is expanded while this one is being sent.
"""

from collections.abc import Mapping, Sequence

import msgspec

from broadcast.deliveries.receipts import delivery_of
from broadcast.deliveries.requests import Dispatch, requests, require_all
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.routing import NoWay, Route, route
from fenghuo.domain.taps import Tappers
from fenghuo.errors import Transient
from fenghuo.transport.stage import Outcome

NO_WAY_BACK = "no approved way leads to it any more"


class PartWriter:
    """Expands a part into deliveries. Groups that already have a ledger row are skipped, so replaying a part
    after the group list or the limits changed neither refuses nor reroutes a delivery in progress."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def on_parts_planned(self, events: Sequence[e.Event]) -> Outcome:
        outcome = Outcome()
        for part in events:
            if isinstance(part, e.PartPlanned):
                outcome.events += await self._expand(part)
        return outcome

    async def _expand(self, part: e.PartPlanned) -> list[e.Event]:
        release = await self._desk.releases.get(part.alert_id, part.version)
        if release is None:
            raise Transient(f"release {part.alert_id} {part.version} is not on the desk yet")
        known = await self._desk.deliveries.of_groups(part.alert_id, part.version, part.kind, part.group_ids)
        fresh = tuple(x for x in part.group_ids if x not in known)
        groups = await self._desk.directory.groups_by_id(fresh)
        require_all(fresh, groups)
        tappers = await self._desk.directory.tappers(groups.values())
        return deliveries(msgspec.structs.replace(part, group_ids=fresh), release, groups, tappers)


def deliveries(
    part: e.PartPlanned, release: e.Release, groups: Mapping[str, e.Group], tappers: Tappers
) -> list[e.Event]:
    """A delivery for each group of ``part``; a refusal with its reason for one that no approved way leads to,
    or that has reached its limit of warnings. Pure."""
    held, came = dict(part.held), dict(part.came_by)
    wanted: list[tuple[e.Group, e.Binding]] = []
    refusals: list[e.Event] = []
    for group_id in part.group_ids:
        group = groups[group_id]
        came_by, reason = came.get(group_id, ""), held.get(group_id, "")
        found = route(group, release, tappers, came_by=came_by, held=reason)
        if found.way is None:
            refusals.append(_refusal(part, group_id, group.channel, _why(part, found, reason)))
        else:
            wanted.append((group, found.way))
    return [*refusals, *requests(Dispatch(release, part.kind, part), wanted)]


def _why(part: e.PartPlanned, found: Route, held: str) -> str:
    """The reason on the receipt of a group that no way leads to."""
    if found.reason is NoWay.HELD_BACK:
        return f"{found.reason}: {held}"
    if found.reason is NoWay.NOT_APPROVED and part.kind == "correction":
        return NO_WAY_BACK
    return str(found.reason)


def _refusal(part: e.PartPlanned, group_id: str, channel: str, reason: str) -> e.ReceiptRecorded:
    delivery_id = delivery_of(part.alert_id, part.version, part.kind, group_id)
    return e.ReceiptRecorded(
        event_id=e.derive_id(delivery_id, "refused"), at=part.at, delivery_id=delivery_id,
        alert_id=part.alert_id, version=part.version, kind=part.kind, group_id=group_id, channel=channel,
        state=e.DeliveryState.REFUSED, attempt=1, reason=reason, cause="plan",
    )  # fmt: skip
