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
    RETRYING = "retrying"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    SUPERSEDED = "superseded"


SETTLED = frozenset(
    {DeliveryState.SHOWN, DeliveryState.REFUSED, DeliveryState.UNKNOWN, DeliveryState.SUPERSEDED}
)
"""States that no machine will change any more."""


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


class AlertReleased(Event, frozen=True, kw_only=True, tag="AlertReleased"):
    kind: Literal["approved", "updated", "recalled", "expired"]
    release: Release


class DeliveryRequested(Event, frozen=True, kw_only=True, tag="DeliveryRequested"):
    """Send ``kind`` of (alert, version) to one group; ``delivery_id`` is the same for every attempt."""

    delivery_id: str
    alert_id: AlertId
    version: int
    kind: Literal["warning", "correction"]
    group_id: str
    channel: str
    attempt: int = 1
    failures: int = 0
    """How many of the earlier attempts failed (the others were only put off)."""
    left: bool = False
    """Whether an earlier attempt may have reached the group."""


class ReceiptRecorded(Event, frozen=True, kw_only=True, tag="ReceiptRecorded"):
    delivery_id: str
    alert_id: AlertId
    version: int
    kind: Literal["warning", "correction"]
    group_id: str
    channel: str
    state: DeliveryState
    attempt: int
    reason: str = ""
    retry_at: Moment | None = None
    failures: int = 0
    left: bool = False
    """Whether this or an earlier attempt may have reached the group: then a recall owes it the correction."""


class DeliveriesPlanned(Event, frozen=True, kw_only=True, tag="DeliveriesPlanned"):
    """How many deliveries one release leads to; on the receipts' topic, so that they keep their order."""

    alert_id: AlertId
    version: int
    kind: Literal["warning", "correction"]
    groups: int


class PatternChanged(Event, frozen=True, kw_only=True, tag="PatternChanged"):
    pattern_id: Annotated[str, msgspec.Meta(min_length=1)]
    fraud_type: str
    title: str
    text: str
    alert_id: AlertId | None = None
    retired: bool = False


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A police-and-residents group and how it is reached."""

    group_id: str
    name: str
    place: Place
    station: str = ""
    owner: str = ""
    members: int = 0
    channel: str = "sandbox"
    target: str = ""
    """The channel's address (a webhook's URL); empty for the sandbox."""
    tags: tuple[str, ...] = ()
    gone: bool = False


class GroupChanged(Event, frozen=True, kw_only=True, tag="GroupChanged"):
    group: Group


class Person(msgspec.Struct, frozen=True, kw_only=True):
    person_id: str
    name: str
    role: Role
    district: str
    station: str = ""
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
