"""/todo/groups: an officer's own groups: how each is reached, who stands in, and what it has by now."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Request, Response, get

from console.todo.worklist import DistrictWorklist, book, natural_sort_key
from console.web import permissions
from console.web.authentication import Viewer
from console.web.dependencies import Deps
from console.web.rendering import render_page
from fenghuo.desk.deliveries import TapTime
from fenghuo.domain.channels import TAPPED_HERE
from fenghuo.domain.events import DeliveryState, Group, Person

LEAST_TAPS = 3
"""Fewer taps than this say nothing of how fast a person is."""


@dataclass(frozen=True, slots=True)
class OwnGroup:
    """One group; ``have``: the state of each warning or correction that stands, with its title."""

    group: Group
    owner: str
    deputy: str
    by_tap: bool
    have: Sequence[tuple[str, DeliveryState]]


def mine_of(found: DistrictWorklist, person: Person) -> list[OwnGroup]:
    """The groups that ``person`` may tap for, their own first. Pure."""
    names = {who: x.name for who, x in found.people.items()}
    rows = [
        OwnGroup(
            group=group,
            owner=names.get(group.owner, ""),
            deputy=names.get(group.deputy, ""),
            by_tap=group.channel in TAPPED_HERE,
            have=_have(found, group.group_id),
        )
        for group in found.groups_of(person)
    ]
    return sorted(rows, key=lambda x: (x.group.owner != person.person_id, natural_sort_key(x.group.name)))


def _have(found: DistrictWorklist, group_id: str) -> list[tuple[str, DeliveryState]]:
    asked = (x for x in found.released if x.asked and group_id in x.rows)
    return [(x.release.title, x.rows[group_id].state) for x in asked]


def pace_of(taps: Sequence[TapTime]) -> tuple[int, float] | None:
    """(taps, median seconds) of the person's latest taps; None while there are too few to tell. Pure."""
    waits = [x.waited_s for x in taps]
    return (len(waits), statistics.median(waits)) if len(waits) >= LEAST_TAPS else None


@get("/todo/groups", guards=[permissions.page("todo")])
async def mine_page(request: Request[Viewer, Any, Any], house: Deps) -> Response[Any]:
    person = request.user.person
    rows = mine_of(await book(house), person)
    taps = await house.desk.deliveries.recent_tap_times([person.person_id])
    pace = pace_of(taps[person.person_id])
    return render_page(
        request, "mine.html", rows=rows, pace=pace, residents=sum(x.group.members for x in rows)
    )


HANDLERS = [mine_page]
