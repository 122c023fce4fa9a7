"""/groups: the groups and who answers for them; /groups/coverage: whom a warning would not reach; /people:
who may do what."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from litestar import Response, get

from console.alerts.pages import paged
from console.directory.coverage import PROBLEMS, area_of, areas, whys
from console.directory.coverage_survey import survey
from console.web import permissions
from console.web.dependencies import Deps
from console.web.rendering import AnyRequest, render_page
from fenghuo.domain.alert import Role
from fenghuo.domain.audience_expression import canonical, named
from fenghuo.domain.events import Group, Person

SURVEY_FRESH_S = 10
"""How old the coverage may be: it reads the ledgers of the latest warnings."""
PER_PAGE = 50
FOUND_PER_PAGE = 20


def in_order(name: str) -> list[tuple[int, str]]:
    """A key under which 第 2 群 stands before 第 10 群."""
    return [(int(x), "") if x.isdecimal() else (0, x) for x in re.split(r"(\d{1,18})", name)]


def chosen(groups: Iterable[Group], town: str, orphans: bool) -> list[Group]:
    mine = [g for g in groups if (not town or g.place.town == town) and (not orphans or not g.owner)]
    return sorted(mine, key=lambda g: (g.place.town, g.station, in_order(g.name)))


@get("/groups", guards=[permissions.page("groups")])
async def groups_page(request: AnyRequest, house: Deps) -> Response[Any]:
    every = list((await house.groups()).values())
    town, orphans = request.query_params.get("town", ""), request.query_params.get("owner") == "none"
    mine = chosen(every, town, orphans)
    page, pages = paged(request.query_params.get("page", "1"), len(mine), PER_PAGE)
    return render_page(
        request,
        "groups.html",
        groups=mine[(page - 1) * PER_PAGE : page * PER_PAGE],
        found=len(mine),
        count=len(every),
        residents=sum(g.members for g in every),
        tag_named=tag_named,
        town=town,
        orphans_only=orphans,
        orphans=sum(not g.owner for g in every),
        page=page,
        pages=pages,
        towns=sorted({g.place.town for g in every if g.place.town}),
        names={k: person.name for k, person in (await house.people()).items()},
    )


def tag_named(tag: str, language: str) -> str:
    """A tag as a person reads it: 商户 for business."""
    return named("tag", canonical("tag", tag), language)


@get("/groups/coverage", guards=[permissions.only(permissions.TEAM)])
async def coverage_page(request: AnyRequest, house: Deps) -> Response[Any]:
    look = await house.shared.get("coverage", lambda: survey(house.desk, house.settings), SURVEY_FRESH_S)
    asked = request.query_params
    problem = asked.get("problem", "") if asked.get("problem") in PROBLEMS else ""
    town, station = asked.get("town"), asked.get("station")
    mine = [
        x for x in look.findings
        if problem in x.problems and (town is None or x.group.place.town == town)
        and (station is None or x.group.station == station)
    ] if problem else []  # fmt: skip
    mine.sort(key=lambda x: (x.group.place.town, x.group.station, in_order(x.group.name)))
    page, pages = paged(asked.get("page", "1"), len(mine), FOUND_PER_PAGE)
    return render_page(
        request,
        "coverage.html",
        total=area_of(look.findings),
        areas=areas(look.findings),
        problems=PROBLEMS,
        whys=whys(look.findings),
        silent=look.silent,
        unread=look.unread,
        problem=problem,
        found=mine[(page - 1) * FOUND_PER_PAGE : page * FOUND_PER_PAGE],
        count=len(mine),
        town=town,
        station=station,
        page=page,
        pages=pages,
        names=await house.names(),
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


@get("/people", guards=[permissions.page("people")])
async def people_page(request: AnyRequest, house: Deps) -> Response[Any]:
    people = by_role((await house.desk.directory.people()).values())
    approvers = sum(person.role is Role.APPROVER for person in people)
    page, pages = paged(request.query_params.get("page", "1"), len(people), PER_PAGE)
    return render_page(
        request,
        "people.html",
        people=people[(page - 1) * PER_PAGE : page * PER_PAGE],
        approvers=approvers,
        page=page,
        pages=pages,
        count=len(people),
    )


HANDLERS = [groups_page, coverage_page, people_page]
