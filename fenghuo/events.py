"""Every fact that crosses a room's door, as an immutable, tagged struct.

Readers are tolerant: a field they do not know is ignored, a field that is missing takes its default. So
fields are only ever added, with a default; a breaking change is a new topic. Golden samples of each event
stand in tests/contract/golden/.
"""

import hashlib
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from fenghuo.alerts import Action, Alert, AlertId, Audience, Moment, Order, Role
from fenghuo.errors import Poison


class Stage(StrEnum):
    """How far the scam has come with the person who reports it."""

    RECEIVED = "received"
    IN_CONTACT = "in_contact"
    MONEY_MOVING = "money_moving"
    PAID = "paid"


URGENT = frozenset({Stage.MONEY_MOVING, Stage.PAID})
"""Stages that go before an officer at once: within minutes the money can still be stopped."""


class Handled(StrEnum):
    """What an officer did about an urgent report."""

    CONTACTED = "contacted"
    STOPPED = "stopped"
    FALSE_ALARM = "false_alarm"
    OTHER = "other"


class ReporterKind(StrEnum):
    RESIDENT = "resident"
    OFFICER = "officer"
    SYSTEM = "system"


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
Kind = Literal["warning", "correction"]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of all events: ``event_id`` is derived from the input's, so that a repeat carries the same one."""

    event_id: str
    at: Moment


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a report comes from; finer than the town only by the group."""

    district: str
    town: str = ""
    group_id: str | None = None


class ReportReceived(Event, frozen=True, kw_only=True, tag="ReportReceived"):
    report_id: str
    text: str
    place: Place
    reporter: str
    """A keyed pseudonym, never a name or a number."""
    reporter_kind: ReporterKind = ReporterKind.RESIDENT
    stage: Stage = Stage.RECEIVED
    source: str = "api"


class ReportMatched(Event, frozen=True, kw_only=True, tag="ReportMatched"):
    report_id: str
    place: Place
    reporter: str
    stage: Stage
    masked: str
    pattern_id: str
    fraud_type: str
    title: str
    score: float
    evidence: tuple[int, int] | None = None
    alert_id: AlertId | None = None
    versions: tuple[str, str] = ("", "")
    """Of the normaliser and of the library."""


class ReportUnmatched(Event, frozen=True, kw_only=True, tag="ReportUnmatched"):
    report_id: str
    place: Place
    reporter: str
    stage: Stage
    masked: str
    suspicious: bool
    danger: int
    fraud_type: str | None = None
    suggested_pattern: str | None = None
    suggested_title: str = ""
    suggested_score: float = 0.0
    suggested_reasons: tuple[str, ...] = ()
    """Why it is not taken for known: likeness, advice, known_good, refused, no_hook."""
    indicators: tuple[str, ...] = ()
    """Defanged."""
    versions: tuple[str, str] = ("", "")


class UrgentHandled(Event, frozen=True, kw_only=True, tag="UrgentHandled"):
    """A person has seen to an urgent report; of several the first counts."""

    report_id: str
    person_id: str
    outcome: Handled


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One report inside a cluster."""

    report_id: str
    reporter: str
    town: str
    at: Moment
    suspicious: bool = False
    group_id: str | None = None
    new: bool = False
    """Whether its reporter was first heard of only lately (``FENGHUO_NEW_REPORTER_S``)."""


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """What a person said of a cluster: that it is one with another, or that some of its reports are
    another."""

    correction_id: str
    at: Moment
    kind: Literal["merge", "split"]
    actor: str
    reason: str
    other_id: str
    """The cluster that was merged with this one, or that the reports went to or came from."""
    reports: int
    """How many came or went."""


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster as it stands after ``revision`` changes. In ``ClusterChanged`` its ``members`` is empty: each
    comes once."""

    cluster_id: str
    district: str
    revision: int
    first_at: Moment
    last_at: Moment
    exemplars: tuple[str, ...]
    """Masked texts that stand for the others; at most four."""
    reports: int
    reporters: int
    towns: tuple[str, ...]
    danger: int
    suspicious: bool = False
    fraud_type: str | None = None
    alert_id: AlertId | None = None
    indicators: tuple[str, ...] = ()
    """Defanged links and the like, as its messages carry them; at most ten."""
    shared: tuple[str, ...] = ()
    """Clauses that came from several people, so that a warning may quote them; at most eight."""
    members: tuple[Member, ...] = ()
    worst: int = 0
    """The danger of its worst text, 0 to 100."""
    credible: int = 0
    """Those of ``reporters`` that count: new ones that came together count as one."""
    doubts: tuple[str, ...] = ()
    """Why its reporters may not be what they seem: one_reporter (one person again and again), new_reporters
    (many new accounts from one place at once). A mark for people; it withholds nothing by itself."""
    merged_into: str | None = None
    """The cluster that a person said it is one with: it holds nothing any more."""
    apart: tuple[str, ...] = ()
    """Clusters that a person said it is not one with."""
    marks: tuple[int, ...] = ()
    """Hashes of the links and accounts of its messages, as the clusterer compares them; at most ten."""
    related: tuple[str, ...] = ()
    """Clusters that share a link or an account with it, or are nearly alike, for a person to judge; at most
    eight."""
    corrections: tuple[Correction, ...] = ()
    """What persons said of it, the first first; the latest 20."""


class ClusterCorrected(Event, frozen=True, kw_only=True, tag="ClusterCorrected"):
    """A person says that ``other_id`` is one with ``cluster_id``, or that ``report_ids`` of ``cluster_id``
    are a cluster of their own."""

    district: str
    kind: Literal["merge", "split"]
    cluster_id: str
    actor: str
    reason: str
    other_id: str = ""
    report_ids: tuple[str, ...] = ()


class ClusterRedrawn(Event, frozen=True, kw_only=True, tag="ClusterRedrawn"):
    """A cluster after a correction, with all its members; those in ``gone`` are no members any more."""

    cluster: Cluster
    gone: tuple[str, ...] = ()
    traces: tuple[str, ...] = ()


class CorrectionRefused(Event, frozen=True, kw_only=True, tag="CorrectionRefused"):
    """A correction that could not be done any more: its clusters, or the reports in them, are others now."""

    cluster_id: str
    correction_id: str


class ClusterChanged(Event, frozen=True, kw_only=True, tag="ClusterChanged"):
    cluster: Cluster
    member: Member
    """The report that changed it."""
    traces: tuple[str, ...] = ()
    """What it is found by when it has aged out of memory and comes back."""


class SightingRecorded(Event, frozen=True, kw_only=True, tag="SightingRecorded"):
    """A further report of something a standing alert already warns of."""

    alert_id: AlertId
    report_id: str
    place: Place


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


class AlertReleased(Event, frozen=True, kw_only=True, tag="AlertReleased"):
    kind: Literal["approved", "updated", "recalled", "expired"]
    release: Release


class AudienceFrozen(Event, frozen=True, kw_only=True, tag="AudienceFrozen"):
    """The groups that an audience meant when it was submitted; ``digest`` stands in the approved content."""

    alert_id: AlertId
    digest: str
    group_ids: tuple[str, ...]
    """Sorted."""


class PartPlanned(Event, frozen=True, kw_only=True, tag="PartPlanned"):
    """Some hundred of a release's groups, in the order in which they get it; its parts follow each other, so
    that the first are sent while the last are still to be written out."""

    alert_id: AlertId
    version: int
    kind: Kind
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
    kind: Kind
    group_id: str
    channel: str
    attempt: int = 1
    failures: int = 0
    """How many of the earlier attempts failed (the others were only put off)."""
    left: bool = False
    """Whether an earlier attempt may have reached the group."""


class TaskRequested(Event, frozen=True, kw_only=True, tag="TaskRequested"):
    """Give ``owner`` one task to send ``kind`` of (alert, version) to ``group_ids``; each is a delivery
    too."""

    task_id: str
    """The same for every attempt."""
    alert_id: AlertId
    version: int
    kind: Kind
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
    kind: Kind
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
    kind: Kind
    group_id: str
    channel: str
    state: DeliveryState
    attempt: int
    reason: str = ""
    retry_at: Moment | None = None
    failures: int = 0
    left: bool = False
    """Whether this or an earlier attempt may have reached the group: then a recall owes it the correction."""
    cause: str = ""
    """What told us: send, tap, undo, poll, plan, recall."""
    by: str = ""
    """The person who tapped."""
    word: int = 0
    """How many times a person's word on it has changed: a later word stands above an earlier one."""
    since: Moment | None = None
    """When it began to wait for a person, for what a person then settled."""
    held: str = ""
    """Why it is put off without having been tried: rate, quiet (hours), halted (channel)."""
    next_channel: str = ""
    """The group's next way, where this one is refused for good."""
    tap_id: str = ""
    """The TapMade that it answers, so that a late repeat of it changes nothing."""


