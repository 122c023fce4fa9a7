"""How soon a draft stands on the desk: from the moment the intake has accepted the third person's report of
something new until the console's queue finds the alert, under everyday traffic, on both transports.

The whole system runs as its processes; all reports go through the intake's HTTP. The baseline is the same
without the traffic, in the same run. FENGHUO_LATENCY_S (60) says how many seconds of traffic a broker gets,
FENGHUO_LATENCY_RATE (200) how many everyday reports a second, FENGHUO_LATENCY_BROKERS ("redis kafka") which.
Ends with exit code 1 when the 99th percentile is above a second, a campaign got no draft, a report was
refused, or less than 95 % of the traffic came through. What makes the traffic takes its share of the machine.
"""

import asyncio
import itertools
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import aiohttp
import numpy as np

from bench._novel import Campaign, campaigns
from console.reports.queue import WAITING_ORDER
from fenghuo.commands.supervisor import ROOMS, Supervisor
from fenghuo.demo.district import DISTRICT, GROUPS, TOWNS, everyday
from fenghuo.desk.desk import Desk
from fenghuo.runtime.room import open_desk
from fenghuo.servers.ports import free_port
from fenghuo.settings import Settings
from patterns.data.everyday_messages import EVERYDAY

CAMPAIGNS_PER_S = 2
"""New campaigns a second, each with its three reports within some seconds."""
CAMPAIGN_S = 4.0
"""One takes no longer, so that the traffic outlasts the last."""
QUIET = 20
"""Campaigns of the baseline."""
RESIDENTS = 4_000
KNOWN_FOR_S = 8.0
"""Who reports in a campaign has sent an everyday report at least so long ago."""
WARM_UP_S = 15.0
LOOK_EVERY_S = 0.005
DRAFT_WITHIN_S = 15.0
LIMIT_S = 1.0
THROUGH = 0.95
"""Of the traffic that was wanted, the share without which the figures say nothing."""
STEPS_MS = (25, 50, 75, 100, 150, 200, 300, 500, 1000)


@dataclass(slots=True)
class Timed:
    """One campaign: when its third report was sent and accepted, and the ids of its reports."""

    sent_s: float
    accepted_s: float
    report_ids: Sequence[str]


