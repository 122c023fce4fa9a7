"""Answers of platforms that know no repeats, kept from the answer until its receipt is committed."""

from collections.abc import Sequence

import msgspec

from fenghuo import events as e
from fenghuo.stores.desk import Desk, reaching_redis

KEPT_S = 86_400
_DECODER = msgspec.json.Decoder(list[e.ReceiptRecorded | e.ChannelChanged])


class Outbox:
    """Keeps them in Redis, and in this process while Redis does not take them; raises Unavailable then."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: dict[tuple[str, int], list[e.Event]] = {}

    async def keep(self, request: e.DeliveryRequested, answer: list[e.Event]) -> None:
        """Keep what came of one attempt."""
        kept = request.delivery_id, request.attempt
        self._known[kept] = answer
        key = self._desk.keys.outbox(request.delivery_id, request.attempt)
        async with reaching_redis():
            await self._desk.client.set(key, e.ENCODER.encode(answer), ex=KEPT_S)
        del self._known[kept]

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
