"""The only writer of alerts: applies decisions one after the other and publishes the result of each.

Reads decisions.made; writes alerts.changed, alerts.released, patterns.changed and replies.requested.

An order's role is a claim, so the desk is asked who the person is. That an order is the system's cannot be
proved, and need not be: the system may draft, begin, complete and expire (``ALLOWED_ROLES``), and none of
these releases a text. The broker's access rules keep out whoever would write to the topic in another's name.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypedDict

from consumers import reply_texts
from consumers.drafting.release_check import mentions, objections
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.alert import RELEASED, SYSTEM, Action, Alert, Content, Mention, Order, PersonId, Role
from fenghuo.domain.alert_lifecycle import affected_content, decide
from fenghuo.domain.audience import (
    ExpressionError,
    digest_of,
    freeze,
    frozen_reach,
    reach_of,
    still_there,
)
from fenghuo.domain.taps import Tappers
from fenghuo.domain.warning_text import scam_of
from fenghuo.errors import Denied
from fenghuo.transport.stage import Outcome
from patterns.text.slots import from_masked

log = logging.getLogger(__name__)

_WRITES = frozenset({Action.DRAFT, Action.EDIT, Action.UPDATE})
_SUBMITS = frozenset({Action.SUBMIT, Action.SUBMIT_UPDATE})
_APPROVES = frozenset({Action.APPROVE, Action.APPROVE_UPDATE})


class _Checked(TypedDict):
    findings: tuple[str, ...]
    mentions: tuple[Mention, ...]


class Decisions:
    """Loads the alerts of a batch, decides in order, publishes the outcomes."""

    def __init__(self, desk: Desk, issuers: Sequence[str] = ()) -> None:
        """``issuers`` sign the district's warnings beside its own anti-fraud centre."""
        self._desk = desk
        self._issuers = issuers

    async def on_decisions_made(self, events: Sequence[e.Event]) -> Outcome:
        orders = [x.order for x in events if isinstance(x, e.DecisionMade)]
        alerts = await self._desk.alerts.get_many(list({order.alert_id for order in orders}))
        people = await self._people({order.actor for order in orders if order.actor != SYSTEM})
        reach_of_orders = _ReachOfOrders(self._desk)
        settled = await self._desk.order_outcomes.settled([order.decision_id for order in orders])
        outcome = Outcome()
        for order in orders:
            if order.decision_id in settled:
                continue  # redelivery: its outcome was published before a crash
            before = alerts.get(order.alert_id)
            try:
                check_person(before, order, people)
                reach, frozen = await reach_of_orders.reach(before, order)
                after = decide(
                    before, order, reach=reach, frozen=digest_of(frozen), **self._checked(before, order)
                )
            except Denied as denied:
                outcome.events.append(_refusal(order, denied))
                continue
            if after is before:
                continue
            alerts[order.alert_id] = after
            if order.action in _SUBMITS:
                outcome.events.append(_frozen(order, frozen))
            outcome.events += [_change(order, after), *_consequences(order, before, after)]
            outcome.events += await self._replies(order, after)
        return outcome

    def _checked(self, before: Alert | None, order: Order) -> _Checked:
        """What the release check says of the content that the order applies to, whatever the console let
        through."""
        content = _content(before, order)
        if content is None:
            return {"findings": (), "mentions": ()}
        return {"findings": objections(content, self._issuers), "mentions": mentions(content)}

    async def _people(self, actors: set[PersonId]) -> dict[str, e.Person]:
        found = [await self._desk.directory.person(actor) for actor in sorted(actors)]
        return {person.person_id: person for person in found if person is not None}

    async def _replies(self, order: Order, alert: Alert) -> list[e.Event]:
        """Replies to those whose reports led to the alert, once the warning is complete or recalled."""
        reply = _REPLIES.get(order.action)
        if reply is None or alert.origin.cluster_id is None or alert.content.exercise:
            return []
        kind, words = reply
        cluster = await self._desk.clusters.get(alert.origin.cluster_id)
        if cluster is not None and cluster.merged_into is not None:
            cluster = await self._desk.clusters.get(cluster.merged_into)
        members = [m for m in cluster.members if m.suspicious or m.borderline] if cluster else []
        views = {
            v.row.report_id: v.row for v in await self._desk.reports.get_many([m.report_id for m in members])
        }
        return [
            e.ReplyRequested(
                event_id=e.derive_id(m.report_id, "reply", kind), at=order.at, report_id=m.report_id,
                kind=kind, text=words(scam_of(alert.content.title)), reporter=m.reporter,
                place=views[m.report_id].place,
            )
            for m in members if m.report_id in views
        ]  # fmt: skip


_REPLIES: dict[Action, tuple[Literal["warned", "withdrawn"], Callable[[str], str]]] = {
    Action.COMPLETE: ("warned", reply_texts.warned),
    Action.RECALL: ("withdrawn", reply_texts.withdrawn),
}


