"""What the sandbox's wall of groups really shows: tests believe it, not our own ledger."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import redis

from fenghuo.desk.keys import Keys


@dataclass(frozen=True, slots=True)
class WallCount:
    """How an alert stands on the wall: groups that have it, messages beyond one in a group, the last's
    time."""

    groups: int
    extra: int
    last_ms: int


class Wall:
    """Reads the sandbox straight from its Redis."""

    def __init__(self, url: str, namespace: str) -> None:
        self._client = redis.Redis.from_url(url)
        self._keys = Keys(namespace)

    def count(self, alert_id: str, group_ids: Sequence[str], kind: str = "warning") -> WallCount:
        """What ``group_ids`` show of ``alert_id``."""
        pipe = self._client.pipeline(transaction=False)
        for group_id in group_ids:
            pipe.hvals(self._keys.wall(group_id))
        have, extra, last_ms = 0, 0, 0
        for messages in pipe.execute():
            mine = [m for m in map(json.loads, messages) if m["subject"] == alert_id and m["kind"] == kind]
            have += bool(mine)
            extra += max(0, len(mine) - 1)
            last_ms = max([last_ms, *(int(m["at_ms"]) for m in mine)])
        return WallCount(have, extra, last_ms)

    def repeats(self) -> int:
        """How often the sandbox was asked to show what it showed already."""
        return int(self._client.hget(self._keys.wall_asked, "repeats") or 0)

    def close(self) -> None:
        self._client.close()