class Watch:
    """Looks at the desk as the queue does, and remembers when each cluster's alert was first there."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: set[str] = set()
        self.seen_s: dict[str, float] = {}
        """Cluster id to the moment its alert was found waiting."""
        self.over = False

    async def run(self) -> None:
        """Until ``over``."""
        while not self.over:
            fresh = {x.decode() for x in await self._desk.client.hkeys(self._desk.keys.alerts)} - self._known
            found = await self._desk.alerts.get_many(sorted(fresh))
            now = time.perf_counter()
            for alert_id, alert in found.items():
                if alert.state in WAITING_ORDER and alert.origin.cluster_id:
                    self._known.add(alert_id)
                    self.seen_s[alert.origin.cluster_id] = now
            await asyncio.sleep(LOOK_EVERY_S)

    def of(self, report_ids: Sequence[str]) -> float | None:
        """When the alert of a cluster that one of the reports founded was there."""
        return next((self.seen_s[f"c-{x}"] for x in report_ids if f"c-{x}" in self.seen_s), None)


@dataclass
class District:
    """Everyone who reports, through the intake."""

    http: aiohttp.ClientSession
    dice: random.Random = field(default_factory=lambda: random.Random(7))
    first_s: dict[str, float] = field(default_factory=dict)
    """Each resident's first accepted report."""
    took_part: set[str] = field(default_factory=set)
    answers: Counter[int] = field(default_factory=Counter)
    """HTTP status to how many reports got it."""

    async def report(self, text: str, reporter: str) -> str:
        """The report's id once it is accepted, else an empty text."""
        home = random.Random(reporter)
        body = {
            "text": text, "district": DISTRICT, "town": home.choice(TOWNS), "reporter": reporter,
            "group_id": f"g{home.randrange(GROUPS):05d}",
        }  # fmt: skip
        async with self.http.post("/api/v1/reports", json=body) as answer:
            self.answers[answer.status] += 1
            if answer.status != HTTPStatus.ACCEPTED:
                return ""
            accepted = await answer.json()
        self.first_s.setdefault(reporter, time.perf_counter())
        return str(accepted["report_id"])

    def everyday(self) -> str:
        """What anyone reports or asks on any day."""
        dice = self.dice
        line = dice.choice(EVERYDAY) if dice.random() < 0.7 else everyday(dice.randrange(10**9))
        return (
            dice.choice(("", "", "请问", "转发：")) + line + dice.choice(("", "", "。", dice.choice(TOWNS)))
        )

    async def traffic(self, per_s: float, seconds: float) -> float:
        """Everyday reports at their times, however long the answers take; how many a second were accepted."""
        began, tasks = time.perf_counter(), list[asyncio.Task[str]]()
        for n in range(int(per_s * seconds)):
            await asyncio.sleep(max(0.0, began + n / per_s - time.perf_counter()))
            reporter = f"resident-{self.dice.randrange(RESIDENTS)}"
            tasks.append(asyncio.create_task(self.report(self.everyday(), reporter)))
        accepted = sum(bool(report_id) for report_id in await asyncio.gather(*tasks))
        return accepted / (time.perf_counter() - began)

    def three(self) -> list[str]:
        """Three residents who are known for a while and have taken part in no campaign."""
        since = time.perf_counter() - KNOWN_FOR_S
        known = [x for x, at in self.first_s.items() if at < since and x not in self.took_part]
        chosen = self.dice.sample(known, 3)
        self.took_part.update(chosen)
        return chosen

    async def campaign(self, texts: Campaign, pauses_s: tuple[float, float]) -> Timed:
        """Three residents report the same thing, each in other words, some time apart."""
        first, second, third = self.three()
        ids = [await self.report(texts[0], first)]
        await asyncio.sleep(pauses_s[0])
        ids.append(await self.report(texts[1], second))
        await asyncio.sleep(pauses_s[1])
        sent = time.perf_counter()
        ids.append(await self.report(texts[2], third))
        return Timed(sent, time.perf_counter(), ids)

    async def campaigns(self, texts: Sequence[Campaign]) -> list[Timed]:
        """Many at once, CAMPAIGNS_PER_S of them beginning each second."""
        telling = []
        for each in texts:
            pauses = self.dice.uniform(0.5, 2), self.dice.uniform(0.5, 2)
            telling.append(asyncio.create_task(self.campaign(each, pauses)))
            await asyncio.sleep(self.dice.uniform(0.5, 1.5) / CAMPAIGNS_PER_S)
        return await asyncio.gather(*telling)


