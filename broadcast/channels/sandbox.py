"""The demo wall of groups: a platform of its own in Redis that shows every message once for each
idempotency key.

It counts what it was asked, so that a test can hold our ledger against it.
"""

import json
from collections.abc import Sequence
from typing import Any

from broadcast.channels.base import Message, SendResult, SendStatus
from fenghuo import clock
from fenghuo.desk.deliveries import WallEntry
from fenghuo.desk.keys import Keys
from fenghuo.desk.redis import reaching_redis
from fenghuo.domain.channels import SANDBOX

RECENT_KEPT = 50_000
"""Messages that the wall lists by time; each group keeps its own all the same."""


class Sandbox:
    """Shows messages on the wall. Raises Unavailable when its Redis is away (the batch is then tried
    again)."""

    name = SANDBOX.name
    idempotent = SANDBOX.idempotent
    together = 500

    def __init__(self, client: Any, keys: Keys, per_second: float) -> None:
        self._client = client
        self._keys = keys
        self._per_second = per_second

    def per_second(self, credential: str) -> float:
        """Messages a second onto the wall."""
        return self._per_second

    async def send(self, messages: Sequence[Message]) -> list[SendResult]:
        now_ms = clock.to_ms(clock.now())
        async with reaching_redis():
            pipe = self._client.pipeline(transaction=False)
            for message in messages:
                pipe.hsetnx(
                    self._keys.wall(message.group_id), message.idempotency_key, _shown(message, now_ms)
                )
                entry = WallEntry(message.group_id, message.idempotency_key)
                pipe.zadd(self._keys.wall_recent, {entry.encode(): now_ms}, nx=True)
            pipe.zremrangebyrank(self._keys.wall_recent, 0, -RECENT_KEPT - 1)
            answers = (await pipe.execute())[:-1]
            repeats = sum(1 for new in answers[::2] if not new)
            if repeats:
                await self._client.hincrby(self._keys.wall_asked, "repeats", repeats)
        return [SendResult(SendStatus.SHOWN, "" if new else "already shown") for new in answers[::2]]

    async def aclose(self) -> None:
        return None


def _shown(message: Message, now_ms: int) -> str:
    body = {
        "group_id": message.group_id, "kind": message.kind, "subject": message.subject,
        "text": message.text, "severity": message.severity, "at_ms": now_ms,
    }  # fmt: skip
    return json.dumps(body, ensure_ascii=False)
