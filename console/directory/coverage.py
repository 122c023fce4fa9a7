"""Which groups a warning would not reach, or nobody would answer for, and what to do about it. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from fenghuo.domain.channels import GROUP_CHANNELS, NEEDS_CREDENTIAL, SANDBOX
from fenghuo.domain.events import Binding, Group
from fenghuo.domain.routing import Approval, NoWay, Route, route, way_of
from fenghuo.domain.taps import Tappers
from fenghuo.security.credentials import Credential

PROBLEMS = ("no_way", "no_owner", "silent", "no_deputy")
"""What can be wrong with a group, the worst first: no channel that reaches it, no owner, an owner who never
answers, no deputy."""


@dataclass(frozen=True, slots=True)
class EveryChannel:
    """As if every way to residents were approved: all but the sandbox, which they do not see."""

    channels: Collection[str] = tuple(x for x in GROUP_CHANNELS if x != SANDBOX.name)
    exercise: bool = False


RESIDENTS = EveryChannel()
ON_SANDBOX = SANDBOX.name
"""Why a group has no way: the demo's wall is its only one."""

Credentials = Mapping[str, Credential] | None
"""The credentials by name; None where the file cannot be read: then none is called missing."""


@dataclass(frozen=True, slots=True)
class CoverageFinding:
    """A group with what is wrong (of PROBLEMS) and, of one without a way, why: nobody, credential, unknown
    or sandbox."""

    group: Group
    problems: tuple[str, ...]
    why: str
    route: Route


@dataclass(frozen=True, slots=True)
class Area:
    """The groups of one town and station, or of all; ``counts`` by problem; ``unreached``: residents in
    groups without a way."""

    town: str
    station: str
    groups: int
    residents: int
    unreached: int
    counts: Mapping[str, int]
    residents_by_problem: Mapping[str, int]
    """Residents in the groups that have each problem."""


def finding_on(
    group: Group,
    credentials: Credentials,
    silent: Collection[str],
    tappers: Tappers,
    approval: Approval = RESIDENTS,
) -> CoverageFinding:
    """What is wrong with ``group``; ``silent``: owners who never answer. ``approval``: by which channels a
    warning would go out."""
    channels = {way.channel for way in group.ways}
    lacking = {x for x in channels if _lacks_credential(way_of(group, x), credentials)}
    found = route(group, approval, tappers, without=lacking)
    why = _why(group, found, lacking)
    wrong = {
        "no_way": bool(why),
        "no_owner": not group.owner,
        "silent": group.owner in silent,
        "no_deputy": not group.deputy,
    }
    return CoverageFinding(group, tuple(x for x in PROBLEMS if wrong[x]), why, found)


def _lacks_credential(way: Binding | None, credentials: Credentials) -> bool:
    """Whether the key that ``way`` needs is missing: none is named, or the file has none by that name."""
    if way is None or not way.credential:
        return way is not None and way.channel in NEEDS_CREDENTIAL
    if credentials is None:
        return False
    found = credentials.get(way.credential)
    return found is None or found.channel != way.channel


def _why(group: Group, found: Route, lacking: Collection[str]) -> str:
    """Why no way reaches ``group``: nobody, credential, unknown (a channel that is not here) or sandbox (the
    demo's wall alone); empty when one does."""
    if found.way is not None:
        return ""
    if found.reason is NoWay.NOBODY:
        return "nobody"
    if lacking:
        return "credential"
    return ON_SANDBOX if all(way.channel == SANDBOX.name for way in group.ways) else "unknown"


def area_of(findings: Collection[CoverageFinding], town: str = "", station: str = "") -> Area:
    """The sums over ``findings``."""
    counts, residents = dict.fromkeys(PROBLEMS, 0), dict.fromkeys(PROBLEMS, 0)
    for finding in findings:
        for problem in finding.problems:
            counts[problem] += 1
            residents[problem] += finding.group.members
    return Area(
        town=town, station=station, groups=len(findings), residents=sum(x.group.members for x in findings),
        unreached=residents["no_way"], counts=counts, residents_by_problem=residents,
    )  # fmt: skip


def areas(findings: Iterable[CoverageFinding]) -> list[Area]:
    """The sums by town and station: first where most residents are not reached."""
    found: dict[tuple[str, str], list[CoverageFinding]] = {}
    for finding in findings:
        found.setdefault((finding.group.place.town, finding.group.station), []).append(finding)
    rows = [area_of(mine, *place) for place, mine in found.items()]
    return sorted(rows, key=lambda x: (-x.unreached, x.town, x.station))


def whys(findings: Iterable[CoverageFinding]) -> dict[str, int]:
    """How many groups have no way for each reason, the most frequent first."""
    found: dict[str, int] = {}
    for finding in findings:
        if finding.why:
            found[finding.why] = found.get(finding.why, 0) + 1
    return dict(sorted(found.items(), key=lambda x: -x[1]))
