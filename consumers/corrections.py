"""What a person says of clusters: these two are one, or these reports are another. Pure.

A correction holds for ever: it stands in the clusters themselves, which is what a restart reads.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from consumers.credibility import counted_reporters, danger, suspected
from consumers.triage import shown_indicators
from fenghuo.desk.retention import MEMBERS_KEPT
from fenghuo.domain import events as e
from fenghuo.settings import Settings
from patterns.clustering import MARKS_KEPT, marks
from patterns.entities.find import find

CORRECTIONS_KEPT = 20
EXEMPLARS_KEPT = 8
"""Of a corrected cluster: those of both that were merged."""


def merged(
    into: e.Cluster, other: e.Cluster, said: e.ClusterCorrected, settings: Settings
) -> list[e.Cluster]:
    """The two after ``other`` was said to be one with ``into``: it keeps its id and holds nothing."""
    both = {into.cluster_id, other.cluster_id}
    every = {m.report_id: m for m in (*into.members, *other.members)}
    members = _by_time(every.values())[-MEMBERS_KEPT:]
    one = msgspec.structs.replace(
        into,
        revision=into.revision + other.revision + 1,
        first_at=min(into.first_at, other.first_at),
        last_at=max(into.last_at, other.last_at),
        exemplars=_first((*into.exemplars, *other.exemplars), EXEMPLARS_KEPT),
        reports=into.reports + other.reports,
        reporters=_reporters(members) + _uncounted(into) + _uncounted(other),
        towns=_first((*into.towns, *other.towns)),
        suspicious=into.suspicious or other.suspicious or suspected(members, settings),
        worst=max(into.worst, other.worst),
        credibility_flags=_first((*into.credibility_flags, *other.credibility_flags)),
        fraud_type=into.fraud_type or other.fraud_type,
        alert_id=into.alert_id or other.alert_id,
        indicators=_first((*into.indicators, *other.indicators)),
        shared=_first((*into.shared, *other.shared)),
        marks=tuple(dict.fromkeys((*into.marks, *other.marks)))[:MARKS_KEPT],
        members=members,
        cannot_link=tuple(x for x in _first((*into.cannot_link, *other.cannot_link)) if x not in both),
        corrections=_noted(into, said, other.cluster_id, other.reports),
    )
    gone = msgspec.structs.replace(
        other,
        revision=other.revision + 1, exemplars=(), marks=(), reports=0, reporters=0, counted_reporters=0,
        members=(), danger=0, merged_into=into.cluster_id,
        corrections=_noted(other, said, into.cluster_id, other.reports),
    )  # fmt: skip
    return [_weighed(one, settings), gone]


def split(
    cluster: e.Cluster, said: e.ClusterCorrected, texts: Mapping[str, str], settings: Settings
) -> list[e.Cluster]:
    """The cluster without the reports said to be another, and that other; nothing if none or all are its.

    ``texts`` are the masked texts of its members by report, as far as they are still kept.
    """
    wanted = set(said.report_ids)
    moved = [m for m in cluster.members if m.report_id in wanted]
    left = [m for m in cluster.members if m.report_id not in wanted]
    if not moved or not left:
        return []
    other_id = f"c-{said.event_id}"
    moved_texts = [texts[m.report_id] for m in moved if m.report_id in texts]
    left_texts = [texts[m.report_id] for m in left if m.report_id in texts]
    kept = [x for x in cluster.exemplars if x not in moved_texts] or left_texts
    rest = _of(cluster, left, kept, settings, reports=cluster.reports - len(moved))
    other = _of(cluster, moved, moved_texts, settings, reports=len(moved))
    return [
        msgspec.structs.replace(
            rest, revision=cluster.revision + 1, cannot_link=_first((*cluster.cannot_link, other_id)),
            corrections=_noted(cluster, said, other_id, len(moved)),
        ),
        msgspec.structs.replace(
            other, cluster_id=other_id, revision=len(moved), alert_id=None,
            cannot_link=_first((*cluster.cannot_link, cluster.cluster_id)),
            corrections=_noted(None, said, cluster.cluster_id, len(moved)),
        ),
    ]  # fmt: skip


def _of(
    cluster: e.Cluster, members: Sequence[e.Member], texts: Sequence[str], settings: Settings, *, reports: int
) -> e.Cluster:
    """A cluster of some of the members, with what their texts and places say."""
    some = msgspec.structs.replace(
        cluster,
        first_at=min(m.at for m in members),
        last_at=max(m.at for m in members),
        exemplars=_first(texts, EXEMPLARS_KEPT),
        reports=reports,
        reporters=_reporters(members) + (_uncounted(cluster) if reports > len(members) else 0),
        towns=_first([m.town for m in members if m.town]),
        suspicious=suspected(members, settings),
        indicators=_first([x for text in texts for x in shown_indicators(find(text))]),
        shared=tuple(said for said in cluster.shared if any(said in text for text in texts)),
        marks=marks(texts),
        members=tuple(members),
    )
    return _weighed(some, settings)


def _weighed(cluster: e.Cluster, settings: Settings) -> e.Cluster:
    """The cluster with who of its members counts, and its danger."""
    counted = counted_reporters(cluster.members, settings)
    urgent = danger(counted, cluster.worst, settings, suspicious=cluster.suspicious)
    return msgspec.structs.replace(cluster, counted_reporters=len(counted), danger=urgent)


def _noted(
    cluster: e.Cluster | None, said: e.ClusterCorrected, other_id: str, reports: int
) -> tuple[e.Correction, ...]:
    kind: Literal["merge", "split"] = said.kind
    note = e.Correction(
        correction_id=said.event_id, at=said.at, kind=kind, actor=said.actor, reason=said.reason,
        other_id=other_id, reports=reports,
    )  # fmt: skip
    return (*(cluster.corrections if cluster else ()), note)[-CORRECTIONS_KEPT:]


def _by_time(members: Iterable[e.Member]) -> tuple[e.Member, ...]:
    return tuple(sorted(members, key=lambda m: (m.at, m.report_id)))


def _reporters(members: Sequence[e.Member]) -> int:
    return len({m.reporter for m in members})


def _uncounted(cluster: e.Cluster) -> int:
    """Reporters that are counted but no longer among the members that are kept."""
    return max(0, cluster.reporters - _reporters(cluster.members))


def _first(values: Sequence[str], most: int = 10) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))[:most]
