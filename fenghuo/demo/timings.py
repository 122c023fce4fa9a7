"""The state of an alert's deliveries on our ledger; the simulated platforms count what groups really got."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import redis

from fenghuo.desk.keys import Keys
from fenghuo.desk.notices import SentNotice
from fenghuo.desk.redis import payload
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.events import SETTLED, DeliveryState

_ROW = msgspec.json.Decoder(LedgerRow)


@dataclass(frozen=True, slots=True)
class ReleaseLedger:
    """The rows of one release by group id."""

    rows: Mapping[str, LedgerRow]

    def count(self, *states: DeliveryState) -> int:
        return sum(row.state in states for row in self.rows.values())

    @property
    def shown(self) -> int:
        return self.count(DeliveryState.SHOWN, DeliveryState.ACCEPTED)

    @property
    def refused(self) -> int:
        """Groups that will never get it, with a reason."""
        return sum(
            row.state in (DeliveryState.REFUSED, DeliveryState.SUPERSEDED) and bool(row.reason)
            for row in self.rows.values()
        )

    @property
    def unknown(self) -> int:
        """Groups for which no platform knows the result, with the reason; each is on a person's list."""
        return sum(row.state is DeliveryState.UNKNOWN and bool(row.reason) for row in self.rows.values())

    @property
    def settled(self) -> int:
        return self.count(*SETTLED)

    def by_channel(self) -> dict[str, dict[str, int]]:
        """Channel to state to how many groups."""
        found: dict[str, Counter[str]] = {}
        for row in self.rows.values():
            found.setdefault(row.channel, Counter())[row.state.value] += 1
        return {channel: dict(counts) for channel, counts in sorted(found.items())}


class DeskReader:
    """Reads the desk directly from its Redis."""

    def __init__(self, url: str, namespace: str) -> None:
        self._client = redis.Redis.from_url(url)
        self._keys = Keys(namespace)

    def ledger(self, alert_id: str, version: int = 1) -> ReleaseLedger:
        raw: Any = self._client.hgetall(self._keys.ledger(alert_id, version, "warning"))
        return ReleaseLedger({k.decode(): _ROW.decode(payload(v)) for k, v in raw.items()})

    def notices(self, alert_id: str, version: int = 1) -> Counter[str]:
        """How many notices of waiting groups people got, by level: todo, remind, deputy, station."""
        raw: Any = self._client.hvals(self._keys.notices(alert_id, version))
        return Counter(SentNotice.decode(x).level for x in raw)

    def clusters(self) -> int:
        """Suspicious clusters that two people or more have reported."""
        return int(self._client.zcard(self._keys.clusters))

    def close(self) -> None:
        self._client.close()
