"""Every Redis key, in one place; ``fenghuo rebuild`` drops those that begin with ``desk``.

Prefixes under the namespace: ``desk:`` the fold of the events; ``s:`` streams and their counters; ``auth:``
passwords, tokens, sessions; ``bucket:`` rate limits; ``outbox:`` answers of platforms until their commit;
``token:`` access tokens; ``lease:`` leases; ``sandbox:`` the demo wall (a platform of its own, so a rebuild
leaves it alone); ``idem:`` idempotency of intake.
"""

from dataclasses import dataclass

from fenghuo.domain.channels import SANDBOX


def surge_of(pattern_id: str, district: str) -> str:
    """The id of a surge: one pattern in one district."""
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
        """Hash: ``row``, ``answer`` and ``cluster`` as PUT values, ``handled`` as json of UrgentHandled."""
        return self._k("desk", "report", report_id)

    @property
    def reports(self) -> str:
        """Sorted set: report ids by the time of receipt (ms)."""
        return self._k("desk", "reports")

    def cluster(self, cluster_id: str) -> str:
        """Hash: ``cluster`` to ``revision:json`` of the Cluster without its members."""
        return self._k("desk", "cluster", cluster_id)

    def members(self, cluster_id: str) -> str:
        """Hash: revision modulo MEMBERS_KEPT to ``revision:json`` of the member."""
        return self._k("desk", "members", cluster_id)

    def clusters_of(self, district: str) -> str:
        """Sorted set: cluster ids of a district by the time of their last report (ms)."""
        return self._k("desk", "clusters-of", district)

    def marker(self, district: str, marker: str) -> str:
        """Sorted set: ids of a district's clusters that have the marker (a MinHash value), by the time of
        their last report (ms)."""
        return self._k("desk", "trace", district, marker)

    @property
    def clusters(self) -> str:
        """Sorted set: ids of the clusters that are shown to the team, by danger."""
        return self._k("desk", "clusters")

    @property
    def clusters_at(self) -> str:
        """Sorted set: the same clusters by the time of their last report (ms)."""
        return self._k("desk", "clusters-at")

    def recent_matches(self, pattern_id: str, district: str) -> str:
        """Sorted set: ``report|reporter|group|town`` of a pattern in a district by time (ms)."""
        return self._k("desk", "hits", surge_of(pattern_id, district))

    def hourly_reports(self, pattern_id: str, district: str) -> str:
        """Sorted set: ``hour|reporter`` of a pattern in a district by the hour's start (ms)."""
        return self._k("desk", "pace", surge_of(pattern_id, district))

    def first_seen(self, reporter: str) -> str:
        """Sorted set of one member, ``first``, by the time of the reporter's first report (ms)."""
        return self._k("desk", "reporter", reporter)

    @property
    def urgent(self) -> str:
        """Sorted set: ids of the reports in which money is moving or gone, by the time of receipt (ms)."""
        return self._k("desk", "urgent")

    @property
    def matched_patterns(self) -> str:
        """Sorted set: pattern ids by the time of their last match (ms)."""
        return self._k("desk", "hit-patterns")

    @property
    def drafted(self) -> str:
        """Hash: cluster id, or ``surge_of`` a pattern and district, to ``ms:json`` of its last draft."""
        return self._k("desk", "drafted")

    @property
    def alerts(self) -> str:
        """Hash: alert id to ``revision:json``."""
        return self._k("desk", "alerts")

    def history(self, alert_id: str) -> str:
        """Hash: revision to json of the AlertChanged event."""
        return self._k("desk", "history", alert_id)

    def sightings(self, alert_id: str) -> str:
        """Sorted set: ``report|town`` of further reports by time (ms)."""
        return self._k("desk", "sightings", alert_id)

    def order_outcome(self, order_id: str) -> str:
        """Hash: ``code`` and ``message`` of what became of an order."""
        return self._k("desk", "decision", order_id)

    def release(self, alert_id: str, version: int) -> str:
        """String: json of the Release."""
        return self._k("desk", "release", alert_id, str(version))

    @property
    def latest_releases(self) -> str:
        """Hash: alert id to ``order:version:change`` of its latest release: the sender's last look, so that
        nothing older is sent after it."""
        return self._k("desk", "standing")

    def ledger(self, alert_id: str, version: int, kind: str) -> str:
        """Hash: group id to ``rank:json`` of its delivery."""
        return self._k("desk", "ledger", alert_id, str(version), kind)

    @property
    def planned(self) -> str:
        """Hash: ``alert:version:kind`` to the number of deliveries planned."""
        return self._k("desk", "planned")

    @property
    def retries(self) -> str:
        """Sorted set: json of the DeliveryRequested to publish, by the time it is due (ms)."""
        return self._k("desk", "retries")

    def held(self, name: str) -> str:
        """Sorted set: json of the requests that are held until the halted channel ``name`` is resumed, by the
        time they were held (ms)."""
        return self._k("desk", "held", name)

    @property
    def halted(self) -> str:
        """Hash: channel, or ``channel/credential``, to ``ms:json`` of its ChannelChanged; empty once it is
        resumed."""
        return self._k("desk", "halted")

    def settled_groups(self, alert_id: str, version: int, kind: str) -> str:
        """Set: ids of the groups whose delivery ever reached a final state; the ledger has whether it still
        is in one."""
        return self._k("desk", "settled", alert_id, str(version), kind)

    @property
    def tasks(self) -> str:
        """Hash: task id to ``revision:json`` of the OpenTask; empty once it is closed."""
        return self._k("desk", "tasks")

    def audience(self, digest: str) -> str:
        """String: json of the group ids that were frozen under ``digest``."""
        return self._k("desk", "audience", digest)

    def escalated(self, alert_id: str, version: int, kind: str) -> str:
        """Hash: ``group|level`` (remind, deputy, station) to when (ms)."""
        return self._k("desk", "escalated", alert_id, str(version), kind)

    def taps(self, alert_id: str, version: int, kind: str) -> str:
        """Hash: ids of the taps that changed a delivery to 1."""
        return self._k("desk", "taps", alert_id, str(version), kind)

    def notices(self, alert_id: str, version: int) -> str:
        """Hash: event id to ``level|person|ms|kind`` of a notice to a person."""
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
        """Hash: pattern id to ``ms:json`` of the PatternChanged."""
        return self._k("desk", "patterns")

    @property
    def groups(self) -> str:
        """Hash: group id to ``ms:json`` of the Group; gone ones too."""
        return self._k("desk", "groups")

    @property
    def people(self) -> str:
        """Hash: person id to ``ms:json`` of the Person; gone ones too."""
        return self._k("desk", "people")

    @property
    def dead_letters(self) -> str:
        """Sorted set: json of the DeadLetterRow by time (ms)."""
        return self._k("desk", "deadletters")

    def stream(self, address: str) -> str:
        return self._k("s", address)

    def lease(self, name: str) -> str:
        return self._k("lease", name)

    @property
    def rebuilding(self) -> str:
        """Exists while the desk is incomplete: from before a rebuild drops it until all events are folded."""
        return self._k("rebuilding")

    @property
    def rebuild_lease(self) -> str:
        """The lease of the one ``fenghuo rebuild`` that is at work."""
        return self.lease("rebuild")

    def outbox(self, delivery_id: str, attempt: int) -> str:
        """String: the receipt of an attempt on a platform that is not idempotent, kept from the platform's
        answer until the commit."""
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
        """Hash: idempotency key to json of the message on the group's sandbox wall."""
        return self._k(SANDBOX.name, "wall", group_id)

    @property
    def wall_recent(self) -> str:
        """Sorted set: ``group|idempotency key`` by the time it was shown (ms)."""
        return self._k(SANDBOX.name, "recent")

    @property
    def wall_asked(self) -> str:
        """Hash: counters of the requests to the sandbox."""
        return self._k(SANDBOX.name, "asked")
