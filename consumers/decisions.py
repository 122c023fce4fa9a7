"""The only writer of an alert: applies decisions, one after the other, and says what came of each.

Reads decisions.made; writes alerts.changed, alerts.released, patterns.changed and replies.requested.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Literal

from consumers import answers
from fenghuo import events as e
from fenghuo.alerts import RELEASED, Action, Alert, Order, Role, decide
from fenghuo.audience import reach_of
from fenghuo.errors import Denied
from fenghuo.stores.desk import Desk
from fenghuo.transport.pipeline import Outcome
from patterns.redact import forbidden
from patterns.slots import from_masked

log = logging.getLogger(__name__)

_NEED_REACH = frozenset({Action.DRAFT, Action.EDIT, Action.SUBMIT, Action.APPROVE})


class Decisions:
    """Loads the alerts of a batch, decides in order, publishes the outcomes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def on_decisions_made(self, events: Sequence[e.Event]) -> Outcome:
        orders = [x.order for x in events if isinstance(x, e.DecisionMade)]
        alerts = await self._desk.alerts_by_id(list({order.alert_id for order in orders}))
        groups = await self._desk.groups() if any(o.action in _NEED_REACH for o in orders) else {}
        settled = await self._desk.settled([order.decision_id for order in orders])
        outcome = Outcome()
        for order in orders:
            if order.decision_id in settled:
                continue  # its outcome was published before a crash; the alert may have moved on since
            before = alerts.get(order.alert_id)
            try:
                after = decide(
                    before, order, findings=_findings(before, order), reach=_reach(before, order, groups)
                )
            except Denied as denied:
                outcome.events.append(_refusal(order, denied))
                continue
            if after is before:
                continue
            alerts[order.alert_id] = after
            outcome.events += [_change(order, after), *_consequences(order, before, after)]
            outcome.events += await self._answers(order, after)
        return outcome

    async def _answers(self, order: Order, alert: Alert) -> list[e.Event]:
        """What those whose reports led to a warning are told once it is out everywhere, or withdrawn."""
        answer = _ANSWERS.get(order.action)
        if answer is None or alert.origin.cluster_id is None or alert.content.exercise:
            return []
        kind, words = answer
        cluster = await self._desk.cluster(alert.origin.cluster_id)
        if cluster is not None and cluster.merged_into is not None:
            cluster = await self._desk.cluster(cluster.merged_into)
        members = [m for m in cluster.members if m.suspicious] if cluster else []
        views = {
            v.row.report_id: v.row for v in await self._desk.reports_by_id([m.report_id for m in members])
        }
        return [
            e.ReplyRequested(
                event_id=e.derive_id(m.report_id, "reply", kind), at=order.at, report_id=m.report_id,
                kind=kind, text=words(alert.content.title), reporter=m.reporter,
                place=views[m.report_id].place,
            )
            for m in members if m.report_id in views
        ]  # fmt: skip


_ANSWERS: dict[Action, tuple[Literal["warned", "withdrawn"], Callable[[str], str]]] = {
    Action.COMPLETE: ("warned", answers.warned),
    Action.RECALL: ("withdrawn", answers.withdrawn),
}


def _findings(before: Alert | None, order: Order) -> list[str]:
    """The linter's objections to the content that the alert would have, each ``code: excerpt``."""
    content = order.content or (before.content if before else None)
    if content is None:
        return []
    parts = (content.title, content.text, content.correction)
    return list(dict.fromkeys(f"{code}: {excerpt}" for part in parts for code, excerpt in forbidden(part)))


def _reach(before: Alert | None, order: Order, groups: dict[str, e.Group]) -> tuple[int, int]:
    content = order.content or (before.content if before else None)
    if content is None or order.action not in _NEED_REACH:
        return (0, 0)
    return reach_of(content, groups.values())


def _refusal(order: Order, denied: Denied) -> e.DecisionRefused:
    told = log.error if order.role is Role.SYSTEM and order.action is Action.DRAFT else log.info
    told("decision refused", extra={"action": order.action, "code": denied.code, "alert": order.alert_id})
    return e.DecisionRefused(
        event_id=e.derive_id(order.decision_id, "refused"), at=order.at, alert_id=order.alert_id,
        decision_id=order.decision_id, action=order.action, actor=order.actor, code=denied.code,
        message=str(denied),
    )  # fmt: skip


def _change(order: Order, after: Alert) -> e.AlertChanged:
    return e.AlertChanged(
        event_id=e.derive_id(order.decision_id, "changed"), at=order.at, alert=after,
        decision_id=order.decision_id, action=order.action, actor=order.actor, role=order.role,
    )  # fmt: skip


def _consequences(order: Order, before: Alert | None, after: Alert) -> list[e.Event]:
    """What the others must know of a change: the release, and what the library learns or unlearns."""
    if order.action is Action.APPROVE:
        return [_released("approved", order, after), *_patterns(order, after, retired=False)]
    if order.action is Action.RECALL:
        return [_released("recalled", order, after), *_patterns(order, after, retired=True)]
    if order.action is Action.EXPIRE and before is not None and before.state in RELEASED:
        return [_released("expired", order, after)]
    return []


def _released(
    kind: Literal["approved", "recalled", "expired"], order: Order, alert: Alert
) -> e.AlertReleased:
    content = alert.content
    release = e.Release(
        alert_id=alert.alert_id, version=alert.version, title=content.title, text=content.text,
        correction=content.correction, audience=content.audience, channels=content.channels,
        severity=content.severity, expires_at=content.expires_at, approved_at=alert.approved_at or order.at,
        exercise=content.exercise, groups=alert.reach_groups,
    )  # fmt: skip
    return e.AlertReleased(
        event_id=e.derive_id(order.decision_id, kind),
        at=order.at,
        kind=kind,
        release=release,
    )


def _patterns(order: Order, alert: Alert, *, retired: bool) -> list[e.Event]:
    """A warned-of cluster is known from now on; an exercise teaches nothing, a recalled alert is
    unlearned."""
    if alert.origin.cluster_id is None or alert.content.exercise:
        return []
    return [
        e.PatternChanged(
            event_id=e.derive_id(order.decision_id, "pattern", str(n)), at=order.at,
            pattern_id=f"{alert.alert_id}-{n}", fraud_type=alert.origin.fraud_type, title=alert.content.title,
            text=from_masked(text), alert_id=alert.alert_id, retired=retired,
        )
        for n, text in enumerate(alert.origin.examples)
    ]  # fmt: skip
