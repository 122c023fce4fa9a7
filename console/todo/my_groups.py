"""/todo/groups: an officer's own groups: the way to each, who stands in, and which texts it has."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Response, get

from console.todo.worklist import DistrictWorklist, district_worklist
from console.web import permissions
from console.web.authentication import ViewerRequest
from console.web.dependencies import Deps
from console.web.rendering import render_page
from console.web.sorting import natural_sort_key
from fenghuo.desk.deliveries import TapTime
from fenghuo.domain.channels import TAPPED_HERE
from fenghuo.domain.events import DeliveryState, Group, Person

MIN_TAPS = 3
"""Taps from which a response time is shown."""


@dataclass(frozen=True, slots=True)
class OwnGroup:
    """One group; ``deliveries``: (title, state) of each current warning and correction."""

    group: Group
    owner: str
    deputy: str
    by_tap: bool
    deliveries: Sequence[tuple[str, DeliveryState]]


def own_groups(district: DistrictWorklist, person: Person) -> list[OwnGroup]:
    """The groups that ``person`` may tap for; those they own come first. Pure."""
    names = {person_id: x.name for person_id, x in district.people.items()}
    rows = [
        OwnGroup(
            group=group,
            owner=names.get(group.owner, ""),
            deputy=names.get(group.deputy, ""),
            by_tap=group.channel in TAPPED_HERE,
            deliveries=_current_deliveries(district, group.group_id),
        )
        for group in district.groups_of(person)
    ]
    return sorted(rows, key=lambda x: (x.group.owner != person.person_id, natural_sort_key(x.group.name)))


def _current_deliveries(district: DistrictWorklist, group_id: str) -> list[tuple[str, DeliveryState]]:
    current = (x for x in district.releases if not x.is_recalled and group_id in x.rows)
    return [(x.release.title, x.rows[group_id].state) for x in current]


def response_time(taps: Sequence[TapTime]) -> tuple[int, float] | None:
    """(number, median seconds) of a person's latest taps; None if there are too few. Pure."""
    waited = [x.waited_s for x in taps]
    return (len(waited), statistics.median(waited)) if len(waited) >= MIN_TAPS else None


@get("/todo/groups", guards=[permissions.page("todo")])
async def own_groups_page(request: ViewerRequest, deps: Deps) -> Response[Any]:
    person = request.user.person
    rows = own_groups(await district_worklist(deps), person)
    taps = await deps.desk.deliveries.recent_tap_times([person.person_id])
    pace = response_time(taps[person.person_id])
    return render_page(
        request, "mine.html", rows=rows, pace=pace, residents=sum(x.group.members for x in rows)
    )


HANDLERS = [own_groups_page]
