"""Reports that tell one trick in words of their own: found by what they tell, not by how. Pure.

For an officer: three people who were called by the same crew describe it in three ways, and share no wording.
What they were told to do, by whom and why is the same. If more people tell of one kind of trick than this
district's own past explains, their reports are put together, and the cluster says so.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from consumers.clusters.district import DistrictClusters, LoadedCluster
from consumers.credibility import DRAFT, WATCH, counted_reporters, suspicion_of
from consumers.usual_counts import chance, usual
from fenghuo.clock import to_ms
from fenghuo.domain import events as e
from fenghuo.domain.calendar import HOUR_MS
from fenghuo.settings import Settings

ALIKE = 0.4
"""Similarity of what two reports of one type tell from which they may be one trick; 1 is the same type for
certain. Each is compared with the first of a cluster alone, so that clusters do not grow by chaining."""
ALIKE_OTHERWISE = 0.6
"""The same where their likeliest types differ."""
_SAME_PRETEXT, _SAME_ACTS, _SAME_WHO = 0.5, 0.3, 0.2
DRAFT_TOLD = 0.5
"""Suspicion that reports in words of their own need beyond that of copies, to draft."""
MANY_TOLD = 6
"""People from whom on such a cluster drafts as one of copies does."""
UNUSUAL = 0.02
"""Probability below which so many people who tell of one type are no chance: one look at the list in fifty
that was not needed is a fair price."""
_WINDOWS_S = (1_800, 21_600)


def similarity(one: e.ToldTrick, other: e.ToldTrick) -> float:
    """How far two reports tell the same: the types they share, and the same pretext, acts and person."""
    shares = dict(other.likely_types)
    alike = sum(min(share, shares.get(code, 0.0)) for code, share in one.likely_types)
    if one.pretext and one.pretext == other.pretext:
        alike += _SAME_PRETEXT
    if one.who and one.who == other.who:
        alike += _SAME_WHO
    common = set(one.acts) & set(other.acts)
    if common:
        alike += _SAME_ACTS * len(common) / min(len(one.acts), len(other.acts))
    return alike


def told_alike(
    report: e.ReportUnmatched, own: LoadedCluster, district: DistrictClusters, settings: Settings
) -> list[LoadedCluster]:
    """The clusters that tell the trick of ``report``, its ``own`` first, if together they are more than the
    district's past explains; else []."""
    if suspicion_of(report) < WATCH or not report.told.likely_types or not _is_open(own):
        return []
    near = [x for x in district.clusters.values() if _is_near(report, own, x)]
    members = sorted((m for x in (own, *near) for m in x.members.values()), key=lambda m: (m.at, m.report_id))
    code = report.told.likely_types[0][0]
    past = _hours(district, code, {m.report_id for m in members})
    for window_s in _WINDOWS_S:
        recent = [m for m in members if m.at > report.at - timedelta(seconds=window_s)]
        people = len(counted_reporters(recent, settings))
        if people < settings.cluster_reporters:
            continue
        if chance(people - 1, usual(past, to_ms(report.at), window_s, settings)) <= UNUSUAL:
            ids = {m.report_id for m in recent}
            return [own, *(x for x in near if ids & x.members.keys())]
    return []


def drafts_alone(x: LoadedCluster) -> bool:
    """Whether a cluster may draft without a person: one that was put together by what its reports tell needs
    a clear type and more suspicion than copies do, or twice the people."""
    return (
        not x.head.told_alike
        or x.head.reporters >= MANY_TOLD
        or (x.head.fraud_type is not None and _mean_suspicion(x) >= DRAFT + DRAFT_TOLD)
    )


def _is_open(x: LoadedCluster) -> bool:
    """Whether a cluster may still be put together with others: nothing was drafted from it, and it has no
    copies, which stand for themselves."""
    alone = x.head.reports == 1 or x.head.told_alike
    return alone and x.head.alert_id is None and x.head.merged_into is None


def _is_near(report: e.ReportUnmatched, own: LoadedCluster, x: LoadedCluster) -> bool:
    head = x.head
    return (
        head.cluster_id != own.head.cluster_id
        and _is_open(x)
        and head.last_at > report.at - timedelta(seconds=_WINDOWS_S[-1])
        and head.cluster_id not in own.head.cannot_link
        and own.head.cluster_id not in head.cannot_link
        and _mean_suspicion(x) >= WATCH
        and bool(head.told)
        and _is_retold(report.told, head.told[0])
    )


def _is_retold(one: e.ToldTrick, other: e.ToldTrick) -> bool:
    same_type = _first_type((one,)) == _first_type((other,))
    says_something = (one.clear and other.clear) or (one.pretext != "" and one.pretext == other.pretext)
    return says_something and similarity(one, other) >= (ALIKE if same_type else ALIKE_OTHERWISE)


def _mean_suspicion(x: LoadedCluster) -> float:
    return sum(map(suspicion_of, x.members.values())) / max(1, len(x.members))


def _hours(district: DistrictClusters, code: str, without: set[str]) -> Sequence[int]:
    """The hours (ms) of the district's earlier reports of a type, as far as its clusters are in memory."""
    return sorted(
        to_ms(m.at) // HOUR_MS * HOUR_MS
        for x in district.clusters.values()
        if _first_type(x.head.told) == code
        for m in x.members.values()
        if m.report_id not in without
    )


def _first_type(told: Iterable[e.ToldTrick]) -> str:
    return next((x.likely_types[0][0] for x in told if x.likely_types), "")