class DeliveriesPlanned(Event, frozen=True, kw_only=True, tag="DeliveriesPlanned"):
    """How many deliveries one release leads to; on the receipts' topic, so that they keep their order."""

    alert_id: AlertId
    version: int
    kind: Kind
    groups: int


class TapMade(Event, frozen=True, kw_only=True, tag="TapMade"):
    """A person says that one group has it, or (``undo``) takes that back."""

    tap_id: str
    person_id: str
    alert_id: AlertId
    version: int
    kind: Kind
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
    kind: Kind
    level: Literal["todo", "remind", "deputy", "station"]
    group_ids: tuple[str, ...]
    severity: str = "severe"


class ChannelChanged(Event, frozen=True, kw_only=True, tag="ChannelChanged"):
    """A channel (``name``: ``channel`` or ``channel/credential``) was halted, or resumed by a person."""

    name: str
    halted: bool
    reason: str
    by: str = ""


class PatternChanged(Event, frozen=True, kw_only=True, tag="PatternChanged"):
    pattern_id: Annotated[str, msgspec.Meta(min_length=1)]
    fraud_type: str
    title: str
    text: str
    alert_id: AlertId | None = None
    retired: bool = False


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """One way to a group or a person."""

    channel: str
    target: str = ""
    """Its address on the channel; sealed (fenghuo.sealing) where it is a secret."""
    secret: str = ""
    """The robot's signing secret, sealed."""
    credential: str = ""
    """Which of fenghuo.credentials; empty: that of the settings."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A police-and-residents group and how it is reached: first by ``channel``, else by ``also`` in order."""

    group_id: str
    name: str
    place: Place
    station: str = ""
    owner: str = ""
    """A person's id."""
    deputy: str = ""
    """The id of the person who taps when the owner does not."""
    members: int = 0
    channel: str = "sandbox"
    target: str = ""
    """The channel's address (a webhook's URL), sealed where it is a secret; empty for the sandbox and the
    relay."""
    secret: str = ""
    credential: str = ""
    also: tuple[Binding, ...] = ()
    quota_day: int = 0
    """Warnings a day that it takes at most; 0: as the settings say."""
    tags: tuple[str, ...] = ()
    gone: bool = False

    @property
    def ways(self) -> tuple[Binding, ...]:
        """Every way to it, the preferred first."""
        first = Binding(
            channel=self.channel, target=self.target, secret=self.secret, credential=self.credential
        )
        return (first, *self.also)


