"""Coverage: groups that a warning would not reach or nobody would tap for, summed by area. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from fenghuo.domain.channels import GROUP_CHANNELS, NEEDS_CREDENTIAL, SANDBOX
from fenghuo.domain.events import Binding, Group
from fenghuo.domain.routing import Approval, NoWay, Route, route, way_of
from fenghuo.domain.taps import Tappers
from fenghuo.security.credentials import Credential

PROBLEMS = ("no_way", "no_owner", "silent", "no_deputy")
"""Problems of a group, worst first: no channel reaches it, no owner, an owner who never taps, no deputy."""


@dataclass(frozen=True, slots=True)
class EveryChannel:
    """An approval of every channel that residents see; the sandbox is not one."""

    channels: Collection[str] = tuple(x for x in GROUP_CHANNELS if x != SANDBOX.name)
    exercise: bool = False


RESIDENTS = EveryChannel()
ON_SANDBOX = SANDBOX.name
"""Reason for no way: the group is only on the sandbox."""

Credentials = Mapping[str, Credential] | None
"""The credentials by name; None if the file cannot be read, in which case none counts as missing."""


@dataclass(frozen=True, slots=True)
class CoverageFinding:
    """A group with its PROBLEMS and its route.

    ``reason`` says why it has no way: nobody, credential, unknown or sandbox; "" if it has one.
    """

    group: Group
    problems: tuple[str, ...]
    reason: str
    route: Route


@dataclass(frozen=True, slots=True)
class Area:
    """The groups of one town and station, or all; ``counts`` is by problem."""

    town: str
    station: str
    groups: int
    residents: int
    unreached: int
    """Residents in groups without a way."""
    counts: Mapping[str, int]
    residents_by_problem: Mapping[str, int]
    """Residents in the groups with each problem."""


def finding_on(
    group: Group,
    credentials: Credentials,
    unresponsive: Collection[str],
    tappers: Tappers,
    approval: Approval = RESIDENTS,
) -> CoverageFinding:
    """The problems of ``group`` if a warning went out by ``approval``.

    ``unresponsive``: owners who never tap.
    """
    channels = {way.channel for way in group.ways}
    without_key = {x for x in channels if _lacks_credential(way_of(group, x), credentials)}
    found = route(group, approval, tappers, without=without_key)
    reason = _no_way_reason(group, found, without_key)
    has = {
        "no_way": bool(reason),
        "no_owner": not group.owner,
        "silent": group.owner in unresponsive,
        "no_deputy": not group.deputy,
    }
    return CoverageFinding(group, tuple(x for x in PROBLEMS if has[x]), reason, found)


def _lacks_credential(way: Binding | None, credentials: Credentials) -> bool:
    """Whether ``way`` needs a credential and names none, or one that the file does not have."""
    if way is None or not way.credential:
        return way is not None and way.channel in NEEDS_CREDENTIAL
    if credentials is None:
        return False
    found = credentials.get(way.credential)
    return found is None or found.channel != way.channel


def _no_way_reason(group: Group, found: Route, without_key: Collection[str]) -> str:
    """Why no way reaches ``group``; "" if one does.

    nobody: nobody can tap. credential: its credential is missing. unknown: no such channel. sandbox: only the
    wall of the demo.
    """
    if found.way is not None:
        return ""
    if found.reason is NoWay.NOBODY:
        return "nobody"
    if without_key:
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


def sums_by_area(findings: Iterable[CoverageFinding]) -> list[Area]:
    """The sums by town and station, most unreached residents first."""
    found: dict[tuple[str, str], list[CoverageFinding]] = {}
    for finding in findings:
        found.setdefault((finding.group.place.town, finding.group.station), []).append(finding)
    rows = [area_of(group, *place) for place, group in found.items()]
    return sorted(rows, key=lambda x: (-x.unreached, x.town, x.station))


def count_reasons(findings: Iterable[CoverageFinding]) -> dict[str, int]:
    """Number of groups without a way by reason, the most frequent first."""
    found: dict[str, int] = {}
    for finding in findings:
        if finding.reason:
            found[finding.reason] = found.get(finding.reason, 0) + 1
    return dict(sorted(found.items(), key=lambda x: -x[1]))
