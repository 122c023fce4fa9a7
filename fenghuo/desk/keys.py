"""Every Redis key, in one place; ``fenghuo rebuild`` drops what begins with ``desk``.

Prefixes under the namespace: ``desk:`` the fold of the events; ``s:`` streams and their counters; ``auth:``
passwords, tokens, sessions; ``bucket:`` rates; ``outbox:`` answers of platforms before
their commit; ``token:`` access tokens; ``lease:`` single owners; ``sandbox:`` the demo wall (a
platform of its own, not ours to rebuild); ``idem:`` idempotency of intake.
"""

from dataclasses import dataclass

from fenghuo.domain.channels import SANDBOX


def surge_of(pattern_id: str, district: str) -> str:
    """What a surge is called: one pattern in one district."""
    return f"{pattern_id}@{district}"


@dataclass(frozen=True, slots=True)
class Keys:
    """Key names under one namespace."""

    namespace: str

    def _k(self, *parts: str) -> str:
        return ":".join((self.namespace, *parts))

    @property
    def desk(self) -> str:
        return self._k("desk", "")

    def report(self, report_id: str) -> str:
        return self._k("desk", "report", report_id)

    @property
    def reports(self) -> str:
        """Sorted set: report ids by the time of receipt (ms)."""
        return self._k("desk", "reports")

    def cluster(self, cluster_id: str) -> str:
        return self._k("desk", "cluster", cluster_id)

    def members(self, cluster_id: str) -> str:
        """Hash: revision, modulo how many are kept, to ``revision:json`` of the member."""
        return self._k("desk", "members", cluster_id)

    def clusters_of(self, district: str) -> str:
        """Sorted set: cluster ids of a district by the time of their last report (ms)."""
        return self._k("desk", "clusters-of", district)

    def marker(self, district: str, marker: str) -> str:
        """Sorted set: ids of a district's clusters that have the marker, by the time of their last report
        (ms)."""
        return self._k("desk", "trace", district, marker)

    @property
    def clusters(self) -> str:
        """Sorted set: clusters that two people or more reported and that hold something suspicious, by
        danger."""
        return self._k("desk", "clusters")

    @property
    def clusters_at(self) -> str:
        """Sorted set: the same clusters by the time of their last report (ms)."""
        return self._k("desk", "clusters-at")

    def recent_matches(self, pattern_id: str, district: str) -> str:
        """Sorted set: ``report|reporter|group|town`` of a pattern in a district by time (ms)."""
        return self._k("desk", "hits", surge_of(pattern_id, district))

    def hourly_reports(self, pattern_id: str, district: str) -> str:
        """Sorted set: ``hour|reporter`` of a pattern in a district by the hour's start (ms): its past."""
        return self._k("desk", "pace", surge_of(pattern_id, district))

    def first_seen(self, reporter: str) -> str:
        """Sorted set of one member, ``first``: when ``reporter`` was first heard of (ms), as long as the
        desk remembers."""
        return self._k("desk", "reporter", reporter)

    @property
    def urgent(self) -> str:
        """Sorted set: ids of the reports in which money is moving or gone, by the time of receipt (ms)."""
        return self._k("desk", "urgent")

    @property
    def matched_patterns(self) -> str:
        """Sorted set: pattern ids by the time of their last hit (ms)."""
        return self._k("desk", "hit-patterns")

    @property
    def drafted(self) -> str:
        """Hash: cluster id, or ``surge_of`` a pattern and district, to the alert drafted from it."""
        return self._k("desk", "drafted")

    @property
    def alerts(self) -> str:
        """Hash: alert id to ``revision:json``."""
        return self._k("desk", "alerts")

    def history(self, alert_id: str) -> str:
        """Hash: revision to json of the AlertChanged event."""
        return self._k("desk", "history", alert_id)

    def sightings(self, alert_id: str) -> str:
        return self._k("desk", "sightings", alert_id)

    def decision(self, decision_id: str) -> str:
        return self._k("desk", "decision", decision_id)

    def release(self, alert_id: str, version: int) -> str:
        return self._k("desk", "release", alert_id, str(version))

    @property
    def latest_releases(self) -> str:
        """Hash: alert id to ``order:kind`` of the newest release, so that nothing older leaves after it."""
        return self._k("desk", "standing")

    def ledger(self, alert_id: str, version: int, kind: str) -> str:
        """Hash: group id to ``rank:json`` of its delivery."""
        return self._k("desk", "ledger", alert_id, str(version), kind)

    @property
    def planned(self) -> str:
        """Hash: ``alert:version:kind`` to how many deliveries were planned."""
        return self._k("desk", "planned")

    @property
    def retries(self) -> str:
        """Sorted set: json of the DeliveryRequested to publish, by the time it is due (ms)."""
        return self._k("desk", "retries")

    def held(self, name: str) -> str:
        """Sorted set: json of the requests that wait until the halted channel ``name`` is resumed."""
        return self._k("desk", "held", name)

    @property
    def halted(self) -> str:
        """Hash: channel, or ``channel/credential``, to ``ms:json`` of the ChannelChanged that stands."""
        return self._k("desk", "halted")

    def settled_groups(self, alert_id: str, version: int, kind: str) -> str:
        """Set: groups whose delivery has been settled once; whether all are is then looked up on the
        ledger."""
        return self._k("desk", "settled", alert_id, str(version), kind)

    @property
    def tasks(self) -> str:
        """Hash: task id to ``revision:json`` of the OpenTask; closed ones are empty."""
        return self._k("desk", "tasks")

    def audience(self, digest: str) -> str:
        """String: json of the group ids that were frozen under ``digest``."""
        return self._k("desk", "audience", digest)

    def escalated(self, alert_id: str, version: int, kind: str) -> str:
        """Hash: ``group|level`` (remind, deputy, station) to when (ms)."""
        return self._k("desk", "escalated", alert_id, str(version), kind)

    def taps(self, alert_id: str, version: int, kind: str) -> str:
        """Hash: tap id to 1, of the taps that changed a delivery."""
        return self._k("desk", "taps", alert_id, str(version), kind)

    def notices(self, alert_id: str, version: int) -> str:
        """Hash: event id to ``level|person|ms|kind`` of what people were told of the alert."""
        return self._k("desk", "notices", alert_id, str(version))

    def warned_on(self, day: str) -> str:
        """Hash: ``group|alert|channel|kind`` of what groups got or may have got on a day (YYYY-MM-DD,
        China)."""
        return self._k("desk", "warned", day)

    def tap_times(self, person_id: str) -> str:
        """Sorted set: ``group|alert|version|kind|seconds`` of a person's latest taps by time (ms)."""
        return self._k("desk", "habit", person_id)

    @property
    def patterns(self) -> str:
        return self._k("desk", "patterns")

    @property
    def groups(self) -> str:
        return self._k("desk", "groups")

    @property
    def people(self) -> str:
        return self._k("desk", "people")

    @property
    def deadletters(self) -> str:
        return self._k("desk", "deadletters")

    def stream(self, address: str) -> str:
        return self._k("s", address)

    def lease(self, name: str) -> str:
        return self._k("lease", name)

    @property
    def rebuilding(self) -> str:
        """Stands while the desk is not whole: from before a rebuild drops it until all is folded."""
        return self._k("rebuilding")

    @property
    def rebuild_lease(self) -> str:
        """Held by the one ``fenghuo rebuild`` that works."""
        return self.lease("rebuild")

    def outbox(self, delivery_id: str, attempt: int) -> str:
        """String: the receipt of an attempt on a platform that knows no repeats, kept from its answer to the
        commit."""
        return self._k("outbox", delivery_id, str(attempt))

    def token(self, name: str) -> str:
        """String: a platform's access token."""
        return self._k("token", name)

    def bucket(self, name: str) -> str:
        return self._k("bucket", name)

    def idempotency(self, report_id: str) -> str:
        return self._k("idem", report_id)

    def auth(self, *parts: str) -> str:
        return self._k("auth", *parts)

    def wall(self, group_id: str) -> str:
        """Hash: idempotency key to json of the message that stands on the group's sandbox wall."""
        return self._k(SANDBOX.name, "wall", group_id)

    @property
    def wall_recent(self) -> str:
        """Sorted set: ``group|idempotency key`` by the time it was shown (ms)."""
        return self._k(SANDBOX.name, "recent")

    @property
    def wall_asked(self) -> str:
        """Hash: counters of what the sandbox was asked."""
        return self._k(SANDBOX.name, "asked")
