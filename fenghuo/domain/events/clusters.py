"""Events of clusters, with a person's corrections."""

from typing import Literal

import msgspec

from fenghuo.domain.alert import AlertId, Moment
from fenghuo.domain.events.base import Event
from fenghuo.domain.events.reports import ToldTrick

Tier = Literal["none", "watch", "draft"]
"""What the team is shown: nothing, a cluster to look at, one that drafts an alert."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One report inside a cluster."""

    report_id: str
    reporter: str
    town: str
    at: Moment
    suspicious: bool = False
    borderline: bool = msgspec.field(default=False, name="leaning")
    """Whether its text is suspicious or falls just short of it."""
    suspicion: float | None = None
    """Log-odds that fraud is at work in its text; None where no judge has seen it."""
    evidence: float | None = None
    cue_points: int = 0
    group_id: str | None = None
    new: bool = False
    """Whether its reporter was new (``FENGHUO_NEW_REPORTER_S``) when it came."""
    model: tuple[str, ...] = ()
    """What the second reader found (``ReportUnmatched.model``): to be looked at, whatever the suspicion."""


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """What a person decided about a cluster: it was merged with another, or some of its reports were split
    off."""

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
    """A cluster after ``revision`` changes. In ``ClusterChanged`` its ``members`` is empty: each member
    comes in one event."""

    cluster_id: str
    district: str
    revision: int
    first_at: Moment
    last_at: Moment
    exemplars: tuple[str, ...]
    """Masked texts that represent the others; at most four."""
    reports: int
    reporters: int
    towns: tuple[str, ...]
    danger: int
    suspicious: bool = False
    """Whether it drafts an alert once enough people report it."""
    tier: Tier = "none"
    fraud_type: str | None = None
    alert_id: AlertId | None = None
    indicators: tuple[str, ...] = ()
    """Defanged links and the like, as its messages carry them; at most ten."""
    shared: tuple[str, ...] = ()
    """Clauses that came from several people, so that a warning may quote them; at most eight."""
    members: tuple[Member, ...] = ()
    likely_types: tuple[str, ...] = ()
    """The likeliest fraud types where none is clear; at most three."""
    told: tuple[ToldTrick, ...] = ()
    """What the judge read in its texts; the latest four."""
    told_alike: bool = False
    """Whether reports in wholly different words were put together for what they tell."""
    reasons: tuple[str, ...] = ()
    """Why it is suspicious, in Chinese words; at most six."""
    worst: int = 0
    """The danger of its worst text, 0 to 100."""
    counted_reporters: int = msgspec.field(default=0, name="credible")
    """Those of ``reporters`` that count: new ones that came together count as one."""
    credibility_flags: tuple[str, ...] = msgspec.field(default=(), name="doubts")
    """Why its reporters may not be what they seem: one_reporter (one person again and again), new_reporters
    (many new accounts from one place at once). A mark for people; it withholds nothing by itself."""
    merged_into: str | None = None
    """The cluster that a person merged it into; it has no members since."""
    cannot_link: tuple[str, ...] = msgspec.field(default=(), name="apart")
    """Clusters that a person said are another thing; they are not named as related again."""
    marks: tuple[int, ...] = ()
    """Hashes of the links and accounts of its messages, as the clusterer compares them; at most ten."""
    related: tuple[str, ...] = ()
    """Clusters that share a link or an account with it, or are nearly alike, for a person to judge; at most
    eight."""
    corrections: tuple[Correction, ...] = ()
    """The corrections by people, oldest first; the latest 20."""


class ClusterCorrected(Event, frozen=True, kw_only=True, tag="ClusterCorrected"):
    """A person merges ``other_id`` into ``cluster_id``, or splits ``report_ids`` off ``cluster_id``."""

    district: str
    kind: Literal["merge", "split"]
    cluster_id: str
    actor: str
    reason: str
    other_id: str = ""
    report_ids: tuple[str, ...] = ()


class ClusterRedrawn(Event, frozen=True, kw_only=True, tag="ClusterRedrawn"):
    """A cluster after a correction, with all its members; ``gone`` are the reports that it lost."""

    cluster: Cluster
    gone: tuple[str, ...] = ()
    markers: tuple[str, ...] = msgspec.field(default=(), name="traces")


class CorrectionRefused(Event, frozen=True, kw_only=True, tag="CorrectionRefused"):
    """A correction that could not be applied: its clusters, or their reports, had changed meanwhile."""

    cluster_id: str
    correction_id: str


class ClusterChanged(Event, frozen=True, kw_only=True, tag="ClusterChanged"):
    cluster: Cluster
    member: Member
    """The report that changed it."""
    markers: tuple[str, ...] = msgspec.field(default=(), name="traces")
    """By which the cluster is found again once it has expired from the consumers' memory."""
