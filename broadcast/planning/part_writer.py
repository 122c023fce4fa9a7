"""By which way does each get it? Turns a part of a release's groups into one delivery for each.

Reads parts.planned; writes deliveries.requested, and receipts.recorded for what no way leads to. Small
enough that the next part is written out while this one is being sent.
"""

from collections.abc import Mapping, Sequence

import msgspec

from broadcast.deliveries.receipts import delivery_of
from broadcast.deliveries.requests import Dispatch, requests, require_all
from fenghuo.desk.desk import Desk
from fenghuo.desk.warning_counts import PLATFORMS
from fenghuo.domain import events as e
from fenghuo.domain.channels import OWNER_TASKS
from fenghuo.domain.routing import correction_way, ways_to
from fenghuo.errors import Transient
from fenghuo.transport.stage import Outcome

NO_WAY_BACK = "no approved way leads to it any more"


class PartWriter:
    """Writes parts out. A group that has a row on the ledger has been written out: done again, when the
    register or the shares have changed since, a part neither refuses nor redirects what is under way."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def on_parts_planned(self, events: Sequence[e.Event]) -> Outcome:
        outcome = Outcome()
        for part in events:
            if isinstance(part, e.PartPlanned):
                outcome.events += await self._write_out(part)
        return outcome

    async def _write_out(self, part: e.PartPlanned) -> list[e.Event]:
        release = await self._desk.releases.get(part.alert_id, part.version)
        if release is None:
            raise Transient(f"release {part.alert_id} {part.version} is not on the desk yet")
        known = await self._desk.deliveries.of_groups(part.alert_id, part.version, part.kind, part.group_ids)
        fresh = tuple(x for x in part.group_ids if x not in known)
        groups = await self._desk.directory.groups_by_id(fresh)
        require_all(fresh, groups)
        people = await self._desk.directory.people_by_id({group.owner for group in groups.values()})
        return deliveries(msgspec.structs.replace(part, group_ids=fresh), release, groups, people)


def deliveries(
    part: e.PartPlanned,
    release: e.Release,
    groups: Mapping[str, e.Group],
    people: Mapping[str, e.Person],
) -> list[e.Event]:
    """A delivery for each group of ``part``; a refusal with its reason for one that no approved way leads to,
    or that has had its share of warnings. Pure."""
    held, came_by = dict(part.held), dict(part.came_by)
    wanted: list[tuple[e.Group, e.Binding]] = []
    refusals: list[e.Event] = []
    for group_id in part.group_ids:
        group = groups[group_id]
        way: e.Binding | str
        if group.gone:
            way = "the group is gone"
        elif part.kind == "correction":
            way = correction_way(group, release, people, came_by.get(group_id, "")) or NO_WAY_BACK
        else:
            way = _first_way(group, release, people, held.get(group_id))
        if isinstance(way, str):
            refusals.append(_refusal(part, group_id, group.channel, way))
        else:
            wanted.append((group, way))
    return [*refusals, *requests(Dispatch(release, part.kind, part), wanted)]


def _first_way(
    group: e.Group, release: e.Release, people: Mapping[str, e.Person], held: str | None
) -> e.Binding | str:
    """The way to ``group``, or why there is none; what a platform holds back goes where none counts."""
    ways = ways_to(group, release.channels, people, exercise=release.exercise)
    if held in PLATFORMS:
        ways = [way for way in ways if way.channel not in OWNER_TASKS]
    elif held:
        ways = []
    if ways:
        return ways[0]
    return f"held back: {held}" if held else "channel not approved"


def _refusal(part: e.PartPlanned, group_id: str, channel: str, reason: str) -> e.ReceiptRecorded:
    delivery_id = delivery_of(part.alert_id, part.version, part.kind, group_id)
    return e.ReceiptRecorded(
        event_id=e.derive_id(delivery_id, "refused"), at=part.at, delivery_id=delivery_id,
        alert_id=part.alert_id, version=part.version, kind=part.kind, group_id=group_id, channel=channel,
        state=e.DeliveryState.REFUSED, attempt=1, reason=reason, cause="plan",
    )  # fmt: skip
