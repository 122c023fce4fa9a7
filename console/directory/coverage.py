"""Which groups a warning would not reach, or nobody would answer for, and what to do about it. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from fenghuo.domain.channels import CHANNELS, NEEDS_CREDENTIAL, NEEDS_TAP, SANDBOX, TAPPED_HERE
from fenghuo.domain.events import Binding, Group
from fenghuo.security.credentials import Credential

PROBLEMS = ("no_way", "no_owner", "silent", "no_deputy")
"""What can be wrong with a group, the worst first: no channel that reaches it, no owner, an owner who never
answers, no deputy."""

ON_SANDBOX = SANDBOX.name
"""Why a group has no way: the demo's wall is its only one."""

Credentials = Mapping[str, Credential] | None
"""The credentials by name; None where the file cannot be read: then none is called missing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A group with what is wrong (of PROBLEMS) and, of one without a way, why: sandbox, unknown, credential
    or nobody."""

    group: Group
    problems: tuple[str, ...]
    why: str = ""


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


def objection(group: Group, way: Binding, credentials: Credentials, officers: Collection[str]) -> str:
    """Why ``way`` does not reach ``group``: sandbox (only the demo's wall), unknown (a channel that is not
    here), credential (its key is missing), nobody (a person would have to tap, and there is none, or none
    who may open the to-do page as ``officers`` may); else empty."""
    if way.channel == SANDBOX.name:
        return ON_SANDBOX
    if way.channel not in CHANNELS:
        return "unknown"
    if way.credential and credentials is not None:
        found = credentials.get(way.credential)
        if found is None or found.channel != way.channel:
            return "credential"
    if way.channel in NEEDS_CREDENTIAL and not way.credential:
        return "credential"
    people = {group.owner, group.deputy} - {""}
    if way.channel in NEEDS_TAP and not (people & set(officers) if way.channel in TAPPED_HERE else people):
        return "nobody"
    return ""


def finding_on(
    group: Group, credentials: Credentials, silent: Collection[str], officers: Collection[str]
) -> Finding:
    """What is wrong with ``group``; ``silent``: owners who never answer; ``officers``: who may tap here."""
    objections = [objection(group, way, credentials, officers) for way in group.ways]
    why = "" if "" in objections else min(objections, key=lambda x: x == ON_SANDBOX)
    wrong = {
        "no_way": bool(why),
        "no_owner": not group.owner,
        "silent": group.owner in silent,
        "no_deputy": not group.deputy,
    }
    return Finding(group, tuple(x for x in PROBLEMS if wrong[x]), why)


def area_of(findings: Collection[Finding], town: str = "", station: str = "") -> Area:
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


def areas(findings: Iterable[Finding]) -> list[Area]:
    """The sums by town and station: first where most residents are not reached."""
    found: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        found.setdefault((finding.group.place.town, finding.group.station), []).append(finding)
    rows = [area_of(mine, *place) for place, mine in found.items()]
    return sorted(rows, key=lambda x: (-x.unreached, x.town, x.station))


def whys(findings: Iterable[Finding]) -> dict[str, int]:
    """How many groups have no way for each reason, the most frequent first."""
    found: dict[str, int] = {}
    for finding in findings:
        if finding.why:
            found[finding.why] = found.get(finding.why, 0) + 1
    return dict(sorted(found.items(), key=lambda x: -x[1]))
