"""/groups: the groups and their owners; /groups/coverage: groups that a warning would not reach; /people: the
people and their roles."""

from collections.abc import Iterable, Sequence
from typing import Any

from litestar import Response, get

from console.directory.coverage import PROBLEMS, area_of, count_reasons, sums_by_area
from console.directory.coverage_survey import collect_coverage
from console.web import permissions
from console.web.dependencies import Deps
from console.web.pagination import clamp_page
from console.web.rendering import AnyRequest, render_page
from console.web.sorting import natural_sort_key
from fenghuo.domain.alert import Role
from fenghuo.domain.audience_expression import canonical, named
from fenghuo.domain.events import Group, Person

COVERAGE_FRESH_S = 10
"""How old the coverage may be; computing it reads the ledgers of the latest warnings."""
PER_PAGE = 50
FOUND_PER_PAGE = 20


def filter_groups(groups: Iterable[Group], town: str, orphans: bool) -> list[Group]:
    found = [g for g in groups if (not town or g.place.town == town) and (not orphans or not g.owner)]
    return sorted(found, key=lambda g: (g.place.town, g.station, natural_sort_key(g.name)))


@get("/groups", guards=[permissions.page("groups")])
async def groups_page(request: AnyRequest, deps: Deps) -> Response[Any]:
    known = list((await deps.groups()).values())
    town, orphans = request.query_params.get("town", ""), request.query_params.get("owner") == "none"
    found = filter_groups(known, town, orphans)
    page, pages = clamp_page(request.query_params.get("page", "1"), len(found), PER_PAGE)
    return render_page(
        request,
        "groups.html",
        groups=found[(page - 1) * PER_PAGE : page * PER_PAGE],
        found=len(found),
        count=len(known),
        residents=sum(g.members for g in known),
        tag_name=tag_name,
        town=town,
        orphans_only=orphans,
        orphans=sum(not g.owner for g in known),
        page=page,
        pages=pages,
        towns=sorted({g.place.town for g in known if g.place.town}),
        names={k: person.name for k, person in (await deps.people()).items()},
    )


def tag_name(tag: str, language: str) -> str:
    """A tag in the language of the reader: 商户 for business."""
    return named("tag", canonical("tag", tag), language)


@get("/groups/coverage", guards=[permissions.only(permissions.TEAM)])
async def coverage_page(request: AnyRequest, deps: Deps) -> Response[Any]:
    report = await deps.cache.get_or_load(
        "coverage", lambda: collect_coverage(deps.desk, deps.settings), COVERAGE_FRESH_S
    )
    query = request.query_params
    problem = query.get("problem", "") if query.get("problem") in PROBLEMS else ""
    town, station = query.get("town"), query.get("station")
    found = [
        x for x in report.findings
        if problem in x.problems and (town is None or x.group.place.town == town)
        and (station is None or x.group.station == station)
    ] if problem else []  # fmt: skip
    found.sort(key=lambda x: (x.group.place.town, x.group.station, natural_sort_key(x.group.name)))
    page, pages = clamp_page(query.get("page", "1"), len(found), FOUND_PER_PAGE)
    return render_page(
        request,
        "coverage.html",
        total=area_of(report.findings),
        areas=sums_by_area(report.findings),
        problems=PROBLEMS,
        reasons=count_reasons(report.findings),
        unresponsive=report.unresponsive,
        credentials_error=report.credentials_error,
        problem=problem,
        found=found[(page - 1) * FOUND_PER_PAGE : page * FOUND_PER_PAGE],
        count=len(found),
        town=town,
        station=station,
        page=page,
        pages=pages,
        names=await deps.names(),
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
async def people_page(request: AnyRequest, deps: Deps) -> Response[Any]:
    people = by_role((await deps.desk.directory.people()).values())
    approvers = sum(person.role is Role.APPROVER for person in people)
    page, pages = clamp_page(request.query_params.get("page", "1"), len(people), PER_PAGE)
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