def check_person(alert: Alert | None, order: Order, people: Mapping[str, e.Person]) -> None:
    """Denied unless the actor is who the order says: one of the ``people`` with that role in the alert's
    district, or the system."""
    if (order.actor == SYSTEM) != (order.role is Role.SYSTEM):
        raise Denied("wrong_role", f"{order.actor} is not {order.role}")
    if order.actor == SYSTEM:
        return
    person = people.get(order.actor)
    if person is None:
        raise Denied("unknown_person", f"there is no {order.actor} on the desk")
    if person.role is not order.role:
        raise Denied("wrong_role", f"{order.actor} is {person.role}, not {order.role}")
    content = _content(alert, order)
    if content is not None and person.district != content.audience.district:
        raise Denied("other_district", f"{order.actor} belongs to {person.district}")


def _content(before: Alert | None, order: Order) -> Content | None:
    """The content that the order applies to."""
    if order.action in _WRITES or before is None:
        return order.content
    return affected_content(before, order.action)


class _ReachOfOrders:
    """The reach of one batch's orders; groups and people are read once, and only if needed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._groups: dict[str, e.Group] | None = None
        self._tappers: Tappers | None = None
        self._fresh: dict[str, tuple[str, ...]] = {}
        """Audiences frozen by this batch, which are not on the desk yet: digest to group ids."""

    async def reach(self, before: Alert | None, order: Order) -> tuple[tuple[int, int], tuple[str, ...]]:
        """((groups, residents), ids of the frozen groups) of the content that the order applies to."""
        content = _content(before, order)
        if content is None or order.action not in _WRITES | _SUBMITS | _APPROVES:
            return (0, 0), ()
        groups = await self._all()
        try:
            if order.action in _WRITES:
                return reach_of(content, groups.values(), await self._who_taps()), ()
            if order.action in _SUBMITS:
                ids = freeze(groups.values(), content.audience)
                self._fresh[digest_of(ids)] = ids
            else:
                ids = await self._frozen(content.audience.frozen)
        except ExpressionError as error:
            raise Denied("expression", error.message("en")) from error
        return frozen_reach(content, still_there(ids, groups), await self._who_taps()), ids

    async def _frozen(self, digest: str) -> tuple[str, ...]:
        """The groups frozen under ``digest``; none if it is not on file, and then nobody is reached."""
        if not digest or digest in self._fresh:
            return self._fresh.get(digest, ())
        return await self._desk.releases.audience(digest) or ()

    async def _all(self) -> dict[str, e.Group]:
        if self._groups is None:
            self._groups = await self._desk.directory.groups()
        return self._groups

    async def _who_taps(self) -> Tappers:
        if self._tappers is None:
            self._tappers = Tappers(await self._desk.directory.people())
        return self._tappers


def _frozen(order: Order, group_ids: tuple[str, ...]) -> e.AudienceFrozen:
    return e.AudienceFrozen(
        event_id=e.derive_id(order.decision_id, "frozen"), at=order.at, alert_id=order.alert_id,
        digest=digest_of(group_ids), group_ids=group_ids,
    )  # fmt: skip


def _refusal(order: Order, denied: Denied) -> e.DecisionRefused:
    write = log.error if order.role is Role.SYSTEM and order.action is Action.DRAFT else log.info
    write("decision refused", extra={"action": order.action, "code": denied.code, "alert": order.alert_id})
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
    """Events that follow from a change: the release, and the patterns that the library learns or retires."""
    if order.action is Action.APPROVE:
        return [_released("approved", order, after), *_patterns(order, after, retired=False)]
    if order.action is Action.APPROVE_UPDATE:
        return [_released("updated", order, after), *_patterns(order, after, retired=False)]
    if order.action is Action.RECALL:
        return [_released("recalled", order, after), *_patterns(order, after, retired=True)]
    if order.action is Action.EXPIRE and before is not None and before.state in RELEASED:
        return [_released("expired", order, after)]
    return []


def _released(
    kind: Literal["approved", "updated", "recalled", "expired"], order: Order, alert: Alert
) -> e.AlertReleased:
    content = alert.content
    release = e.Release(
        alert_id=alert.alert_id, version=alert.version, title=content.title, text=content.text,
        correction=content.correction, audience=content.audience, channels=content.channels,
        severity=content.severity, expires_at=content.expires_at, approved_at=alert.approved_at or order.at,
        exercise=content.exercise, groups=alert.reach_groups, override=content.override,
        clearances=content.clearances,
    )  # fmt: skip
    return e.AlertReleased(
        event_id=e.derive_id(order.decision_id, kind),
        at=order.at,
        kind=kind,
        release=release,
    )


def _patterns(order: Order, alert: Alert, *, retired: bool) -> list[e.Event]:
    """The exemplars of the cluster become patterns; a recall retires them, an exercise makes none."""
    if alert.origin.cluster_id is None or alert.content.exercise:
        return []
    return [
        e.PatternChanged(
            event_id=e.derive_id(order.decision_id, "pattern", str(n)), at=order.at,
            pattern_id=f"{alert.alert_id}-{n}", fraud_type=alert.origin.fraud_type,
            title=scam_of(alert.content.title), text=from_masked(text), alert_id=alert.alert_id,
            retired=retired,
        )
        for n, text in enumerate(alert.origin.examples)
    ]  # fmt: skip
