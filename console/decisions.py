"""From a form to a settled decision: builds the order, publishes it, waits for what came of it.

Writes decisions.made; what people say of clusters (console.correcting) and of urgent reports
(console.handling) goes the same way to its topic.
The decision's id was made with the page, so a second press is the same decision.
"""

import asyncio
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import uuid4

import msgspec

from console.house import House
from fenghuo import clock
from fenghuo.alerts import (
    Action,
    Alert,
    AlertId,
    Audience,
    Content,
    Order,
    Origin,
    PersonId,
    content_hash,
)
from fenghuo.audience import CHANNELS
from fenghuo.deciding import at_stake, decide
from fenghuo.errors import Denied, Unavailable
from fenghuo.events import ClusterCorrected, DecisionMade, Person, UrgentHandled

WAIT_S = 3.0
"""How long a page waits for its decision to settle before it says that it is under way."""
_LOOK_EVERY_S = 0.05
_ID = re.compile(r"[0-9a-f]{32}")
SEVERITIES = ("moderate", "severe")

Form = Mapping[str, str]


REASON_LIMIT = 500


class BadForm(ValueError):
    """A form without what our own pages put into it: nothing was done."""


def new_id() -> str:
    return uuid4().hex


def is_id(text: str) -> bool:
    """Whether ``text`` is an id that a page of ours made."""
    return _ID.fullmatch(text) is not None


def id_of(form: Form) -> str:
    """The decision's id that our page put into ``form``; BadForm without one."""
    decision_id = form.get("decision_id", "")
    if not is_id(decision_id):
        raise BadForm("no decision_id")
    return decision_id


def order_of(
    action: Action,
    alert_id: str,
    person: Person,
    form: Form,
    *,
    content: Content | None = None,
    origin: Origin | None = None,
) -> Order:
    """The order that ``form`` asks for; BadForm when it does not come from one of our pages."""
    decision_id = id_of(form)
    return Order(
        decision_id=decision_id,
        alert_id=AlertId(alert_id),
        action=action,
        actor=PersonId(person.person_id),
        role=person.role,
        at=clock.now(),
        content=content,
        origin=origin,
        seen_hash=form.get("seen_hash") or None,
        seen_revision=_whole(form.get("seen_revision")),
        reason=(form.get("reason") or "").strip()[:REASON_LIMIT] or None,
    )


def _whole(text: str | None) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"\d{1,9}", text):
        raise BadForm("not a whole number")
    return int(text)


def content_of(base: Content, form: Form, towns: Sequence[str], channels: Sequence[str]) -> Content:
    """``base`` with what was typed; the expiry is counted from now, in whole hours. A form that shows no
    channels leaves them as they are."""
    hours = _whole(form.get("hours")) or 0
    severity = form.get("severity", base.severity)
    return msgspec.structs.replace(
        base,
        title=_lines(form.get("title", "")),
        text=_lines(form.get("text", "")),
        correction=_lines(form.get("correction", "")),
        audience=_audience_of(base, form, towns),
        channels=tuple(x for x in CHANNELS if x in channels) if "with_channels" in form else base.channels,
        severity=severity if severity in SEVERITIES else base.severity,
        expires_at=clock.now() + timedelta(hours=hours),
        override=" ".join(form.get("override", base.override).split()),
    )


def _audience_of(base: Content, form: Form, towns: Sequence[str]) -> Audience:
    reach = form.get("reach")
    return Audience(
        district=base.audience.district,
        towns=tuple(sorted(towns)) if reach == "towns" else (),
        expression=form.get("expression", "").strip() if reach == "expression" else "",
    )


def _lines(text: str) -> str:
    """``text`` with plain line ends and without what no document can carry (control characters and the
    like), so that residents, feeds and the check code have one and the same text."""
    plain = text.replace("\r\n", "\n")
    return "".join(
        x for x in plain if x in "\n\t" or unicodedata.category(x) not in {"Cc", "Cn", "Cs"}
    ).strip()


def refusal_of(alert: Alert | None, order: Order) -> Denied | None:
    """Why ``order`` is sure to be refused (judged here so that typed text is not lost), or None."""
    try:
        decide(alert, order, findings=(), reach=(1, 1), frozen="-")
    except Denied as denied:
        return denied
    return None


def is_stale(alert: Alert, order: Order) -> bool:
    """Whether the page showed something else than what stands now; an order already applied is not stale.

    Asked before ``decide`` is: it would rather say that the action is not possible in the new state.
    """
    if order.decision_id in alert.decisions:
        return False
    moved = order.seen_revision is not None and order.seen_revision != alert.revision
    return moved or (
        order.seen_hash is not None and order.seen_hash != content_hash(at_stake(alert, order.action))
    )


async def settle(house: House, said: DecisionMade | ClusterCorrected | UrgentHandled) -> str | None:
    """Publish what was decided unless it is settled already; its code ("ok" or why not), None if under way.

    Raises Unavailable or Crowded when the broker did not take it: then nothing was decided.
    """
    settled = await house.desk.decision(said.event_id)
    if settled is not None:
        return settled[0]
    if not house.started():
        raise Unavailable("the room is still starting")
    await house.transport.publish([said])
    try:
        async with asyncio.timeout(WAIT_S):
            return await _outcome(house, said.event_id)
    except (TimeoutError, Unavailable):
        return None


async def _outcome(house: House, decision_id: str) -> str:
    while True:
        settled = await house.desk.decision(decision_id)
        if settled is not None:
            return settled[0]
        await asyncio.sleep(_LOOK_EVERY_S)
