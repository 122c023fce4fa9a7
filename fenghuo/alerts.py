"""An alert and its life: the transition table as data, and the pure ``decide`` that walks it.

Two persons stand behind every warning: whoever created, last edited or submitted it may not approve it,
and an approval is bound to the exact content by its hash.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, NewType

import msgspec

from fenghuo.errors import Denied

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""An aware time; one without a zone is refused where it is read."""
AlertId = NewType("AlertId", str)
PersonId = NewType("PersonId", str)

SYSTEM = PersonId("system")
TEXT_LIMIT = 310
"""Characters of a warning or a correction; with the foot that fenghuo.warning adds, 350 go out."""
TITLE_LIMIT = 40
LONGEST_LIFE = timedelta(days=7)
REMEMBERED_DECISIONS = 32


class State(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    BROADCASTING = "broadcasting"
    COMPLETED = "completed"
    RETURNED = "returned"
    REJECTED = "rejected"
    RECALLED = "recalled"
    EXPIRED = "expired"


class Action(StrEnum):
    DRAFT = "draft"
    EDIT = "edit"
    SUBMIT = "submit"
    APPROVE = "approve"
    RETURN = "return"
    REJECT = "reject"
    BEGIN = "begin"
    COMPLETE = "complete"
    RECALL = "recall"
    EXPIRE = "expire"
    UPDATE = "update"
    SUBMIT_UPDATE = "submit_update"
    APPROVE_UPDATE = "approve_update"
    DROP_UPDATE = "drop_update"


class Role(StrEnum):
    RESIDENT = "resident"
    OFFICER = "officer"
    ANALYST = "analyst"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    SYSTEM = "system"


LIFE: dict[tuple[State | None, Action], State] = {
    (None, Action.DRAFT): State.DRAFT,
    (State.DRAFT, Action.EDIT): State.DRAFT,
    (State.RETURNED, Action.EDIT): State.DRAFT,
    (State.SUBMITTED, Action.EDIT): State.DRAFT,
    (State.DRAFT, Action.SUBMIT): State.SUBMITTED,
    (State.SUBMITTED, Action.APPROVE): State.APPROVED,
    (State.SUBMITTED, Action.RETURN): State.RETURNED,
    (State.SUBMITTED, Action.REJECT): State.REJECTED,
    (State.RETURNED, Action.REJECT): State.REJECTED,
    (State.DRAFT, Action.REJECT): State.REJECTED,
    (State.APPROVED, Action.BEGIN): State.BROADCASTING,
    (State.APPROVED, Action.COMPLETE): State.COMPLETED,
    (State.BROADCASTING, Action.COMPLETE): State.COMPLETED,
    (State.APPROVED, Action.RECALL): State.RECALLED,
    (State.BROADCASTING, Action.RECALL): State.RECALLED,
    (State.COMPLETED, Action.RECALL): State.RECALLED,
    (State.EXPIRED, Action.RECALL): State.RECALLED,
    (State.DRAFT, Action.EXPIRE): State.EXPIRED,
    (State.RETURNED, Action.EXPIRE): State.EXPIRED,
    (State.SUBMITTED, Action.EXPIRE): State.EXPIRED,
    (State.APPROVED, Action.EXPIRE): State.EXPIRED,
    (State.BROADCASTING, Action.EXPIRE): State.EXPIRED,
    (State.COMPLETED, Action.EXPIRE): State.EXPIRED,
}
"""(state before, action) to state after; whatever is not here is refused."""

MAY: dict[Action, frozenset[Role]] = {
    Action.DRAFT: frozenset({Role.ANALYST, Role.APPROVER, Role.SYSTEM}),
    Action.EDIT: frozenset({Role.ANALYST, Role.APPROVER}),
    Action.SUBMIT: frozenset({Role.ANALYST, Role.APPROVER}),
    Action.APPROVE: frozenset({Role.APPROVER}),
    Action.RETURN: frozenset({Role.APPROVER}),
    Action.REJECT: frozenset({Role.ANALYST, Role.APPROVER}),
    Action.RECALL: frozenset({Role.APPROVER}),
    Action.BEGIN: frozenset({Role.SYSTEM}),
    Action.COMPLETE: frozenset({Role.SYSTEM}),
    Action.EXPIRE: frozenset({Role.SYSTEM}),
}
"""Who may take each action; checked where it is applied, whatever a page showed."""

NEEDS_REASON = frozenset({Action.RETURN, Action.REJECT, Action.RECALL})
RELEASED = frozenset({State.APPROVED, State.BROADCASTING, State.COMPLETED})
"""States in which the warning stands: residents have it or are getting it."""
ENDED = frozenset({State.REJECTED, State.RECALLED, State.EXPIRED})
"""States after which the same pattern may be drafted again."""


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """Who is warned: every group of ``district``, or those of ``towns`` when any are named, that
    ``expression`` means.

    ``frozen`` is the digest of the groups that this meant when it was submitted (AudienceFrozen has them).
    """

    district: str
    towns: tuple[str, ...] = ()
    expression: str = ""
    frozen: str = ""


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What an approval is bound to, byte by byte."""

    title: str
    text: str
    correction: str
    audience: Audience
    channels: tuple[str, ...]
    severity: str
    expires_at: Moment
    exercise: bool = False
    override: str = ""
    """Why a severe warning also goes to groups that have had their share of warnings."""


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """A new version of a released warning, on its way to approval; the old one stands meanwhile."""

    content: Content
    edited_by: PersonId
    edited_at: Moment
    submitted_by: PersonId | None = None
    submitted_at: Moment | None = None
    findings: tuple[str, ...] = ()
    reach_groups: int = 0
    reach_residents: int = 0


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Why the alert was drafted: its cluster or pattern, and what was known of it then."""

    first_report_at: Moment
    fraud_type: str
    cluster_id: str | None = None
    pattern_id: str | None = None
    reports: int = 0
    towns: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    """Masked texts of the exemplars, from which patterns are made at release."""
    counted: tuple[str, ...] = ()
    """Of a surge: the reports it was drafted from (the latest 50), which are no sightings of it."""
    by_town: tuple[tuple[str, int], ...] = ()
    """Distinct reporters in each town, most first; at most 20."""
    by_group: tuple[tuple[str, int], ...] = ()
    """Distinct reporters in each group (its id), most first; at most 20."""
    doubts: tuple[str, ...] = ()
    """Why its reporters may not be what they seem, as on the cluster."""
    window_s: int = 0
    """Of a surge: the seconds in which ``reporters`` came."""
    reporters: int = 0
    """Of a surge: the distinct reporters that count in the window."""
    usual: float = 0.0
    """Of a surge: the reporters that its own past leads one to expect in the window."""


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert as it stands after ``revision`` changes; ``version`` counts what was released."""

    alert_id: AlertId
    revision: int
    version: int
    state: State
    content: Content
    origin: Origin
    created_by: PersonId
    created_at: Moment
    changed_at: Moment
    edited_by: PersonId | None = None
    submitted_by: PersonId | None = None
    submitted_at: Moment | None = None
    approved_by: PersonId | None = None
    approved_at: Moment | None = None
    approved_hash: str | None = None
    completed_at: Moment | None = None
    reason: str | None = None
    findings: tuple[str, ...] = ()
    """What the release linter objects to, each ``code: excerpt``; a submission needs none."""
    reach_groups: int = 0
    reach_residents: int = 0
    update: Update | None = None
    decisions: tuple[str, ...] = ()


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What one person asks of one alert; the body of a DecisionMade event."""

    decision_id: str
    alert_id: AlertId
    action: Action
    actor: PersonId
    role: Role
    at: Moment
    content: Content | None = None
    origin: Origin | None = None
    seen_hash: str | None = None
    seen_revision: int | None = None
    reason: str | None = None


def content_hash(content: Content) -> str:
    """SHA-256 (64 hex digits) over the canonical bytes of ``content``; what an approval is bound to."""
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()


def check_code(alert_id: str, version: int, text: str) -> str:
    """Eight hex digits by which a resident can hold a warning against the official copy."""
    return hashlib.sha256(f"{alert_id}\n{version}\n{text}".encode()).hexdigest()[:8].upper()


def decide(alert: Alert | None, order: Order, *, findings: Sequence[str], reach: tuple[int, int]) -> Alert:
    """The alert after ``order``, or Denied.

    ``findings`` are the linter's objections to the content the alert would then have; ``reach`` is the
    (groups, residents) of its audience. Pure: the time is the order's own, so a redelivered order gives the
    same answer. An order already applied returns the alert unchanged.
    """
    if alert is not None and order.decision_id in alert.decisions:
        return alert
    after = _next_state(alert, order)
    _check_person(order)
    if alert is None:
        return _create(order, findings, reach)
    _check_fresh(alert, order)
    changes = _CHANGES.get(order.action, _keep)(alert, order, tuple(findings), reach)
    return msgspec.structs.replace(
        alert,
        state=after,
        revision=alert.revision + 1,
        changed_at=order.at,
        reason=order.reason,
        decisions=(*alert.decisions, order.decision_id)[-REMEMBERED_DECISIONS:],
        **changes,
    )


def _next_state(alert: Alert | None, order: Order) -> State:
    before = alert.state if alert else None
    after = LIFE.get((before, order.action))
    if after is None:
        if alert is None:
            raise Denied("no_such_alert", f"there is no alert {order.alert_id}")
        raise Denied("not_now", f"{order.action} is not possible while the alert is {before}")
    return after


def _check_person(order: Order) -> None:
    if order.role not in MAY[order.action]:
        raise Denied("wrong_role", f"{order.role} may not {order.action}")
    if order.action in NEEDS_REASON and not (order.reason or "").strip():
        raise Denied("reason_missing", f"{order.action} needs a reason")


def _check_fresh(alert: Alert, order: Order) -> None:
    if order.seen_revision is not None and order.seen_revision != alert.revision:
        raise Denied("stale", "the alert has changed since the page was shown")
    if order.seen_hash is not None and order.seen_hash != content_hash(alert.content):
        raise Denied("stale", "the content has changed since the page was shown")


def _create(order: Order, findings: Sequence[str], reach: tuple[int, int]) -> Alert:
    if order.content is None or order.origin is None:
        raise Denied("content_missing", "a draft needs content and origin")
    _check_content(order.content, order.at)
    return Alert(
        alert_id=order.alert_id, revision=1, version=1, state=State.DRAFT,
        content=order.content, origin=order.origin, created_by=order.actor,
        created_at=order.at, changed_at=order.at, findings=tuple(findings),
        reach_groups=reach[0], reach_residents=reach[1], decisions=(order.decision_id,),
    )  # fmt: skip


def _check_content(content: Content, at: datetime) -> None:
    if not content.title.strip() or len(content.title) > TITLE_LIMIT:
        raise Denied("title_length", f"the title has 1 to {TITLE_LIMIT} characters")
    for text in (content.text, content.correction):
        if not text.strip() or len(text) > TEXT_LIMIT:
            raise Denied("text_length", f"warning and correction have 1 to {TEXT_LIMIT} characters each")
    if not at < content.expires_at <= at + LONGEST_LIFE:
        raise Denied("expiry", f"the expiry lies ahead, within {LONGEST_LIFE.days} days")
    if not content.channels:
        raise Denied("channels", "at least one channel is needed")


_Changes = dict[str, object]


def _keep(_alert: Alert, _order: Order, _findings: tuple[str, ...], _reach: tuple[int, int]) -> _Changes:
    return {}


def _edit(alert: Alert, order: Order, findings: tuple[str, ...], reach: tuple[int, int]) -> _Changes:
    if order.content is None:
        raise Denied("content_missing", "an edit needs content")
    if order.content.exercise != alert.content.exercise:
        raise Denied("exercise", "an exercise can never become live, nor a live alert an exercise")
    _check_content(order.content, order.at)
    return {
        "content": order.content, "findings": findings, "edited_by": order.actor,
        "reach_groups": reach[0], "reach_residents": reach[1],
        "submitted_by": None, "submitted_at": None,
    }  # fmt: skip


def _submit(alert: Alert, order: Order, findings: tuple[str, ...], reach: tuple[int, int]) -> _Changes:
    _check_content(alert.content, order.at)
    _check_releasable(findings, reach)
    return {
        "submitted_by": order.actor, "submitted_at": order.at, "findings": findings,
        "reach_groups": reach[0], "reach_residents": reach[1],
    }  # fmt: skip


def _approve(alert: Alert, order: Order, findings: tuple[str, ...], reach: tuple[int, int]) -> _Changes:
    if order.seen_hash is None:
        raise Denied("hash_missing", "an approval names the content it approves")
    if order.actor in {alert.created_by, alert.edited_by, alert.submitted_by}:
        raise Denied("same_person", "whoever wrote or submitted the warning cannot approve it")
    _check_content(alert.content, order.at)
    _check_releasable(findings, reach)
    return {
        "approved_by": order.actor, "approved_at": order.at, "approved_hash": content_hash(alert.content),
        "findings": findings, "reach_groups": reach[0], "reach_residents": reach[1],
    }  # fmt: skip


def _check_releasable(findings: tuple[str, ...], reach: tuple[int, int]) -> None:
    if findings:
        raise Denied(
            "findings", "the text still holds something that must not go out: " + "; ".join(findings)
        )
    if reach[0] == 0:
        raise Denied("nobody", "the audience has no group")


def _complete(_alert: Alert, order: Order, _findings: tuple[str, ...], _reach: tuple[int, int]) -> _Changes:
    return {"completed_at": order.at}


def _recall(alert: Alert, _order: Order, _findings: tuple[str, ...], _reach: tuple[int, int]) -> _Changes:
    if alert.approved_by is None:
        raise Denied("not_now", "what never went out cannot be recalled")
    return {}


_CHANGES = {
    Action.RECALL: _recall,
    Action.EDIT: _edit,
    Action.SUBMIT: _submit,
    Action.APPROVE: _approve,
    Action.COMPLETE: _complete,
}
