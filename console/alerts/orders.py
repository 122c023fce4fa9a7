"""Building an order on an alert from a form, and whether it comes too late or is sure to be refused.

The decision's id comes with the page, so a second submission is the same decision.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from console.alerts.names import clearings_of
from console.web.submission import REASON_LIMIT, BadForm, Form, decision_id_of
from fenghuo import clock
from fenghuo.domain.alert import (
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
from fenghuo.domain.alert_lifecycle import affected_content, decide
from fenghuo.domain.channels import GROUP_CHANNELS
from fenghuo.domain.events import Person
from fenghuo.errors import Denied

_TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
SEVERITIES = ("moderate", "severe")


def order_from_form(
    action: Action,
    alert_id: str,
    person: Person,
    form: Form,
    *,
    content: Content | None = None,
    origin: Origin | None = None,
) -> Order:
    """The order that ``form`` asks for; BadForm if none of our pages sends such a form."""
    return Order(
        decision_id=decision_id_of(form),
        alert_id=AlertId(alert_id),
        action=action,
        actor=PersonId(person.person_id),
        role=person.role,
        at=clock.now(),
        content=content,
        origin=origin,
        seen_hash=form.get("seen_hash") or None,
        seen_revision=_integer(form.get("seen_revision")),
        reason=(form.get("reason") or "").strip()[:REASON_LIMIT] or None,
        clears=clearings_of(form),
    )


def _integer(text: str | None) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"\d{1,9}", text):
        raise BadForm("not a whole number")
    return int(text)


def content_from_form(base: Content, form: Form, towns: Sequence[str], channels: Sequence[str]) -> Content:
    """``base`` with what was typed; the expiry is given in whole hours from now.

    A form without a choice of channels leaves them as they are.
    """
    hours = _integer(form.get("hours")) or 0
    severity = form.get("severity", base.severity)
    return msgspec.structs.replace(
        base,
        title=_clean_text(form.get("title", "")),
        text=_clean_text(form.get("text", "")),
        correction=_clean_text(form.get("correction", "")),
        audience=_audience_of(base, form, towns),
        channels=tuple(x for x in GROUP_CHANNELS if x in channels)
        if "with_channels" in form
        else base.channels,
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


def _clean_text(text: str) -> str:
    """``text`` with plain line ends and without characters that XML cannot carry, such as control characters,
    or that turn the direction of writing.

    So residents, feeds and the check code have exactly the same text.
    """
    plain = text.replace("\r\n", "\n")
    return "".join(
        x
        for x in plain
        if x in "\n\t" or (unicodedata.category(x) not in {"Cc", "Cn", "Cs"} and x not in _TURNS)
    ).strip()


def refusal_of(alert: Alert | None, order: Order) -> Denied | None:
    """Why ``order`` is sure to be refused, found here so that typed text is not lost; None if it is not."""
    try:
        decide(alert, order, findings=(), reach=(1, 1), frozen="-")
    except Denied as denied:
        return denied
    return None


def is_stale(alert: Alert, order: Order) -> bool:
    """Whether the alert has changed since the page was shown; an order already applied is not stale.

    To be called before ``decide``, which would only say that the action is not possible in the new state.
    """
    if order.decision_id in alert.decisions:
        return False
    changed = order.seen_revision is not None and order.seen_revision != alert.revision
    return changed or (
        order.seen_hash is not None and order.seen_hash != content_hash(affected_content(alert, order.action))
    )
