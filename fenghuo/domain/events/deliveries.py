"""Events of delivering: parts, requests, tasks, receipts, taps, notices, halts, dead letters."""

from enum import StrEnum
from typing import Literal

import msgspec

from fenghuo.domain.alert import AlertId, Moment
from fenghuo.domain.events.base import Event


class DeliveryState(StrEnum):
    """Where one (alert version, group) stands; the same words on every screen and in every file."""

    REQUESTED = "requested"
    HANDED_OVER = "handed_over"
    WAITING = "waiting"
    SHOWN = "shown"
    ACCEPTED = "accepted"
    RETRYING = "retrying"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    SUPERSEDED = "superseded"


SETTLED = frozenset(
    {
        DeliveryState.SHOWN,
        DeliveryState.ACCEPTED,
        DeliveryState.REFUSED,
        DeliveryState.UNKNOWN,
        DeliveryState.SUPERSEDED,
    }
)
"""States that no machine will change any more."""


TextKind = Literal["warning", "correction"]


class PartPlanned(Event, frozen=True, kw_only=True, tag="PartPlanned"):
    """Some hundred of a release's groups, in the order in which they get it; its parts follow each other, so
    that the first are sent while the last are still to be written out."""

    alert_id: AlertId
    version: int
    kind: TextKind
    group_ids: tuple[str, ...]
    held: tuple[tuple[str, str], ...] = ()
    """(group, why) of those that have had their share of warnings."""
    came_by: tuple[tuple[str, str], ...] = ()
    """(group, channel): how each got the warning that is corrected."""


class DeliveryRequested(Event, frozen=True, kw_only=True, tag="DeliveryRequested"):
    """Send ``kind`` of (alert, version) to one group; ``delivery_id`` is the same for every attempt."""

    delivery_id: str
    alert_id: AlertId
    version: int
    kind: TextKind
    group_id: str
    channel: str
    attempt: int = 1
    failures: int = 0
    """How many of the earlier attempts failed (the others were only put off)."""
    may_have_arrived: bool = msgspec.field(default=False, name="left")
    """Whether an earlier attempt may have reached the group."""


class TaskRequested(Event, frozen=True, kw_only=True, tag="TaskRequested"):
    """Give ``owner`` one task to send ``kind`` of (alert, version) to ``group_ids``; each is a delivery
    too."""

    task_id: str
    """The same for every attempt."""
    alert_id: AlertId
    version: int
    kind: TextKind
    owner: str
    channel: str
    credential: str
    group_ids: tuple[str, ...]
    attempt: int = 1
    failures: int = 0


class OpenTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task that stands on a platform, waiting for its owner's tap."""

    task_id: str
    platform_id: str
    """What the platform calls it; empty once it could not be made."""
    alert_id: AlertId
    version: int
    kind: TextKind
    owner: str
    sender: str
    """The owner's user id on the platform."""
    channel: str
    credential: str
    chats: tuple[tuple[str, str], ...]
    """(group id, the group's id on the platform)."""
    since: Moment
    due: Moment | None = None
    """When it is to be made (again), while ``platform_id`` is empty."""
    attempt: int = 1
    failures: int = 0
    reminded: int = 0
    closed: bool = False
    revision: int = 0


class TaskChanged(Event, frozen=True, kw_only=True, tag="TaskChanged"):
    """A task was opened, reminded of, or closed (``cause``)."""

    task: OpenTask
    cause: str


class ReceiptRecorded(Event, frozen=True, kw_only=True, tag="ReceiptRecorded"):
    delivery_id: str
    alert_id: AlertId
    version: int
    kind: TextKind
    group_id: str
    channel: str
    state: DeliveryState
    attempt: int
    reason: str = ""
    retry_at: Moment | None = None
    failures: int = 0
    may_have_arrived: bool = msgspec.field(default=False, name="left")
    """Whether this or an earlier attempt may have reached the group: then a recall owes it the correction."""
    cause: str = ""
    """What changed the state: send, tap, undo, poll, plan, recall."""
    by: str = ""
    """The person who tapped."""
    word: int = 0
    """How many taps and undos have changed the state: the later one prevails."""
    since: Moment | None = None
    """When it began to wait for the person who settled it."""
    held: str = ""
    """Why the attempt is postponed: rate, quiet (hours), halted (a task), halted:NAME (a message)."""
    next_channel: str = ""
    """The group's next way, where this one is refused for good."""
    tap_id: str = ""
    """The TapMade that it answers, so that a late repeat of it changes nothing."""


class DeliveriesPlanned(Event, frozen=True, kw_only=True, tag="DeliveriesPlanned"):
    """How many deliveries one release leads to; on the receipts' topic, so that they keep their order."""

    alert_id: AlertId
    version: int
    kind: TextKind
    groups: int


class TapMade(Event, frozen=True, kw_only=True, tag="TapMade"):
    """A person says that one group has it, or (``undo``) takes that back."""

    tap_id: str
    person_id: str
    alert_id: AlertId
    version: int
    kind: TextKind
    group_id: str
    tapped_at: Moment
    """As the person's device said, between the release and the receipt."""
    undo: bool = False


class NoticeRequested(Event, frozen=True, kw_only=True, tag="NoticeRequested"):
    """Tell a person that groups wait for a tap. ``level``: todo (new), remind, deputy, station: to whom the
    groups were opened as well."""

    person_id: str
    alert_id: AlertId
    version: int
    kind: TextKind
    level: Literal["todo", "remind", "deputy", "station"]
    group_ids: tuple[str, ...]
    severity: str = "severe"


class ChannelChanged(Event, frozen=True, kw_only=True, tag="ChannelChanged"):
    """A channel (``name``: ``channel`` or ``channel/credential``) was halted, or resumed by a person."""

    name: str
    halted: bool
    reason: str
    by: str = ""


class DeadLettered(Event, frozen=True, kw_only=True, tag="DeadLettered"):
    """A record that could not be handled, whole, with its reason and where it came from."""

    topic: str
    stage: str
    position: str
    reason: str
    key: str
    value: bytes
