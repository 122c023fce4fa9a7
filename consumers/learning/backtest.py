"""What would the team have been shown? Past reports through triage, clusters and surges, without a server.

The same functions as the live stages. What people did is not known here: no alert is approved or ended, no
cluster is merged or split by hand.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Annotated, NamedTuple

import msgspec

from consumers.clusters.clustering import Clustering
from consumers.credibility import tier_of
from consumers.learning.offline_desk import OfflineDesk
from consumers.live_library import LiveLibrary, fraud_types, seed_patterns
from consumers.surge import draft_of as draft_of_surge
from consumers.surge import surging
from consumers.triage import SecondLook, Triage
from fenghuo.clock import to_ms
from fenghuo.domain import events as e
from fenghuo.domain.calendar import HOUR_MS
from fenghuo.settings import Settings
from patterns.judgement.judge import Judge
from patterns.judgement.labels import PRETEXTS, WHO

AT_ONCE = 512


class ReportLine(msgspec.Struct, frozen=True, kw_only=True):
    """One past report of the input, in time order."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    district: str
    reporter: str
    at: datetime
    text: Annotated[str, msgspec.Meta(max_length=10_000)]
    town: str = ""


class Shown(NamedTuple):
    """What the team would have been shown: a draft, or something to look at.

    `by_model`: the reports among them that the second reader lifted, each with what it found; `only_model`:
    without it nobody would have been shown any of them.
    """

    tier: str
    district: str
    type: str | None
    severity: str
    title: str
    text: str
    reports: tuple[str, ...]
    first_at: datetime
    """When the first of its reports came."""
    by_model: tuple[tuple[str, tuple[str, ...]], ...] = ()
    only_model: bool = False


async def shown_by(
    judge: Judge,
    reports: Iterable[ReportLine],
    settings: Settings,
    second_look: SecondLook | None = None,
) -> list[Shown]:
    """What the team would have been shown of ``reports`` with the seeds and ``judge``."""
    run = Backtest(Triage(LiveLibrary(seed_patterns()), judge, second_look=second_look), settings)
    rest = iter(reports)
    while batch := list(islice(rest, AT_ONCE)):
        await run.add(batch)
    return run.shown()