class GroupChanged(Event, frozen=True, kw_only=True, tag="GroupChanged"):
    group: Group


class Person(msgspec.Struct, frozen=True, kw_only=True):
    person_id: str
    name: str
    role: Role
    district: str
    station: str = ""
    duty: bool = False
    """Whether this is a station's duty account, which sees all the station's groups."""
    userid: str = ""
    """What WeCom calls the person."""
    notify: Binding | None = None
    """Where the person is told of what waits for a tap."""
    gone: bool = False


class PersonChanged(Event, frozen=True, kw_only=True, tag="PersonChanged"):
    person: Person


class ReplyRequested(Event, frozen=True, kw_only=True, tag="ReplyRequested"):
    """An answer owed to the person who reported; ``kind`` orders answers to one report."""

    report_id: str
    kind: Literal["new", "known", "warned", "withdrawn"]
    text: str
    place: Place
    reporter: str


class DeadLettered(Event, frozen=True, kw_only=True, tag="DeadLettered"):
    """A record that could not be handled, whole, with its reason and where it came from."""

    topic: str
    stage: str
    position: str
    reason: str
    key: str
    value: bytes


def derive_id(*parts: str) -> str:
    """A 24-digit hex id that is the same for the same ``parts`` (BLAKE2b over their lengths and bytes)."""
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return digest.hexdigest()


ENCODER = msgspec.json.Encoder()


def encode(event: Event) -> bytes:
    """The event as UTF-8 JSON, as it stands on the wire."""
    return ENCODER.encode(event)


def reason_of(error: Exception) -> str:
    """A dead letter's reason: the error's kind and the first 300 characters of what it says."""
    return f"{type(error).__name__}: {error}"[:300]


def decoder_of(kinds: tuple[type[Event], ...]) -> msgspec.json.Decoder[Event]:
    """A decoder of any of ``kinds``, told apart by their ``type`` field."""
    union = kinds[0]
    for kind in kinds[1:]:
        union = union | kind  # type: ignore[assignment]
    return msgspec.json.Decoder(union)


def decode(decoder: msgspec.json.Decoder[Event], value: bytes | None) -> Event:
    """The event in ``value``, or Poison with the reason (not JSON, wrong type, a missing field, no body)."""
    if value is None:
        raise Poison("the record has no body")
    try:
        return decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Poison(reason_of(error)) from error
