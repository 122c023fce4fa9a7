"""/groups: which groups a warning reaches and who answers for them; /people: who may do what."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Response, get

from console import access
from console.alerts import paged
from console.house import AtHand
from console.pages import AnyRequest, show
from fenghuo.alerts import Role
from fenghuo.events import Group, Person

PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class Coverage:
    """The groups of one town and station."""

    town: str
    station: str
    groups: int
    residents: int
    orphans: int


def coverage(groups: Iterable[Group]) -> list[Coverage]:
    """Sums by town and station, in the order of their names."""
    found: dict[tuple[str, str], list[Group]] = {}
    for group in groups:
        found.setdefault((group.place.town, group.station), []).append(group)
    return [
        Coverage(town, station, len(mine), sum(g.members for g in mine), sum(not g.owner for g in mine))
        for (town, station), mine in sorted(found.items())
    ]


def in_order(name: str) -> list[tuple[int, str]]:
    """A key under which 第 2 群 stands before 第 10 群."""
    return [(int(x), "") if x.isdecimal() else (0, x) for x in re.split(r"(\d{1,18})", name)]


def chosen(groups: Iterable[Group], town: str, orphans: bool) -> list[Group]:
    mine = [g for g in groups if (not town or g.place.town == town) and (not orphans or not g.owner)]
    return sorted(mine, key=lambda g: (g.place.town, g.station, in_order(g.name)))


@get("/groups", guards=[access.page("groups")])
async def groups_page(request: AnyRequest, house: AtHand) -> Response[Any]:
    every = list((await house.groups()).values())
    town, orphans = request.query_params.get("town", ""), request.query_params.get("owner") == "none"
    mine = chosen(every, town, orphans)
    page, pages = paged(request.query_params.get("page", "1"), len(mine), PER_PAGE)
    return show(
        request,
        "groups.html",
        groups=mine[(page - 1) * PER_PAGE : page * PER_PAGE],
        found=len(mine),
        count=len(every),
        residents=sum(g.members for g in every),
        rows=coverage(every),
        town=town,
        orphans_only=orphans,
        orphans=sum(not g.owner for g in every),
        page=page,
        pages=pages,
        towns=sorted({g.place.town for g in every if g.place.town}),
        names={k: person.name for k, person in (await house.people()).items()},
    )


_ORDER = [
    Role.APPROVER,
    Role.ANALYST,
    Role.OFFICER,
    Role.ADMINISTRATOR,
    Role.AUDITOR,
    Role.RESIDENT,
    Role.SYSTEM,
]


def by_role(people: Iterable[Person]) -> Sequence[Person]:
    return sorted(people, key=lambda x: (_ORDER.index(x.role), x.station, x.person_id))


@get("/people", guards=[access.page("people")])
async def people_page(request: AnyRequest, house: AtHand) -> Response[Any]:
    people = by_role((await house.desk.people()).values())
    approvers = sum(person.role is Role.APPROVER for person in people)
    page, pages = paged(request.query_params.get("page", "1"), len(people), PER_PAGE)
    return show(
        request,
        "people.html",
        people=people[(page - 1) * PER_PAGE : page * PER_PAGE],
        approvers=approvers,
        page=page,
        pages=pages,
        count=len(people),
    )


HANDLERS = [groups_page, people_page]