class Backtest:
    """Goes through reports in time order and keeps what would have been shown."""

    def __init__(self, match: Triage, settings: Settings) -> None:
        self._desk = OfflineDesk()
        self._settings = settings
        self._triage = match
        self._clustering = Clustering(self._desk, settings)  # type: ignore[arg-type]
        self._clusters: dict[str, e.Cluster] = {}
        self._members: dict[str, dict[str, e.Member]] = defaultdict(dict)
        self._drafts: dict[str, e.DecisionMade] = {}
        self._at: dict[str, datetime] = {}
        self._known: dict[tuple[str, str], list[e.Member]] = defaultdict(list)

    async def add(self, reports: Sequence[ReportLine]) -> None:
        """Take some more reports, in time order."""
        received = [_received(x) for x in reports]
        self._at |= {x.id: x.at for x in reports}
        for x in received:
            self._desk.seen(x.reporter, x.at)
        outcome = await self._triage.on_reports_received(received)
        unmatched = [x for x in outcome.events if isinstance(x, e.ReportUnmatched)]
        for event in (await self._clustering.on_reports_unmatched(unmatched)).events:
            self._note(event)
        for event in outcome.events:
            if isinstance(event, e.ReportMatched):
                self._surge(event)

    def _note(self, event: e.Event) -> None:
        if isinstance(event, e.ClusterChanged):
            self._clusters[event.cluster.cluster_id] = event.cluster
            self._members[event.cluster.cluster_id][event.member.report_id] = event.member
        elif isinstance(event, e.ClusterRedrawn):
            self._clusters[event.cluster.cluster_id] = event.cluster
            self._members[event.cluster.cluster_id] = {m.report_id: m for m in event.cluster.members}
        elif isinstance(event, e.DecisionMade) and event.order.origin is not None:
            self._drafts[event.order.origin.cluster_id or event.order.alert_id] = event

    def _surge(self, report: e.ReportMatched) -> None:
        """Draft at a surge of a known pattern, as the live stage does."""
        key = report.pattern_id, report.place.district
        seen = self._known[key]
        seen.append(
            e.Member(
                report_id=report.report_id, reporter=report.reporter, at=report.at, town=report.place.town
            )
        )
        past = [to_ms(x.at) // HOUR_MS * HOUR_MS for x in seen[:-1]]
        window = [
            x for x in seen
            if (report.at - x.at).total_seconds() <= self._settings.surge_slow_window_s
        ]  # fmt: skip
        found = surging(window, past, self._settings)
        name = f"surge-{key}"
        if found is not None and name not in self._drafts:
            self._drafts[name] = draft_of_surge(report, found, "", self._settings.alert_hours)
            self._members[name] = {x.report_id: x for x in found.seen}

    def shown(self) -> list[Shown]:
        """Everything that would have been shown, drafts first."""
        found = [
            _drafted(x, reports, self._first(reports) or x.at)
            for cluster_id, x in self._drafts.items()
            for reports in [tuple(self._members.get(cluster_id, {}))]
        ]
        found += [
            self._with_model(
                _to_look_at(cluster, tuple(members), self._first(members) or cluster.first_at), members
            )
            for cluster_id, cluster in self._clusters.items()
            for members in [self._members[cluster_id]]
            if cluster.tier != "none" and cluster_id not in self._drafts and cluster.merged_into is None
        ]
        return found

    def _with_model(self, row: Shown, members: Mapping[str, e.Member]) -> Shown:
        """The row with what the second reader added to it."""
        by_model = tuple((x.report_id, x.model) for x in members.values() if x.model)
        without = [msgspec.structs.replace(x, model=()) for x in members.values()]
        only = bool(by_model) and tier_of(without, self._settings) == "none"
        return row._replace(by_model=by_model, only_model=only)

    def _first(self, reports: Iterable[str]) -> datetime | None:
        return min((self._at[x] for x in reports if x in self._at), default=None)


def _received(x: ReportLine) -> e.ReportReceived:
    """A past report as the event that it was."""
    event = {
        "type": "ReportReceived", "event_id": e.derive_id("backtest", x.id), "at": x.at,
        "report_id": x.id, "text": x.text, "reporter": x.reporter,
        "place": {"district": x.district, "town": x.town},
    }  # fmt: skip
    return msgspec.convert(event, type=e.ReportReceived)


def _drafted(x: e.DecisionMade, reports: tuple[str, ...], first_at: datetime) -> Shown:
    content, origin = x.order.content, x.order.origin
    assert content is not None and origin is not None
    return Shown(
        "draft",
        content.audience.district,
        origin.fraud_type,
        content.severity,
        content.title,
        content.text,
        reports,
        first_at,
    )


def _to_look_at(cluster: e.Cluster, reports: tuple[str, ...], first_at: datetime) -> Shown:
    """A cluster that is shown to look at: what the judge read in it, in words of our own tables."""
    kind = fraud_types().get(cluster.fraud_type or "")
    likely = [fraud_types()[x].label_zh for x in cluster.likely_types if x in fraud_types()]
    title = f"待看：{kind.label_zh}" if kind else f"待看：可能是{'、'.join(likely) or '新型骗局'}"
    told = dict.fromkeys(
        words for x in cluster.told for words in (WHO.get(x.who, ""), PRETEXTS.get(x.pretext, "")) if words
    )
    text = f"{cluster.reporters} 人，{len(cluster.towns)} 个镇街。" + (
        f"说到：{'、'.join(told)}。" if told else ""
    )
    return Shown("watch", cluster.district, cluster.fraud_type, "moderate", title, text, reports, first_at)
