"""The second reader: asks the model about some texts, within a time-box, a budget and a circuit breaker.

::

    reader = SecondReader.of(settings)  # None while it is off
    ...
    after = await reader.lift([Unsure(masked, "none", ScamStage.RECEIVED)])
    after[0].tier  # "none" or "watch"
    after[0].evidence  # ("model.voice.story", ...); () if nothing changed
    ...
    await reader.aclose()
"""

import asyncio
import json
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from consumers.live_library import fraud_types
from consumers.second_reader.client import CompletionClient, client_of
from consumers.second_reader.lifting import Lifted, Tier, can_lift, lifted
from consumers.second_reader.limits import CircuitBreaker, QuestionBudget, Tick
from consumers.second_reader.machine_orders import gives_orders
from consumers.second_reader.outcomes import SERVER_FAULTS, ReadingOutcome
from consumers.second_reader.prompt import instructions, question, shown
from consumers.second_reader.reading import Reading, answer_values, json_schema, parse_answer
from fenghuo.domain.events import ScamStage
from fenghuo.settings import Settings

log = logging.getLogger(__name__)

KEPT_READINGS = 2_000
"""A text that many forward is asked about once, and a redelivered batch is read as it was before."""
FAIR_SHARE = 0.5
"""The share of the time-box that a server must have had for lateness to be its fault."""


class Unsure(NamedTuple):
    """A report that the judge is unsure of: its masked text, and what it is so far."""

    masked: str
    tier: Tier
    stage: ScamStage


class SecondReader:
    """Asks the model; never raises for what the model or its server does.

    `counts` says how each text ended, since the start, by `ReadingOutcome`.
    """

    def __init__(
        self,
        settings: Settings,
        client: CompletionClient,
        *,
        skips: Callable[[str], bool],
        tick: Tick,
    ) -> None:
        types = {code: kind.label_zh for code, kind in fraud_types().items()}
        self._values = answer_values(types)
        self._asks: dict[str, Any] = {
            "model": settings.second_reader_model,
            "instructions": instructions(types),
            "schema": json_schema(self._values),
            "options": json.loads(settings.second_reader_options or "{}"),
        }
        self._client = client
        self._skips = skips
        self._box_s = settings.second_reader_box_s
        self._at_once = asyncio.Semaphore(settings.second_reader_at_once)
        self._budget = QuestionBudget(
            a_minute=settings.second_reader_a_minute, a_day=settings.second_reader_a_day, tick=tick
        )
        self._breaker = CircuitBreaker(tick)
        self._kept: OrderedDict[bytes, Reading] = OrderedDict()
        self.counts: Counter[ReadingOutcome] = Counter()

    @classmethod
    def of(
        cls,
        settings: Settings,
        *,
        skips: Callable[[str], bool] = gives_orders,
        tick: Tick = time.monotonic,
    ) -> "SecondReader | None":
        """The reader that the settings describe, not yet connected; None while it is off.

        Raises Refused where its address is known to lead out of the permitted networks.
        """
        if not settings.second_reader_url:
            return None
        return cls(settings, client_of(settings), skips=skips, tick=tick)

    async def lift(self, unsure: Sequence[Unsure]) -> list[Lifted]:
        """What each report is after a reading, in order; asks only where a reading could change something."""
        asked = [x.masked for x in unsure if can_lift(x.tier, x.stage)]
        readings = dict(zip(asked, await self.read(asked), strict=True))
        return [lifted(x.tier, x.stage, readings.get(x.masked)) for x in unsure]

    async def read(self, masked: Sequence[str]) -> list[Reading | None]:
        """A reading of each text, in order; None where there is none.

        All together take no longer than the time-box. The first ones are asked first, so put those first
        about which an answer matters most.
        """
        until = asyncio.get_running_loop().time() + self._box_s
        texts = list(dict.fromkeys(masked))
        plain = await asyncio.to_thread(self._plain, texts)
        readings = await asyncio.gather(*(self._read(text, until) for text in plain))
        by_text = dict(zip(plain, readings, strict=True))
        return [by_text.get(text) for text in masked]

    def _plain(self, texts: Sequence[str]) -> list[str]:
        """Those that speak to no machine, in order, as far as the time suffices to look; runs in a thread, as
        a long text takes milliseconds."""
        found, began = list[str](), time.monotonic()
        for n, text in enumerate(texts):
            if time.monotonic() - began >= self._box_s:
                self.counts[ReadingOutcome.NO_TIME] += len(texts) - n
                break
            if self._skips(shown(text)):
                self.counts[ReadingOutcome.ORDERS] += 1
            else:
                found.append(text)
        return found

    async def aclose(self) -> None:
        """End the connections, and say what was read."""
        await self._client.aclose()
        log.info("the second reader ends", extra={"outcomes": self._told()})

    async def _read(self, text: str, until: float) -> Reading | None:
        digest = blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()
        if digest in self._kept:
            self._kept.move_to_end(digest)
            self.counts[ReadingOutcome.KEPT] += 1
            return self._kept[digest]
        found = await self._answer(text, until)
        if isinstance(found, ReadingOutcome):
            self.counts[found] += 1
            return None
        self.counts[ReadingOutcome.READ] += 1
        self._keep(digest, found)
        return found

    def _keep(self, digest: bytes, reading: Reading) -> None:
        self._kept[digest] = reading
        if len(self._kept) > KEPT_READINGS:
            self._kept.popitem(last=False)

    async def _answer(self, text: str, until: float) -> Reading | ReadingOutcome:
        """The answer of the server, if it may be asked and answers in time."""
        clock = asyncio.get_running_loop().time
        asked_at = until
        try:
            async with asyncio.timeout_at(until), self._at_once:
                if not self._breaker.lets_through():
                    return ReadingOutcome.PAUSED
                if not self._budget.take():
                    return ReadingOutcome.BUDGET
                asked_at = clock()
                said = await self._client.ask(question(text, **self._asks))
        except TimeoutError:
            fair = clock() - asked_at >= FAIR_SHARE * self._box_s
            said = ReadingOutcome.LATE if fair else ReadingOutcome.NO_TIME
        if said is not ReadingOutcome.NO_TIME:
            self._record(said)
        return said if isinstance(said, ReadingOutcome) else parse_answer(said, self._values)

    def _record(self, said: str | ReadingOutcome) -> None:
        fault = isinstance(said, ReadingOutcome) and said in SERVER_FAULTS  # a str may equal one
        if not self._breaker.record(fault=fault):
            return
        if fault:
            log.warning("the second reader pauses: %s", said, extra={"outcomes": self._told()})
        else:
            log.info("the second reader answers again", extra={"outcomes": self._told()})

    def _told(self) -> str:
        return " ".join(f"{outcome}={count}" for outcome, count in sorted(self.counts.items()))
