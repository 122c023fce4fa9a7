"""The order that drafts an alert from a cluster. Pure; replaying it gives the same ids."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from consumers.drafting.draft_text import Evidence, compose
from consumers.drafting.quotation import in_order
from consumers.live_library import OTHER, fraud_types
from fenghuo.domain import events as e
from fenghuo.domain.alert import SYSTEM, Action, AlertId, Order, Origin, Role
from patterns.judgement.reasons import slots_in_words


def alert_of(cluster_id: str, previous: AlertId | None = None) -> AlertId:
    """The id of the alert drafted from a cluster after ``previous``; the same in each replay."""
    return AlertId(e.derive_id("alert", cluster_id, *([previous] if previous else [])))


def told_by_most(told: Sequence[e.ToldTrick]) -> tuple[str, ...]:
    """What more than half of the reports tell, in ready words."""

    def agreed(values: Iterable[str]) -> list[str]:
        return [x for x, n in Counter(values).most_common() if x and 2 * n > len(told)]

    who, pretext = agreed(x.who for x in told), agreed(x.pretext for x in told)
    acts = agreed(act for x in told for act in x.acts)
    return slots_in_words(who[0] if who else "", pretext[0] if pretext else "", acts)


def draft_of(cluster: e.Cluster, at: datetime, life_hours: int, previous: AlertId | None) -> e.DecisionMade:
    """The order that drafts an alert from ``cluster``; ``previous`` is the cluster's last alert, if any."""
    types = fraud_types()
    kind = types.get(cluster.fraud_type or OTHER, types[OTHER])
    shared = in_order(cluster.shared, cluster.exemplars)
    evidence = Evidence(
        cluster.district, cluster.towns, cluster.counted_reporters, shared, cluster.indicators, at,
        life_hours, texts=cluster.exemplars, worst=cluster.worst, told=told_by_most(cluster.told),
    )  # fmt: skip
    alert_id = alert_of(cluster.cluster_id, previous)
    decision_id = e.derive_id("draft", alert_id)
    order = Order(
        decision_id=decision_id, alert_id=alert_id, action=Action.DRAFT, actor=SYSTEM,
        role=Role.SYSTEM, at=at, content=compose(kind, evidence),
        origin=Origin(
            first_report_at=cluster.first_at, fraud_type=kind.code, cluster_id=cluster.cluster_id,
            reports=cluster.reports, towns=cluster.towns, examples=cluster.exemplars,
            credibility_flags=cluster.credibility_flags,
        ),
    )  # fmt: skip
    return e.DecisionMade(event_id=decision_id, at=at, order=order)
