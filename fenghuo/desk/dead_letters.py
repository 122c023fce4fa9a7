"""Dead letters: which records no stage could handle, and why; the records themselves stay in their topic."""

import msgspec

from fenghuo.clock import to_ms
from fenghuo.desk.apply_script import Change, Folds
from fenghuo.desk.keys import Keys
from fenghuo.desk.redis import JSON, Reader, reaching_redis
from fenghuo.domain import events as e


class DeadLetterRow(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter without its record. Member (json) of a sorted set by time (ms)."""

    topic: str
    stage: str
    position: str
    reason: str
    event_id: str


class DeadLetters(Reader):
    """Counts dead letters."""

    async def count(self) -> int:
        async with reaching_redis():
            return int(await self._client.zcard(self._keys.dead_letters))


def _dead(x: e.DeadLettered, keys: Keys) -> list[Change]:
    row = DeadLetterRow(
        topic=x.topic, stage=x.stage, position=x.position, reason=x.reason, event_id=x.event_id
    )
    return [("ZADD", keys.dead_letters, to_ms(x.at), JSON.encode(row))]


FOLDS: Folds = {e.DeadLettered: _dead}
