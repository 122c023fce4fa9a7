"""Events of alerts: decisions, changes, releases, frozen audiences, learned patterns."""

from typing import Annotated, Literal

import msgspec

from fenghuo.domain.alert import Action, Alert, AlertId, Audience, Clearance, Moment, Order, Role
from fenghuo.domain.events.base import Event


class DecisionMade(Event, frozen=True, kw_only=True, tag="DecisionMade"):
    order: Order


class AlertChanged(Event, frozen=True, kw_only=True, tag="AlertChanged"):
    alert: Alert
    decision_id: str
    action: Action
    actor: str
    role: Role


class DecisionRefused(Event, frozen=True, kw_only=True, tag="DecisionRefused"):
    alert_id: AlertId
    decision_id: str
    action: Action
    actor: str
    code: str
    message: str


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """What goes out: the text as residents read it, and whom it is for."""

    alert_id: AlertId
    version: int
    title: str
    text: str
    correction: str
    audience: Audience
    channels: tuple[str, ...]
    severity: str
    expires_at: Moment
    approved_at: Moment
    exercise: bool = False
    groups: int = 0
    override: str = ""
    clearances: tuple[Clearance, ...] = ()
    """Of the names in the text: by whom, and why."""


class AlertReleased(Event, frozen=True, kw_only=True, tag="AlertReleased"):
    kind: Literal["approved", "updated", "recalled", "expired"]
    release: Release


class AudienceFrozen(Event, frozen=True, kw_only=True, tag="AudienceFrozen"):
    """The groups that an audience meant when it was submitted; ``digest`` stands in the approved content."""

    alert_id: AlertId
    digest: str
    group_ids: tuple[str, ...]
    """Sorted."""


class PatternChanged(Event, frozen=True, kw_only=True, tag="PatternChanged"):
    pattern_id: Annotated[str, msgspec.Meta(min_length=1)]
    fraud_type: str
    title: str
    text: str
    alert_id: AlertId | None = None
    retired: bool = False
