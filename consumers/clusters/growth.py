"""How a cluster grows: the cluster after one more report. Pure."""

from collections.abc import Sequence

import msgspec

from consumers.clusters.district import LoadedCluster
from consumers.credibility import counted_reporters, credibility_flags, danger, tier_of
from consumers.draft_text import shared_clauses
from fenghuo.desk.retention import MEMBERS_KEPT
from fenghuo.domain import events as e
from fenghuo.settings import Settings
from patterns.clustering import MARKS_KEPT, Placement

RELATED_KEPT = 8
INDICATORS_KEPT = 10
SHARED_KEPT = 8


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
    member = e.Member(
        report_id=report.report_id, reporter=report.reporter, town=report.place.town, at=report.at,
        suspicious=report.suspicious, borderline=report.borderline, suspicion=report.suspicion, evidence=report.evidence, cue_points=report.cue_points,
        group_id=report.place.group_id, new=new,
    )  # fmt: skip
    members = {**(before.members if before else {}), member.report_id: member}
    if len(members) > MEMBERS_KEPT:
        del members[next(iter(members))]
    head = before.head if before else _empty(placement.cluster_id, report)
    another = before is not None and all(m.reporter != member.reporter for m in before.members.values())
    shared = (
        shared_clauses(head.exemplars, report.masked) if another and len(head.shared) < SHARED_KEPT else []
    )
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
        fraud_type=head.fraud_type or report.fraud_type,
        indicators=_more(head.indicators, report.indicators)[:INDICATORS_KEPT],
        shared=_more(head.shared, shared)[:SHARED_KEPT],
        worst=worst,
        counted_reporters=len(counted),
        credibility_flags=_more(
            head.credibility_flags, credibility_flags(members.values(), member, settings)
        ),
    )
    return LoadedCluster(head, members)


def _empty(cluster_id: str, report: e.ReportUnmatched) -> e.Cluster:
    """The head of a cluster before its first report."""
    return e.Cluster(
        cluster_id=cluster_id, district=report.place.district, revision=0, first_at=report.at,
        last_at=report.at, exemplars=(), reports=0, reporters=0, towns=(), danger=0,
    )  # fmt: skip


def _more(known: Sequence[str], found: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*known, *found]))
