"""Answers of platforms that are not idempotent, kept from the answer until its receipt is committed."""

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
ANSWER_WAIT_S = 0.9
"""How long a cancelled batch waits for the answer to a message under way."""
OUTLIVE_S = 2.0
"""How long a send may outlive its cancelled batch. Kept short: another process may own the delivery by then,
and a late send must not arrive after its recall."""
_DECODER = msgspec.json.Decoder(list[e.ReceiptRecorded | e.ChannelChanged])


class AnswerJournal:
    """Stores send results in Redis. While Redis is down they stay in memory and the call raises
    Unavailable."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._in_memory: dict[tuple[str, int], list[e.Event]] = {}
        self._under_way: set[asyncio.Task[list[e.Event]]] = set()

    async def run_to_completion(self, work: Coroutine[Any, Any, list[e.Event]]) -> list[e.Event]:
        """The result of ``work``, which sends one message and records its answer. A caller that is cancelled
        leaves after ANSWER_WAIT_S; the work goes on for OUTLIVE_S more, and ``wait_idle`` waits for it."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            asyncio.get_running_loop().call_later(ANSWER_WAIT_S + OUTLIVE_S, task.cancel)
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({task}, timeout=ANSWER_WAIT_S)
            raise

    def _ended(self, task: asyncio.Task[list[e.Event]]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio logs nothing: its batch has it, or failed before

    async def wait_idle(self) -> None:
        """Return once no message of an earlier batch is under way any more: after OUTLIVE_S at most."""
        if self._under_way:
            await asyncio.wait(set(self._under_way))

    async def record(self, request: e.DeliveryRequested, answer: list[e.Event]) -> None:
        """Keep what came of one attempt."""
        attempt = request.delivery_id, request.attempt
        self._in_memory[attempt] = answer
        key = self._desk.keys.outbox(*attempt)

        async def store() -> None:
            async with reaching_redis():
                await self._desk.client.set(key, e.ENCODER.encode(answer), ex=KEPT_S)

        await retry_while_unavailable(store)
        del self._in_memory[attempt]

    async def lookup(self, requests: Sequence[e.DeliveryRequested]) -> dict[str, list[e.Event]]:
        """What came of those of ``requests`` whose answer is kept, by delivery id."""
        found: dict[str, list[e.Event]] = {}
        for x in requests:
            answer = self._in_memory.get((x.delivery_id, x.attempt))
            if answer is not None:
                await self.record(x, answer)
                found[x.delivery_id] = answer
        missing = [x for x in requests if x.delivery_id not in found]
        if missing:
            keys = [self._desk.keys.outbox(x.delivery_id, x.attempt) for x in missing]
            async with reaching_redis():
                raw = await self._desk.client.mget(keys)
            found |= {
                x.delivery_id: list(_DECODER.decode(kept))
                for x, kept in zip(missing, raw, strict=True) if kept
            }  # fmt: skip
        return found
