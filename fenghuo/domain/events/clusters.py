"""Events of clusters, with a person's corrections."""

from typing import Literal

import msgspec

from fenghuo.domain.alert import AlertId, Moment
from fenghuo.domain.events.base import Event


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One report inside a cluster."""

    report_id: str
    reporter: str
    town: str
    at: Moment
    suspicious: bool = False
    borderline: bool = msgspec.field(default=False, name="leaning")
    """Whether its text is suspicious or falls just short of it."""
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
    counted_reporters: int = msgspec.field(default=0, name="credible")
    """Those of ``reporters`` that count: new ones that came together count as one."""
    credibility_flags: tuple[str, ...] = msgspec.field(default=(), name="doubts")
    """Why its reporters may not be what they seem: one_reporter (one person again and again), new_reporters
    (many new accounts from one place at once). A mark for people; it withholds nothing by itself."""
    merged_into: str | None = None
    """The cluster that a person said it is one with: it holds nothing any more."""
    cannot_link: tuple[str, ...] = msgspec.field(default=(), name="apart")
    """Clusters that a person separated from it: it is never merged with them by itself."""
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
    markers: tuple[str, ...] = msgspec.field(default=(), name="traces")


class CorrectionRefused(Event, frozen=True, kw_only=True, tag="CorrectionRefused"):
    """A correction that could not be done any more: its clusters, or the reports in them, are others now."""

    cluster_id: str
    correction_id: str


class ClusterChanged(Event, frozen=True, kw_only=True, tag="ClusterChanged"):
    cluster: Cluster
    member: Member
    """The report that changed it."""
    markers: tuple[str, ...] = msgspec.field(default=(), name="traces")
    """What it is found by when it has aged out of memory and comes back."""
