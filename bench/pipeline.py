"""How fast reports are judged and carried, each against a named baseline in the same run.

Prints one line a measurement: ours, the baseline, the ratio. Trust the ratios: machines are noisy.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from rapidfuzz import fuzz, process

from consumers.judging import shipped_judge
from consumers.live_library import LiveLibrary, seed_patterns
from consumers.triage import Triage
from fenghuo import clock, topics
from fenghuo.demo.district import DISTRICT, KNOWN, NOVEL, everyday
from fenghuo.domain import events as e
from fenghuo.servers.redis import start_redis
from fenghuo.transport.redis import RedisTransport
from fenghuo.transport.stage import Outcome, Stage

JUDGED = 2_000
BRUTE = 200
CARRIED = 20_000
CARRIED_SINGLY = 2_000


def reports(count: int) -> list[e.ReportReceived]:
    """Everyday talk with one known scam and one new one in each ten."""
    texts = [KNOWN if n % 10 == 0 else NOVEL[n % 3] if n % 10 == 5 else everyday(n) for n in range(count)]
    return [
        e.ReportReceived(
            event_id=f"e{n}", at=clock.now(), report_id=f"r{n}", text=text,
            place=e.ReportPlace(district=DISTRICT), reporter=f"w{n}",
        )
        for n, text in enumerate(texts)
    ]  # fmt: skip


def told(what: str, ours: float, baseline: str, theirs: float) -> None:
    print(f"{what:<44}{ours:>10,.0f}/s   {baseline:<38}{theirs:>10,.0f}/s   x{ours / theirs:,.1f}")


async def judging() -> None:
    """The triage stage (match, mask, assess, answer) against one WRatio search over the same patterns."""
    patterns = seed_patterns()
    stage = Triage(LiveLibrary(patterns), shipped_judge())
    batch = reports(JUDGED)
    await stage.on_reports_received(batch[:100])
    began = time.perf_counter()
    await stage.on_reports_received(batch)
    ours = JUDGED / (time.perf_counter() - began)
    texts = [pattern.text for pattern in patterns]
    began = time.perf_counter()
    for report in batch[:BRUTE]:
        process.extractOne(report.text, texts, scorer=fuzz.WRatio)
    brute = BRUTE / (time.perf_counter() - began)
    told(f"triage, {len(patterns)} patterns", ours, "rapidfuzz extractOne(WRatio) alone", brute)


async def carry(url: str, namespace: str, count: int, batch: int) -> float:
    """Reports a second through one stage that passes them on, in batches of ``batch``."""
    source = RedisTransport(url, room="producers", namespace=namespace)
    sink = RedisTransport(url, room="consumers", namespace=namespace)
    seen, done = 0, asyncio.Event()

    async def pass_on(events: list[e.Event]) -> Outcome:
        nonlocal seen
        seen += len(events)
        if seen >= count:
            done.set()
        return Outcome()

    await source.start()
    await source.publish(reports(count))
    stage = Stage(room="consumers", name="bench", topic=topics.REPORTS_RECEIVED, handle=pass_on, batch=batch)
    began = time.perf_counter()
    await sink.start([stage])
    await done.wait()
    took = time.perf_counter() - began
    await sink.stop()
    await source.stop()
    return count / took


async def carrying() -> None:
    """A stage over Redis Streams in batches of 200 against the same stage one report at a time."""
    with tempfile.TemporaryDirectory(prefix="fenghuo-bench-") as folder:
        server = start_redis(Path(folder) / "redis")
        try:
            ours = await carry(server.url, "batched", CARRIED, 200)
            single = await carry(server.url, "single", CARRIED_SINGLY, 1)
        finally:
            server.stop()
    told("stage over Redis Streams, batches of 200", ours, "the same, one report at a time", single)


if __name__ == "__main__":
    asyncio.run(judging())
    asyncio.run(carrying())
