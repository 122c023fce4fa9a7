"""Notices sent to people about groups that wait for them, and the levels to which groups were escalated."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fenghuo.clock import to_ms
from fenghuo.desk.apply_script import Change, Folds
from fenghuo.desk.keys import Keys
from fenghuo.desk.redis import Reader, reaching_redis
from fenghuo.domain import events as e


class SentNotice(NamedTuple):
    """A notice to a person about an alert's groups. Value ``level|person|ms|kind`` of a hash by event id."""

    level: str
    person_id: str
    at_ms: int
    kind: str

    def encode(self) -> str:
        return f"{self.level}|{self.person_id}|{self.at_ms}|{self.kind}"

    @classmethod
    def decode(cls, value: bytes) -> "SentNotice":
        level, person_id, at_ms, kind = value.decode().split("|")
        return cls(level, person_id, int(at_ms), kind)


class Escalation(NamedTuple):
    """That a group was escalated to a level. Field ``group|level`` of a hash; the value is when (ms)."""

    group_id: str
    level: str

    def encode(self) -> str:
        return f"{self.group_id}|{self.level}"

    @classmethod
    def decode(cls, field: bytes) -> "Escalation":
        group_id, _, level = field.decode().rpartition("|")
        return cls(group_id, level)


class Notices(Reader):
    """Reads notices and escalations."""

    async def sent(self, alert_id: str, version: int, kind: str = "warning") -> list[SentNotice]:
        """The notices about an alert's groups that wait for a person, the oldest first."""
        async with reaching_redis():
            raw = await self._client.hvals(self._keys.notices(alert_id, version))
        found = (notice for x in raw if (notice := SentNotice.decode(x)).kind == kind)
        return sorted(found, key=lambda x: x.at_ms)

    async def recorded(self, notices: Sequence[e.NoticeRequested]) -> set[str]:
        """The event ids of those of ``notices`` that are on the desk."""
        async with reaching_redis():
            pipe = self._client.pipeline(transaction=False)
            for x in notices:
                pipe.hexists(self._keys.notices(x.alert_id, x.version), x.event_id)
            raw = await pipe.execute() if notices else []
        return {x.event_id for x, known in zip(notices, raw, strict=True) if known}

    async def escalated(self, alert_id: str, version: int, kind: str) -> dict[str, dict[str, int]]:
        """Of each group that was escalated: level (remind, deputy, station) to when (ms)."""
        async with reaching_redis():
            raw: Mapping[bytes, bytes] = await self._client.hgetall(
                self._keys.escalated(alert_id, version, kind)
            )
        found: dict[str, dict[str, int]] = {}
        for field, at_ms in raw.items():
            group_id, level = Escalation.decode(field)
            found.setdefault(group_id, {})[level] = int(at_ms)
        return found


def _requested(x: e.NoticeRequested, keys: Keys) -> list[Change]:
    at_ms = to_ms(x.at)
    notice = SentNotice(x.level, x.person_id, at_ms, x.kind)
    escalated = keys.escalated(x.alert_id, x.version, x.kind)
    groups = x.group_ids if x.level != "todo" else ()  # a first notice is no escalation
    return [
        ("HSET", keys.notices(x.alert_id, x.version), x.event_id, notice.encode()),
        *(("HSET", escalated, Escalation(group_id, x.level).encode(), at_ms) for group_id in groups),
    ]


FOLDS: Folds = {e.NoticeRequested: _requested}
