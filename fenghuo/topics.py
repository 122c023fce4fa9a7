"""The topic registry: the one place for names, keys, partitions, retention, writers and readers.

A room may publish only to topics that name it as a writer; ``tests/contract`` fails when a topic has no
writer or no reader that exists.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import msgspec

from fenghuo.domain import events as e

DESK = "desk"
"""As a reader: the event is folded onto the desk (fenghuo.desk.fold), for people to see."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. ``retention`` None keeps it for ever; ``compact`` keeps the latest event of each key."""

    name: str
    kinds: tuple[type[e.Event], ...]
    key: Callable[[Any], str]
    partitions: int
    writers: frozenset[str]
    readers: frozenset[str]
    retention: timedelta | None
    compact: bool = False

    def address(self, namespace: str) -> str:
        """The name on the broker: ``namespace.<name>.v1``."""
        return f"{namespace}.{self.name}.v1"

    def decoder(self) -> msgspec.json.Decoder[e.Event]:
        return e.decoder_of(self.kinds)


def _topic(
    name: str,
    kinds: tuple[type[e.Event], ...],
    key: Callable[[Any], str],
    writers: str,
    readers: str,
    days: int | None,
    partitions: int = 12,
    compact: bool = False,
) -> Topic:
    retention = None if days is None else timedelta(days=days)
    return Topic(
        name,
        kinds,
        key,
        partitions,
        frozenset(writers.split()),
        frozenset(readers.split()),
        retention,
        compact,
    )


REPORTS_RECEIVED = _topic(
    "reports.received", (e.ReportReceived,), lambda x: x.report_id, "producers", "consumers desk", 30
)
ALARMS_RECEIVED = _topic(
    "alarms.received", (e.AlarmReceived,), lambda x: x.report_id, "producers", "consumers desk", 30
)
"""Reports at an urgent stage, in a lane of their own: a flood of others does not hold them up."""
REPORTS_MATCHED = _topic(
    "reports.matched", (e.ReportMatched,), lambda x: x.pattern_id, "consumers", "consumers desk", 30
)
REPORTS_UNMATCHED = _topic(
    "reports.unmatched",
    (e.ReportUnmatched, e.ClusterCorrected),
    lambda x: x.district if isinstance(x, e.ClusterCorrected) else x.place.district,
    "consumers console",
    "consumers desk",
    30,
)
"""Corrections are in the topic of the reports whose clusters they change: one process, one order."""
REPORTS_SIGHTED = _topic(
    "reports.sighted", (e.SightingRecorded,), lambda x: x.alert_id, "consumers", "desk", 30
)
REPORTS_HANDLED = _topic(
    "reports.handled",
    (e.UrgentHandled,),
    lambda x: x.report_id,
    "console",
    "consumers desk",
    30,
    partitions=3,
)
CLUSTERS_CHANGED = _topic(
    "clusters.changed",
    (e.ClusterChanged, e.ClusterRedrawn, e.CorrectionRefused),
    lambda x: x.cluster_id if isinstance(x, e.CorrectionRefused) else x.cluster.cluster_id,
    "consumers",
    "desk",
    30,
)
DECISIONS_MADE = _topic(
    "decisions.made",
    (e.DecisionMade,),
    lambda x: x.order.alert_id,
    "console consumers broadcast",
    "consumers desk",
    None,
    partitions=3,
)
ALERTS_CHANGED = _topic(
    "alerts.changed",
    (e.AlertChanged, e.DecisionRefused, e.AudienceFrozen),
    lambda x: x.alert.alert_id if isinstance(x, e.AlertChanged) else x.alert_id,
    "consumers",
    "desk",
    None,
    partitions=3,
)
ALERTS_RELEASED = _topic(
    "alerts.released",
    (e.AlertReleased,),
    lambda x: x.release.alert_id,
    "consumers",
    "broadcast desk",
    None,
    partitions=3,
)
PARTS_PLANNED = _topic(
    "parts.planned", (e.PartPlanned,), lambda x: x.alert_id, "broadcast", "broadcast", 7, partitions=3
)
DELIVERIES_REQUESTED = _topic(
    "deliveries.requested",
    (e.DeliveryRequested, e.TaskRequested),
    lambda x: x.group_id if isinstance(x, e.DeliveryRequested) else x.owner,
    "broadcast",
    "broadcast desk",
    7,
)
RECEIPTS_RECORDED = _topic(
    "receipts.recorded",
    (e.ReceiptRecorded, e.DeliveriesPlanned, e.TaskChanged),
    lambda x: x.task.alert_id if isinstance(x, e.TaskChanged) else x.alert_id,
    "broadcast",
    "broadcast desk",
    None,
)
TAPS_MADE = _topic("taps.made", (e.TapMade,), lambda x: x.group_id, "console", "broadcast", None)
NOTICES_REQUESTED = _topic(
    "notices.requested", (e.NoticeRequested,), lambda x: x.person_id, "broadcast", "broadcast desk", 30
)
CHANNELS_CHANGED = _topic(
    "channels.changed", (e.ChannelChanged,), lambda x: x.name, "broadcast console", "broadcast desk", None,
    partitions=1, compact=True,
)  # fmt: skip
PATTERNS_CHANGED = _topic(
    "patterns.changed",
    (e.PatternChanged,),
    lambda x: x.pattern_id,
    "consumers",
    "consumers desk",
    None,
    partitions=1,
    compact=True,
)
GROUPS_CHANGED = _topic(
    "groups.changed",
    (e.GroupChanged,),
    lambda x: x.group.group_id,
    "console",
    "consumers desk",
    None,
    partitions=3,
    compact=True,
)
PEOPLE_CHANGED = _topic(
    "people.changed",
    (e.PersonChanged,),
    lambda x: x.person.person_id,
    "console",
    "consumers desk",
    None,
    partitions=1,
    compact=True,
)
REPLIES_REQUESTED = _topic(
    "replies.requested", (e.ReplyRequested,), lambda x: x.report_id, "consumers", "broadcast desk", 30
)
DEADLETTERS = _topic(
    "deadletters",
    (e.DeadLettered,),
    lambda x: x.key,
    "consumers broadcast",
    "producers desk",
    30,
    partitions=3,
)

TOPICS: tuple[Topic, ...] = (
    REPORTS_RECEIVED, ALARMS_RECEIVED, REPORTS_MATCHED, REPORTS_UNMATCHED, REPORTS_SIGHTED, REPORTS_HANDLED,
    CLUSTERS_CHANGED,
    DECISIONS_MADE, ALERTS_CHANGED, ALERTS_RELEASED, PARTS_PLANNED, DELIVERIES_REQUESTED, RECEIPTS_RECORDED,
    TAPS_MADE, NOTICES_REQUESTED, CHANNELS_CHANGED, PATTERNS_CHANGED, GROUPS_CHANGED, PEOPLE_CHANGED,
    REPLIES_REQUESTED, DEADLETTERS,
)  # fmt: skip


@cache
def _by_kind() -> dict[type[e.Event], Topic]:
    return {kind: topic for topic in TOPICS for kind in topic.kinds}


def topic_of(event: e.Event) -> Topic:
    """The topic that carries ``event``; KeyError for a kind that is in no topic."""
    return _by_kind()[type(event)]


def by_name(name: str) -> Topic:
    """The topic called ``name`` (without namespace and version); KeyError if there is none."""
    return {topic.name: topic for topic in TOPICS}[name]
