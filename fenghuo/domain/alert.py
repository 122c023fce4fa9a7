"""An alert and its state machine as data: the states, the transitions, and the roles that may take them.

``fenghuo.domain.alert_lifecycle`` applies the table.
"""

import hashlib
from collections.abc import Iterable
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
"""Characters of a warning or a correction; with the foot that ``warning_text`` adds, 350 go out."""
TITLE_LIMIT = 40
LONGEST_LIFE = timedelta(days=7)
OVERRIDE_LENGTHS = (10, 200)
"""Characters of the reason for which a severe warning overrides the limits of warnings."""
CLEARANCE_LENGTHS = (4, 100)
"""Characters of the reason for which a person clears a mention."""
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
    CLEAR = "clear"
    SUBMIT = "submit"
    APPROVE = "approve"
    RETURN = "return"
    REJECT = "reject"
    BEGIN = "begin"
    COMPLETE = "complete"
    RECALL = "recall"
    EXPIRE = "expire"
    UPDATE = "update"
    CLEAR_UPDATE = "clear_update"
    SUBMIT_UPDATE = "submit_update"
    APPROVE_UPDATE = "approve_update"
    DROP_UPDATE = "drop_update"


UPDATING = frozenset(
    {
        Action.UPDATE,
        Action.CLEAR_UPDATE,
        Action.SUBMIT_UPDATE,
        Action.APPROVE_UPDATE,
        Action.DROP_UPDATE,
    }
)
"""Actions on the new version of a released warning; until it is approved the old version alone is in
force."""


class Role(StrEnum):
    RESIDENT = "resident"
    OFFICER = "officer"
    ANALYST = "analyst"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    SYSTEM = "system"


RELEASED = frozenset({State.APPROVED, State.BROADCASTING, State.COMPLETED})
"""States in which the warning is in force: residents have it or are getting it."""

TRANSITIONS: dict[tuple[State | None, Action], State] = {
    (None, Action.DRAFT): State.DRAFT,
    (State.DRAFT, Action.EDIT): State.DRAFT,
    (State.RETURNED, Action.EDIT): State.DRAFT,
    (State.SUBMITTED, Action.EDIT): State.DRAFT,
    (State.DRAFT, Action.CLEAR): State.DRAFT,
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
    **{
        (state, action): state
        for state in sorted(RELEASED)
        for action in sorted(UPDATING - {Action.APPROVE_UPDATE})
    },
    **{(state, Action.APPROVE_UPDATE): State.APPROVED for state in sorted(RELEASED)},
}
"""(state before, action) to state after; everything else is refused."""

ALLOWED_ROLES: dict[Action, frozenset[Role]] = {
    Action.DRAFT: frozenset({Role.ANALYST, Role.APPROVER, Role.SYSTEM}),
    Action.EDIT: frozenset({Role.ANALYST, Role.APPROVER}),
    Action.CLEAR: frozenset({Role.ANALYST, Role.APPROVER}),
    Action.SUBMIT: frozenset({Role.ANALYST, Role.APPROVER}),
    Action.APPROVE: frozenset({Role.APPROVER}),
    Action.RETURN: frozenset({Role.APPROVER}),
    Action.REJECT: frozenset({Role.ANALYST, Role.APPROVER}),
    Action.RECALL: frozenset({Role.APPROVER}),
    Action.BEGIN: frozenset({Role.SYSTEM}),
    Action.COMPLETE: frozenset({Role.SYSTEM}),
    Action.EXPIRE: frozenset({Role.SYSTEM}),
    Action.UPDATE: frozenset({Role.ANALYST, Role.APPROVER}),
    Action.CLEAR_UPDATE: frozenset({Role.ANALYST, Role.APPROVER}),
    Action.SUBMIT_UPDATE: frozenset({Role.ANALYST, Role.APPROVER}),
    Action.APPROVE_UPDATE: frozenset({Role.APPROVER}),
    Action.DROP_UPDATE: frozenset({Role.ANALYST, Role.APPROVER}),
}
"""The roles that may take each action; checked where the order is applied, not only on the page."""

NEEDS_REASON = frozenset({Action.RETURN, Action.REJECT, Action.RECALL, Action.DROP_UPDATE})
ENDED = frozenset({State.REJECTED, State.RECALLED, State.EXPIRED})
"""States after which the same pattern may be drafted again."""


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """Who is warned: the groups of ``district`` (of ``towns`` only, if any are named) that match
    ``expression``.

    ``frozen`` is the digest of the groups that matched at the submission (AudienceFrozen lists them).
    """

    district: str
    towns: tuple[str, ...] = ()
    expression: str = ""
    frozen: str = ""