def cpu_s(supervisor: Supervisor) -> dict[str, float]:
    """Seconds of CPU so far: of the whole machine, of this process, of each room; empty without /proc."""
    if not Path("/proc/stat").exists():
        return {}
    tick = os.sysconf("SC_CLK_TCK")
    whole = [int(x) / tick for x in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    used = {"machine": sum(whole) - whole[3] - whole[4], "this generator": time.process_time()}
    for name in ROOMS:
        about = (
            Path(f"/proc/{supervisor.rooms[name].process.pid}/stat").read_text().rpartition(")")[2].split()
        )
        used[name] = (int(about[11]) + int(about[12])) / tick
    return used


async def seen_all(watch: Watch, timed: Sequence[Timed]) -> None:
    """Wait until each campaign has its draft, or DRAFT_WITHIN_S."""
    deadline = time.perf_counter() + DRAFT_WITHIN_S
    while any(watch.of(x.report_ids) is None for x in timed):
        if time.perf_counter() > deadline:
            return
        await asyncio.sleep(0.05)


def told(what: str, seconds: Sequence[float]) -> None:
    p50, p90, p99, most = np.percentile(seconds, (50, 90, 99, 100)) * 1000
    spread = f"p50 {p50:5.0f}   p90 {p90:5.0f}   p99 {p99:5.0f}   max {most:5.0f} ms"
    print(f"  {what:<34} n {len(seconds):>4}   {spread}")


def histogram(seconds: Sequence[float]) -> Iterator[str]:
    edges = [0, *STEPS_MS, 10**9]
    for low, high in itertools.pairwise(edges):
        count = sum(low <= s * 1000 < high for s in seconds)
        if count:
            label = f"{low} to {high} ms" if high < 10**9 else f"over {low} ms"
            yield f"  {label:>16} {count:>4} {'#' * -(-count * 50 // len(seconds))}"


async def measure(supervisor: Supervisor, seconds: float, rate: float, texts: Iterator[Campaign]) -> bool:
    """Whether the broker of ``supervisor`` keeps the limit; prints what it did."""
    told_at = supervisor.environment["FENGHUO_REDIS_URL"]
    desk = open_desk(supervisor.settings.model_copy(update={"redis_url": told_at}))
    watch = Watch(desk)
    watching = asyncio.create_task(watch.run())
    token = {"authorization": f"Bearer {supervisor.environment['FENGHUO_INTAKE_TOKEN']}"}
    async with aiohttp.ClientSession(
        supervisor.intake_url, headers=token, timeout=aiohttp.ClientTimeout(30),
        connector=aiohttp.TCPConnector(limit=64),
    ) as http:  # fmt: skip
        district = District(http)
        count = int((seconds - CAMPAIGN_S) * CAMPAIGNS_PER_S)
        wanted = list(itertools.islice(texts, count + QUIET))
        await district.traffic(rate, WARM_UP_S)
        before, began = cpu_s(supervisor), time.perf_counter()
        busy, achieved = await asyncio.gather(
            district.campaigns(wanted[QUIET:]), district.traffic(rate, seconds)
        )
        took = time.perf_counter() - began
        used = {name: (now - before[name]) / took for name, now in cpu_s(supervisor).items()}
        await seen_all(watch, busy)
        quiet = []
        for each in wanted[:QUIET]:
            quiet.append(await district.campaign(each, (0.1, 0.1)))
            await seen_all(watch, quiet[-1:])
    watch.over = True
    await watching
    await desk.client.aclose()
    kept = report(watch, busy, quiet, used, district.answers)
    through = achieved >= THROUGH * rate
    print(f"  everyday traffic accepted: {achieved:.1f}/s" + ("" if through else ", too little to tell"))
    return kept and through


def report(
    watch: Watch,
    busy: Sequence[Timed],
    quiet: Sequence[Timed],
    used: dict[str, float],
    answers: Counter[int],
) -> bool:
    done = [(x, at) for x in busy if (at := watch.of(x.report_ids)) is not None]
    idle = [max(0.0, at - x.accepted_s) for x in quiet if (at := watch.of(x.report_ids)) is not None]
    late = [max(0.0, at - x.accepted_s) for x, at in done]
    told("accepted to visible", late)
    told("the same from sending", [at - x.sent_s for x, at in done])
    told("without traffic (the baseline)", idle)
    print(f"  x{np.median(late) / np.median(idle):.1f} of the baseline at the median")
    print("\n".join(histogram(late)))
    if used:
        cores = ", ".join(f"{name} {share:.2f}" for name, share in used.items())
        print(f"  cores busy, of {os.cpu_count()}: {cores}")
    lost = len(busy) + len(quiet) - len(late) - len(idle)
    refused = sum(answers.values()) - answers[HTTPStatus.ACCEPTED]
    print(f"  campaigns without a draft: {lost}; reports refused: {refused}")
    return not lost and not refused and float(np.percentile(late, 99)) <= LIMIT_S


def main() -> int:
    seconds = float(os.environ.get("FENGHUO_LATENCY_S", "60"))
    rate = float(os.environ.get("FENGHUO_LATENCY_RATE", "200"))
    kept = True
    for broker in os.environ.get("FENGHUO_LATENCY_BROKERS", "redis kafka").split():
        ports = {f"{name}_port": free_port() for name in ("console", "intake", "consumers", "broadcast")}
        with tempfile.TemporaryDirectory(prefix="fenghuo-latency-") as folder:
            supervisor = Supervisor(
                Settings(
                    _env_file=None, broker=broker, data_dir=Path(folder), redis_url="", kafka_servers="",
                    district=DISTRICT, reports_per_minute=1_000_000, **ports,
                )
            )  # fmt: skip
            try:
                supervisor.start()
                print(f"{broker}, {seconds:.0f} s with {rate:.0f} everyday reports/s", flush=True)
                kept = asyncio.run(measure(supervisor, seconds, rate, campaigns())) and kept
            finally:
                supervisor.stop()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
