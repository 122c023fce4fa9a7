"""Answers of platforms that know no repeats, kept from the answer until its receipt is committed."""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from typing import Any

import msgspec

from broadcast.limits.concurrency import retry_while_unavailable
from fenghuo.desk.desk import Desk
from fenghuo.desk.redis import reaching_redis
from fenghuo.domain import events as e

KEPT_S = 86_400
LAST_S = 0.9
"""For the answer to a message under way, when its batch has failed or the process is to end."""
REST_S = 2.0
"""So much longer it may take while nobody waits for it: what a new owner of its delivery does then, a recall
among it, must not be overtaken by it."""
_DECODER = msgspec.json.Decoder(list[e.ReceiptRecorded | e.ChannelChanged])


class AnswerJournal:
    """Keeps them in Redis, and in this process while Redis does not take them; raises Unavailable then."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: dict[tuple[str, int], list[e.Event]] = {}
        self._under_way: set[asyncio.Task[list[e.Event]]] = set()

    async def to_its_end(self, work: Coroutine[Any, Any, list[e.Event]]) -> list[e.Event]:
        """The result of ``work``, which sends one message and keeps its answer. Whoever is ended while
        waiting for it leaves after LAST_S; the work goes on for REST_S, and ``at_rest`` waits for it."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            asyncio.get_running_loop().call_later(LAST_S + REST_S, task.cancel)
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({task}, timeout=LAST_S)
            raise

    def _ended(self, task: asyncio.Task[list[e.Event]]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # its batch has been told, or has failed before

    async def at_rest(self) -> None:
        """Return once no message of an earlier batch is under way from here any more: after REST_S at
        most."""
        if self._under_way:
            await asyncio.wait(set(self._under_way))

    async def keep(self, request: e.DeliveryRequested, answer: list[e.Event]) -> None:
        """Keep what came of one attempt."""
        kept = request.delivery_id, request.attempt
        self._known[kept] = answer
        key = self._desk.keys.outbox(request.delivery_id, request.attempt)

        async def set_it() -> None:
            async with reaching_redis():
                await self._desk.client.set(key, e.ENCODER.encode(answer), ex=KEPT_S)

        await retry_while_unavailable(set_it)
        del self._known[kept]

    async def find(self, requests: Sequence[e.DeliveryRequested]) -> dict[str, list[e.Event]]:
        """What came of those of ``requests`` whose answer is kept, by delivery id."""
        found: dict[str, list[e.Event]] = {}
        for x in requests:
            answer = self._known.get((x.delivery_id, x.attempt))
            if answer is not None:
                await self.keep(x, answer)
                found[x.delivery_id] = answer
        asked = [x for x in requests if x.delivery_id not in found]
        if asked:
            keys = [self._desk.keys.outbox(x.delivery_id, x.attempt) for x in asked]
            async with reaching_redis():
                raw = await self._desk.client.mget(keys)
            found |= {
                x.delivery_id: list(_DECODER.decode(kept)) for x, kept in zip(asked, raw, strict=True) if kept
            }
        return found
