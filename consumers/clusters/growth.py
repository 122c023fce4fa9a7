"""How a cluster grows: the cluster after one more report. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from consumers.clusters.district import LoadedCluster
from consumers.credibility import counted_reporters, credibility_flags, danger, tier_of
from consumers.drafting.quotation import shared_clauses
from fenghuo.desk.retention import MEMBERS_KEPT
from fenghuo.domain import events as e
from fenghuo.settings import Settings
from patterns.clustering import MARKS_KEPT, Placement

RELATED_KEPT = 8
INDICATORS_KEPT = 10
SHARED_KEPT = 8
TOLD_KEPT = 4
REASONS_KEPT = 6
TYPE_FLOOR, TYPE_MARGIN = 0.22, 0.04
"""The mean share that a type needs among a cluster's reports to be named, and its lead over the next."""


def joined(
    before: LoadedCluster | None,
    placement: Placement,
    report: e.ReportUnmatched,
    settings: Settings,
    *,
    new: bool,
) -> LoadedCluster:
    """The cluster with ``report`` added, as the clusterer placed it; ``before`` is not changed.

    ``before`` None: the report founds the cluster. ``new``: its reporter is new.
    """
    member = member_of(report, new=new)
    members = {**(before.members if before else {}), member.report_id: member}
    if len(members) > MEMBERS_KEPT:
        del members[next(iter(members))]
    head = before.head if before else _empty(placement.cluster_id, report)
    another = before is not None and all(m.reporter != member.reporter for m in before.members.values())
    quotable = another and len(head.shared) < SHARED_KEPT and _speaks_bait(report) and _is_bait(head)
    shared = shared_clauses(head.exemplars, report.masked) if quotable else []
    told = (*head.told, report.told)[-TOLD_KEPT:]
    tier = tier_of(members.values(), settings)
    adds = placement.exemplar or before is None
    counted, worst = counted_reporters(members.values(), settings), max(head.worst, report.danger)
    head = msgspec.structs.replace(
        head,
        revision=head.revision + 1,
        last_at=max(head.last_at, report.at),
        exemplars=(*head.exemplars, report.masked) if adds else head.exemplars,
        marks=tuple(dict.fromkeys((*head.marks, *placement.marks)))[:MARKS_KEPT],
        related=_more(head.related, (*placement.linked, *placement.near))[:RELATED_KEPT],
        reports=head.reports + 1,
        reporters=head.reporters + 1 if another or before is None else head.reporters,
        towns=_more(head.towns, [report.place.town] if report.place.town else []),
        suspicious=tier == "draft",
        tier=tier,
        danger=danger(counted, worst, settings, suspicious=tier != "none"),
        **named_type(told, head.fraud_type or report.fraud_type),
        told=told,
        reasons=_more(head.reasons, report.reasons)[:REASONS_KEPT],
        indicators=_more(head.indicators, report.indicators)[:INDICATORS_KEPT],
        shared=_more(head.shared, shared)[:SHARED_KEPT],
        worst=worst,
        counted_reporters=len(counted),
        credibility_flags=_more(
            head.credibility_flags, credibility_flags(members.values(), member, settings)
        ),
    )
    return LoadedCluster(head, members)


def member_of(report: e.ReportUnmatched, *, new: bool) -> e.Member:
    """A report as a member of its cluster; ``new``: its reporter is new."""
    return e.Member(
        report_id=report.report_id, reporter=report.reporter, town=report.place.town, at=report.at,
        suspicious=report.suspicious, borderline=report.borderline, suspicion=report.suspicion,
        evidence=report.evidence, cue_points=report.cue_points, group_id=report.place.group_id, new=new,
        model=report.model,
    )  # fmt: skip


def named_type(told: Sequence[e.ToldTrick], known: str | None) -> dict[str, Any]:
    """The fields of a cluster that say its fraud type: by the mean share among what its reports tell.

    ``known`` is the type where no judge has read the reports.
    """
    shares = defaultdict[str, float](float)
    for trick in told:
        for code, share in trick.likely_types:
            shares[code] += share / len(told)
    likely = sorted(shares, key=lambda code: (-shares[code], code))
    if not likely:
        return {"fraud_type": known}
    behind = shares[likely[1]] if len(likely) > 1 else 0.0
    clear = shares[likely[0]] >= TYPE_FLOOR and shares[likely[0]] - behind >= TYPE_MARGIN
    return {"fraud_type": likely[0] if clear else None, "likely_types": tuple(likely[:3])}


def _speaks_bait(report: e.ReportUnmatched) -> bool:
    """Whether a report's text is the fraudster's own: only that is quoted."""
    return report.suspicion is None or report.told.voice == "bait"


def _is_bait(head: e.Cluster) -> bool:
    """Whether the texts of a cluster are the fraudster's own, as far as a judge has read them."""
    return all(x.voice == "bait" or not x.likely_types for x in head.told)


def _empty(cluster_id: str, report: e.ReportUnmatched) -> e.Cluster:
    """The head of a cluster before its first report."""
    return e.Cluster(
        cluster_id=cluster_id, district=report.place.district, revision=0, first_at=report.at,
        last_at=report.at, exemplars=(), reports=0, reporters=0, towns=(), danger=0,
    )  # fmt: skip


def _more(known: Sequence[str], found: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*known, *found]))
