"""A person's corrections of clusters: merge two, or split reports off. Pure.

A correction is permanent: it is kept in the clusters themselves, which a restart reads.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from consumers.clusters.growth import REASONS_KEPT, TOLD_KEPT, named_type
from consumers.credibility import counted_reporters, danger, tier_of
from consumers.indicators import shown_indicators
from fenghuo.desk.retention import MEMBERS_KEPT
from fenghuo.domain import events as e
from fenghuo.settings import Settings
from patterns.clustering import MARKS_KEPT, marks
from patterns.entities.find import find

CORRECTIONS_KEPT = 20
EXEMPLARS_KEPT = 8
"""Exemplars of a cluster after a correction."""


def merged(
    into: e.Cluster, other: e.Cluster, correction: e.ClusterCorrected, settings: Settings
) -> list[e.Cluster]:
    """Merge ``other`` into ``into``; returns both. ``other`` keeps its id and has no members."""
    both = {into.cluster_id, other.cluster_id}
    every = {m.report_id: m for m in (*into.members, *other.members)}
    members = _by_time(every.values())[-MEMBERS_KEPT:]
    told = (*into.told, *other.told)[-TOLD_KEPT:]
    one = msgspec.structs.replace(
        into,
        revision=into.revision + other.revision + 1,
        first_at=min(into.first_at, other.first_at),
        last_at=max(into.last_at, other.last_at),
        exemplars=_first((*into.exemplars, *other.exemplars), EXEMPLARS_KEPT),
        reports=into.reports + other.reports,
        reporters=_reporters(members) + _uncounted(into) + _uncounted(other),
        towns=_first((*into.towns, *other.towns)),
        worst=max(into.worst, other.worst),
        credibility_flags=_first((*into.credibility_flags, *other.credibility_flags)),
        **named_type(told, into.fraud_type or other.fraud_type),
        told=told,
        reasons=_first((*into.reasons, *other.reasons), REASONS_KEPT),
        alert_id=into.alert_id or other.alert_id,
        indicators=_first((*into.indicators, *other.indicators)),
        shared=_first((*into.shared, *other.shared)),
        marks=tuple(dict.fromkeys((*into.marks, *other.marks)))[:MARKS_KEPT],
        members=members,
        cannot_link=tuple(x for x in _first((*into.cannot_link, *other.cannot_link)) if x not in both),
        corrections=_noted(into, correction, other.cluster_id, other.reports),
    )
    gone = msgspec.structs.replace(
        other,
        revision=other.revision + 1, exemplars=(), marks=(), reports=0, reporters=0, counted_reporters=0,
        members=(), danger=0, merged_into=into.cluster_id,
        corrections=_noted(other, correction, into.cluster_id, other.reports),
    )  # fmt: skip
    return [_recounted(one, settings), gone]


def split(
    cluster: e.Cluster, correction: e.ClusterCorrected, texts: Mapping[str, str], settings: Settings
) -> list[e.Cluster]:
    """Split reports off: [remaining cluster, new cluster]; [] if they are none or all of its members.

    ``texts`` are the masked texts of its members by report, as far as they are still kept.
    """
    wanted = set(correction.report_ids)
    moved = [m for m in cluster.members if m.report_id in wanted]
    left = [m for m in cluster.members if m.report_id not in wanted]
    if not moved or not left:
        return []
    other_id = f"c-{correction.event_id}"
    moved_texts = [texts[m.report_id] for m in moved if m.report_id in texts]
    left_texts = [texts[m.report_id] for m in left if m.report_id in texts]
    kept = [x for x in cluster.exemplars if x not in moved_texts] or left_texts
    rest = _reduced(cluster, left, kept, settings, reports=cluster.reports - len(moved))
    other = _reduced(cluster, moved, moved_texts, settings, reports=len(moved))
    return [
        msgspec.structs.replace(
            rest, revision=cluster.revision + 1, cannot_link=_first((*cluster.cannot_link, other_id)),
            corrections=_noted(cluster, correction, other_id, len(moved)),
        ),
        msgspec.structs.replace(
            other, cluster_id=other_id, revision=len(moved), alert_id=None,
            cannot_link=_first((*cluster.cannot_link, cluster.cluster_id)),
            corrections=_noted(None, correction, cluster.cluster_id, len(moved)),
        ),
    ]  # fmt: skip


def _reduced(
    cluster: e.Cluster, members: Sequence[e.Member], texts: Sequence[str], settings: Settings, *, reports: int
) -> e.Cluster:
    """``cluster`` reduced to ``members``, with what follows from their ``texts`` and places."""
    some = msgspec.structs.replace(
        cluster,
        first_at=min(m.at for m in members),
        last_at=max(m.at for m in members),
        exemplars=_first(texts, EXEMPLARS_KEPT),
        reports=reports,
        reporters=_reporters(members) + (_uncounted(cluster) if reports > len(members) else 0),
        towns=_first([m.town for m in members if m.town]),
        indicators=_first([x for text in texts for x in shown_indicators(find(text))]),
        shared=tuple(clause for clause in cluster.shared if any(clause in text for text in texts)),
        marks=marks(texts),
        members=tuple(members),
    )
    return _recounted(some, settings)


def _recounted(cluster: e.Cluster, settings: Settings) -> e.Cluster:
    """The cluster with its counted reporters and its danger calculated anew."""
    counted, tier = counted_reporters(cluster.members, settings), tier_of(cluster.members, settings)
    return msgspec.structs.replace(
        cluster, counted_reporters=len(counted), tier=tier, suspicious=tier == "draft",
        danger=danger(counted, cluster.worst, settings, suspicious=tier != "none"),
    )  # fmt: skip


def _noted(
    cluster: e.Cluster | None, correction: e.ClusterCorrected, other_id: str, reports: int
) -> tuple[e.Correction, ...]:
    kind: Literal["merge", "split"] = correction.kind
    note = e.Correction(
        correction_id=correction.event_id, at=correction.at, kind=kind, actor=correction.actor,
        reason=correction.reason, other_id=other_id, reports=reports,
    )  # fmt: skip
    return (*(cluster.corrections if cluster else ()), note)[-CORRECTIONS_KEPT:]


def _by_time(members: Iterable[e.Member]) -> tuple[e.Member, ...]:
    return tuple(sorted(members, key=lambda m: (m.at, m.report_id)))


def _reporters(members: Sequence[e.Member]) -> int:
    return len({m.reporter for m in members})


def _uncounted(cluster: e.Cluster) -> int:
    """Reporters that are in the count but no longer among the members kept."""
    return max(0, cluster.reporters - _reporters(cluster.members))


def _first(values: Sequence[str], most: int = 10) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))[:most]
