"""Answers of platforms that know no repeats, kept from the answer until its receipt is committed."""

from collections.abc import Sequence

import msgspec

from fenghuo import events as e
from fenghuo.stores.desk import Desk, reaching_redis

KEPT_S = 86_400
_DECODER = msgspec.json.Decoder(list[e.ReceiptRecorded | e.ChannelChanged])


class Outbox:
    """Remembers them in this process at once and in Redis for another one; raises Unavailable when Redis is
    away."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: dict[tuple[str, int], list[e.Event]] = {}

    async def keep(self, request: e.DeliveryRequested, answer: list[e.Event]) -> None:
        """Keep what came of one attempt."""
        self._known[request.delivery_id, request.attempt] = answer
        key = self._desk.keys.outbox(request.delivery_id, request.attempt)
        async with reaching_redis():
            await self._desk.client.set(key, e.ENCODER.encode(answer), ex=KEPT_S)

    async def find(self, requests: Sequence[e.DeliveryRequested]) -> dict[str, list[e.Event]]:
        """What came of those of ``requests`` whose answer is kept, by delivery id."""
        found = {
            x.delivery_id: self._known[x.delivery_id, x.attempt]
            for x in requests if (x.delivery_id, x.attempt) in self._known
        }  # fmt: skip
        asked = [x for x in requests if x.delivery_id not in found]
        if asked:
            keys = [self._desk.keys.outbox(x.delivery_id, x.attempt) for x in asked]
            async with reaching_redis():
                raw = await self._desk.client.mget(keys)
            found |= {
                x.delivery_id: list(_DECODER.decode(kept)) for x, kept in zip(asked, raw, strict=True) if kept
            }
        return found

    def forget(self) -> None:
        """Let go of what this process remembers: the batch is about to be committed, or is begun anew from
        Redis."""
        self._known.clear()
