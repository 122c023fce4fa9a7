"""An alert and its life as data: its states, what leads from one to the next, and who may do it.

``fenghuo.domain.alert_lifecycle`` walks the table.
"""

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, NewType

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""An aware time; one without a zone is refused where it is read."""
AlertId = NewType("AlertId", str)
PersonId = NewType("PersonId", str)

SYSTEM = PersonId("system")
TEXT_LIMIT = 310
"""Characters of a warning or a correction; with the foot that fenghuo.warning adds, 350 go out."""
TITLE_LIMIT = 40
LONGEST_LIFE = timedelta(days=7)
OVERRIDE_LENGTHS = (10, 200)
"""Characters of the reason for which a severe warning overrides the limits of warnings."""
SEVERE = "severe"
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


UPDATING = frozenset({Action.UPDATE, Action.SUBMIT_UPDATE, Action.APPROVE_UPDATE, Action.DROP_UPDATE})
"""Actions on the new version of a warning that stands; until it is approved the old one stands alone."""


class Role(StrEnum):
    RESIDENT = "resident"
    OFFICER = "officer"
    ANALYST = "analyst"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    SYSTEM = "system"


RELEASED = frozenset({State.APPROVED, State.BROADCASTING, State.COMPLETED})
"""States in which the warning stands: residents have it or are getting it."""

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
    **{(state, action): state for state in RELEASED for action in UPDATING - {Action.APPROVE_UPDATE}},
    **{(state, Action.APPROVE_UPDATE): State.APPROVED for state in RELEASED},
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
    Action.UPDATE: frozenset({Role.ANALYST, Role.APPROVER}),
    Action.SUBMIT_UPDATE: frozenset({Role.ANALYST, Role.APPROVER}),
    Action.APPROVE_UPDATE: frozenset({Role.APPROVER}),
    Action.DROP_UPDATE: frozenset({Role.ANALYST, Role.APPROVER}),
}
"""Who may take each action; checked where it is applied, whatever a page showed."""

NEEDS_REASON = frozenset({Action.RETURN, Action.REJECT, Action.RECALL, Action.DROP_UPDATE})
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
    created_by: PersonId
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
    credibility_flags: tuple[str, ...] = msgspec.field(default=(), name="doubts")
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
    version: int = 0
    """Of a beginning or completion: the version that it is of; 0: none named."""


def content_hash(content: Content) -> str:
    """SHA-256 (64 hex digits) over the canonical bytes of ``content``; what an approval is bound to."""
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()


def check_code(alert_id: str, version: int, text: str) -> str:
    """Eight hex digits by which a resident can hold a warning against the official copy."""
    return hashlib.sha256(f"{alert_id}\n{version}\n{text}".encode()).hexdigest()[:8].upper()
