"""The icon of every status: (shape, tone). A status is shown by a word, a shape and a colour.

Tones: quiet, accent (under way), amber (waits for a person), green (residents have it), red (danger).
"""

from enum import StrEnum

from fenghuo.domain.alert import State
from fenghuo.domain.events import DeliveryState, ScamStage

StatusIcon = tuple[str, str]


class TextStatus(StrEnum):
    """Whether a released text is still in force."""

    CURRENT = "current"
    REPLACED = "replaced"
    RECALLED = "recalled"
    EXPIRED = "expired"
    CORRECTION = "correction"
    """The text is itself the correction of a recalled warning."""


ALERT: dict[str, StatusIcon] = {
    State.DRAFT: ("pencil", "amber"),
    State.SUBMITTED: ("hourglass", "amber"),
    State.APPROVED: ("tick", "accent"),
    State.BROADCASTING: ("waves", "accent"),
    State.COMPLETED: ("double", "green"),
    State.RETURNED: ("back", "amber"),
    State.REJECTED: ("cross", "quiet"),
    State.RECALLED: ("stop", "ink"),
    State.EXPIRED: ("dash", "quiet"),
}
DELIVERY: dict[str, StatusIcon] = {
    DeliveryState.SHOWN: ("double", "green"),
    DeliveryState.ACCEPTED: ("tick", "accent"),
    DeliveryState.WAITING: ("hourglass", "amber"),
    DeliveryState.HANDED_OVER: ("waves", "accent"),
    DeliveryState.REQUESTED: ("ring", "quiet"),
    DeliveryState.RETRYING: ("loop", "accent"),
    DeliveryState.UNKNOWN: ("question", "amber"),
    DeliveryState.REFUSED: ("cross", "ink"),
    DeliveryState.SUPERSEDED: ("dash", "quiet"),
}
"""In the order in which they are shown."""
STAGE: dict[str, StatusIcon] = {
    ScamStage.RECEIVED: ("ring", "quiet"),
    ScamStage.IN_CONTACT: ("waves", "amber"),
    ScamStage.MONEY_MOVING: ("triangle", "red"),
    ScamStage.PAID: ("triangle", "red"),
}
VERDICT: dict[str, StatusIcon] = {
    "known": ("tick", "accent"),
    "suggested": ("question", "amber"),
    "new": ("ring", "quiet"),
}
TEXT: dict[str, StatusIcon] = {
    TextStatus.CURRENT: ("tick", "accent"),
    TextStatus.REPLACED: ("loop", "amber"),
    TextStatus.RECALLED: ("stop", "ink"),
    TextStatus.EXPIRED: ("dash", "quiet"),
    TextStatus.CORRECTION: ("back", "accent"),
}
BY_KIND = {"state": ALERT, "delivery": DELIVERY, "stage": STAGE, "verdict": VERDICT, "standing": TEXT}
"""By the section of the words table that names the statuses."""