class Mention(msgspec.Struct, frozen=True, kw_only=True):
    """A name in a warning that may be somebody honest's; it goes out only after a person has cleared it.

    It is bound to its ``sentence``: if that is changed, it is another mention and needs a new clearance.
    """

    kind: str
    """person, school, shop, firm, bank or domain."""
    value: str
    sentence: str

    @property
    def key(self) -> str:
        """Twelve hex digits that stand for the very mention in forms and orders."""
        return hashlib.sha256("\n".join((self.kind, self.value, self.sentence)).encode()).hexdigest()[:12]


class Clearance(msgspec.Struct, frozen=True, kw_only=True):
    """That a person has looked into a mention and lets it stand, and why; part of what an approval is
    bound to."""

    mention: Mention
    reason: str
    by: PersonId
    at: Moment


class Clearing(msgspec.Struct, frozen=True, kw_only=True):
    """A person's wish to clear the mention with ``key``, for ``reason``."""

    key: str
    reason: str


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What an approval is bound to, by the hash of its bytes."""

    title: str
    text: str
    correction: str
    audience: Audience
    channels: tuple[str, ...]
    severity: str
    expires_at: Moment
    exercise: bool = False
    override: str = ""
    """Why a severe warning also goes to groups that have reached their limit of warnings."""
    clearances: tuple[Clearance, ...] = ()
    """Written by ``decide`` alone: what an order's content says of them is not believed."""

    def uncleared(self, mentions: Iterable[Mention]) -> tuple[Mention, ...]:
        """Those of ``mentions`` that nobody has cleared."""
        cleared = {clearance.mention for clearance in self.clearances}
        return tuple(x for x in mentions if x not in cleared)


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """A new version of a released warning, on its way to approval; the old one stays in force until then."""

    content: Content
    created_by: PersonId
    edited_by: PersonId
    edited_at: Moment
    submitted_by: PersonId | None = None
    submitted_at: Moment | None = None
    findings: tuple[str, ...] = ()
    reach_groups: int = 0
    reach_residents: int = 0
    mentions: tuple[Mention, ...] = ()


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Why the alert was drafted: its cluster or pattern, and the facts at that time."""

    first_report_at: Moment
    fraud_type: str
    cluster_id: str | None = None
    pattern_id: str | None = None
    reports: int = 0
    towns: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    """Masked texts of the exemplars, from which patterns are made at release."""
    counted: tuple[str, ...] = ()
    """Of a surge: the reports it was drafted from (the latest 50), which do not count as sightings."""
    by_town: tuple[tuple[str, int], ...] = ()
    """Distinct reporters in each town, most first; at most 20."""
    by_group: tuple[tuple[str, int], ...] = ()
    """Distinct reporters in each group (its id), most first; at most 20."""
    credibility_flags: tuple[str, ...] = msgspec.field(default=(), name="doubts")
    """Why its reporters may not be who they claim to be, as on the cluster."""
    window_s: int = 0
    """Of a surge: the seconds in which ``reporters`` came."""
    reporters: int = 0
    """Of a surge: the distinct reporters that count in the window."""
    usual: float = 0.0
    """Of a surge: the reporters expected in the window from its own past."""


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert after ``revision`` changes; ``version`` counts the releases."""

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
    """What the release check objects to, each ``code: excerpt`` or ``code``; a submission needs none."""
    reach_groups: int = 0
    reach_residents: int = 0
    update: Update | None = None
    decisions: tuple[str, ...] = ()
    mentions: tuple[Mention, ...] = ()
    """The names in its content; a submission needs a clearance of each."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What one person orders for one alert; the body of a DecisionMade event."""

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
    """The version that a BEGIN or COMPLETE is for; 0: none named."""
    clears: tuple[Clearing, ...] = ()
    """The mentions that a CLEAR or CLEAR_UPDATE lets stand."""


def content_hash(content: Content) -> str:
    """SHA-256 (64 hex digits) over the canonical bytes of ``content``; what an approval is bound to.

    A content without clearances has the bytes that it had before there were any.
    """
    fields = msgspec.to_builtins(content)
    if not content.clearances:
        del fields["clearances"]
    return hashlib.sha256(msgspec.json.encode(fields)).hexdigest()


def check_code(alert_id: str, version: int, text: str) -> str:
    """Eight hex digits by which a resident can compare a warning with the official copy."""
    return hashlib.sha256(f"{alert_id}\n{version}\n{text}".encode()).hexdigest()[:8].upper()
