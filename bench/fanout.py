"""How fast a warning is with every group's webhook: from the approval until the last has it, with all that
proves it (plan, marks, receipts, completion), against a bare aiohttp loop.

The loop posts the same text, signed, with as many requests at once, to the same server, right before each
release. The server is the simulator, whose own count is what is believed. FENGHUO_FANOUT_GROUPS
("4601 50000") says how many groups, FENGHUO_FANOUT_BROKERS ("redis kafka") on what, FENGHUO_FANOUT_LATENCY_MS
("0 50") how long the server takes to answer: with 0 it is the CPU of one process that is compared. Ends with
exit code 1 when a group lacks it or has it twice, when the median of the ratios is above 2.2 (1.3 where the
server takes 20 ms or more), or when the sending room takes 20 MiB more for the most groups than for the
fewest.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from broadcast.channels.webhook import signed_headers
from fenghuo import clock
from fenghuo.commands.supervisor import Supervisor
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.alert import (
    SYSTEM,
    Action,
    AlertId,
    Audience,
    Content,
    Order,
    Origin,
    PersonId,
    Role,
    content_hash,
)
from fenghuo.domain.warning_text import number
from fenghuo.runtime.room import AnyTransport, open_desk, open_transport
from fenghuo.servers.ports import free_port
from fenghuo.settings import Settings

T = TypeVar("T")
AT_ONCE = 100
LIMIT, SLOW_LIMIT, SLOW_MS = 2.2, 1.3, 20
"""Of the median ratio: against a server that answers at once, and one that takes SLOW_MS or more."""
MOST_GROWTH_MIB = 20
DISTRICT = "示范区"
TEXT = (
    "【反诈预警】谨防“企业办事”骗局\n近期有人冒充市场监管、税务部门，给企业和商户发信息。我区已有 3 人举报。"
    "骗术：骗子谎称执照、年报有问题，逾期要处罚，诱导点开假网址，再转走公司的钱。"
    "提醒：企业办事请到政务服务窗口，不把账户和验证码告诉别人。拿不准的，拨打 96110。\n示范区反诈中心"
)
PEOPLE = {"analyst": Role.ANALYST, "approver": Role.APPROVER}


@dataclass(frozen=True, slots=True)
class Fanout:
    """One release: seconds to the first and the last group by the server's count, and until the ledger was
    complete."""

    first_s: float
    last_s: float
    complete_s: float
    groups: int
    doubles: int
    peak_mib: float
    """Of the room that sends."""


class Server:
    """``fenghuo simulate`` with ``count`` hooks that answer after some ``latency_ms``."""

    def __init__(self, folder: Path, count: int, secret: str, latency_ms: float) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        roster = folder / "roster.json"
        names = [f"g{n:05d}" for n in range(count)]
        roster.write_text(json.dumps({"hooks": names, "webhook_secret": secret}))
        faults = folder / "faults.json"
        faults.write_text(json.dumps({"ways": {"webhook": {"latency_ms": latency_ms, "latency_sigma": 0.2}}}))
        words = [
            "simulate", "--port", str(self.port), "--roster", str(roster), "--faults", str(faults),
        ]  # fmt: skip
        self._process = subprocess.Popen([sys.executable, "-m", "fenghuo", *words], stdout=subprocess.DEVNULL)

    async def ask(self, path: str, **params: str) -> dict[str, Any]:
        async with aiohttp.ClientSession() as http, http.get(f"{self.url}{path}", params=params) as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def up(self) -> None:
        while True:
            try:
                await self.ask("/sim/state")
                return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


async def bare(server: Server, secret: str, count: int) -> float:
    """Seconds until a plain loop has posted to every hook."""
    gate = asyncio.Semaphore(AT_ONCE)
    text = f"{TEXT}\n编号 BASELINE-{time.time_ns()}"
    connector = aiohttp.TCPConnector(limit=AT_ONCE)

    async def post(http: aiohttp.ClientSession, n: int) -> None:
        key = e.derive_id("bare", str(n), text)
        body = json.dumps({"id": key, "group_id": f"g{n:05d}", "text": text}, ensure_ascii=False).encode()
        headers = signed_headers(secret.encode(), key, body, int(time.time()))
        async with gate, http.post(f"{server.url}/hook/g{n:05d}", data=body, headers=headers) as answer:
            assert (await answer.json())["ok"]

    began = time.perf_counter()
    async with aiohttp.ClientSession(connector=connector) as http:
        await asyncio.gather(*[post(http, n) for n in range(count)])
    return time.perf_counter() - began


async def fill(desk: Desk, console: AnyTransport, server: Server, count: int) -> None:
    """The groups and the two people, on the desk."""
    at = clock.now()
    groups = [
        e.Group(
            group_id=f"g{n:05d}", name=f"第 {n} 群", place=e.ReportPlace(district=DISTRICT), members=100,
            channel="webhook", target=f"{server.url}/hook/g{n:05d}",
        ) for n in range(count)
    ]  # fmt: skip
    people = [e.Person(person_id=x, name=x, role=role, district=DISTRICT) for x, role in PEOPLE.items()]
    known: list[e.Event] = [
        e.GroupChanged(event_id=e.derive_id("g", g.group_id), at=at, group=g) for g in groups
    ]
    known += [e.PersonChanged(event_id=e.derive_id("p", p.person_id), at=at, person=p) for p in people]
    for n in range(0, len(known), 1000):
        await console.publish(known[n : n + 1000])

    async def there() -> bool:
        groups, persons = await desk.directory.groups(), await desk.directory.people()
        return len(groups) >= count and len(persons) >= len(people)

    await until(there)


async def until(look: Callable[[], Awaitable[T | None]], every_s: float = 0.05) -> T:
    """The first true answer of ``look``."""
    for _ in range(int(600 / every_s)):
        if found := await look():
            return found
        await asyncio.sleep(every_s)
    raise AssertionError("waited ten minutes in vain")


async def decide(desk: Desk, console: AnyTransport, wanted: Order) -> None:
    await console.publish([e.DecisionMade(event_id=wanted.decision_id, at=wanted.at, order=wanted)])
    settled = await until(lambda: desk.order_outcomes.get(wanted.decision_id))
    assert settled[0] == "ok", settled


async def release(
    desk: Desk, console: AnyTransport, server: Server, supervisor: Supervisor, count: int
) -> Fanout:
    """Draft, submit and approve one alert, and wait until it is complete."""
    alert_id = AlertId(e.derive_id("fanout", str(time.time_ns())))
    content = Content(
        title="企业办事", text=TEXT, correction="【更正】此前的预警有误，现予撤回。",
        audience=Audience(district=DISTRICT), channels=("webhook",), severity="severe",
        expires_at=clock.now() + timedelta(hours=4), override="the same groups, release after release",
    )  # fmt: skip

    def order(action: Action, actor: str, role: Role, **more: Any) -> Order:
        return Order(
            decision_id=e.derive_id(alert_id, action), alert_id=alert_id, action=action,
            actor=PersonId(actor), role=role, at=clock.now(), **more,
        )  # fmt: skip

    origin = Origin(first_report_at=clock.now(), fraud_type="BIZ")
    await decide(desk, console, order(Action.DRAFT, SYSTEM, Role.SYSTEM, content=content, origin=origin))
    await decide(desk, console, order(Action.SUBMIT, "analyst", Role.ANALYST))
    submitted = await desk.alerts.get(alert_id)
    assert submitted is not None
    approve = order(Action.APPROVE, "approver", Role.APPROVER, seen_hash=content_hash(submitted.content))
    began, began_ms = time.perf_counter(), clock.to_ms(clock.now())
    await console.publish([e.DecisionMade(event_id=approve.decision_id, at=approve.at, order=approve)])

    async def completed() -> bool:
        alert = await desk.alerts.get(alert_id)
        return alert is not None and alert.state == "completed"

    await until(completed)
    complete_s = time.perf_counter() - began
    have = await server.ask("/sim/counts", contains=number(alert_id))
    first_s, last_s = (((have[x] or began_ms) - began_ms) / 1000 for x in ("first_ms", "last_ms"))
    return Fanout(first_s, last_s, complete_s, have["groups"], have["doubles"], peak_mib(supervisor))


def peak_mib(supervisor: Supervisor) -> float:
    """The most memory that the sending room has had resident."""
    status = Path(f"/proc/{supervisor.rooms['broadcast'].process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


async def measure(
    supervisor: Supervisor, server: Server, count: int, secret: str, latency_ms: float
) -> tuple[bool, float]:
    """Whether the fan-out keeps the limits, and the sending room's peak in MiB; prints what it did."""
    told = {"redis_url": supervisor.environment["FENGHUO_REDIS_URL"]}
    if supervisor.settings.broker == "kafka":
        told["kafka_servers"] = supervisor.environment["FENGHUO_KAFKA_SERVERS"]
    settings = supervisor.settings.model_copy(update=told)
    desk = open_desk(settings)
    console = open_transport(settings, "console", desk)
    await console.start()
    await server.up()
    await fill(desk, console, server, count)
    rows: list[tuple[Fanout, float]] = []
    for _ in range(5 if count < 10_000 else 3):
        loop_s = await bare(server, secret, count)
        rows.append((await release(desk, console, server, supervisor, count), loop_s))
    await console.stop()
    await desk.client.aclose()
    limit = SLOW_LIMIT if latency_ms >= SLOW_MS else LIMIT
    return within(limit, count, rows), max(run.peak_mib for run, _ in rows)


def within(limit: float, count: int, rows: Sequence[tuple[Fanout, float]]) -> bool:
    """Whether every group has each text once, and the median ratio is within the limit; prints both."""
    kept = True
    for run, loop_s in rows:
        ratio = run.last_s / loop_s
        whole = run.groups == count and not run.doubles
        kept = kept and whole
        took = f"first {run.first_s:.2f}, last {run.last_s:.2f}, complete {run.complete_s:.2f} s"
        have = f"have it {run.groups:,}, doubles {run.doubles}; peak {run.peak_mib:.0f} MiB"
        print(f"  {count:,} groups: {took}, bare loop {loop_s:.2f} s: x{ratio:.2f}; {have}")
    middle = statistics.median(run.last_s / loop_s for run, loop_s in rows)
    print(f"  median ratio x{middle:.2f}, limit x{limit}")
    return kept and middle <= limit


def main() -> int:
    kept = True
    counts = sorted(map(int, os.environ.get("FENGHUO_FANOUT_GROUPS", "4601 50000").split()))
    for broker in os.environ.get("FENGHUO_FANOUT_BROKERS", "redis kafka").split():
        for latency_ms in map(float, os.environ.get("FENGHUO_FANOUT_LATENCY_MS", "0 50").split()):
            peaks: list[float] = []
            for count in counts:
                print(f"{broker}, the server answers after some {latency_ms:g} ms", flush=True)
                fine, peak = fan_out(broker, count, latency_ms)
                peaks.append(peak)
                kept = kept and fine
            growth = peaks[-1] - peaks[0]
            print(f"  from {counts[0]:,} to {counts[-1]:,} groups: {growth:.0f} MiB, limit {MOST_GROWTH_MIB}")
            kept = kept and growth <= MOST_GROWTH_MIB
    return 0 if kept else 1


def fan_out(broker: str, count: int, latency_ms: float) -> tuple[bool, float]:
    """What ``measure`` says of one setting, with a system and a server of its own."""
    secret = "bench-secret-of-32-characters-or-so"
    ports = {f"{name}_port": free_port() for name in ("console", "intake", "consumers", "broadcast")}
    with tempfile.TemporaryDirectory(prefix="fenghuo-fanout-") as folder:
        supervisor = Supervisor(
            Settings(
                _env_file=None, broker=broker, data_dir=Path(folder), redis_url="", kafka_servers="",
                district=DISTRICT, webhook_secret=secret, webhook_private=True, webhook_per_s=100_000,
                webhook_at_once=AT_ONCE, webhook_at_once_per_host=AT_ONCE, warnings_a_day=1000,
                warnings_a_week=1000, **ports,
            )
        )  # fmt: skip
        server = Server(Path(folder), count, secret, latency_ms)
        try:
            supervisor.start()
            return asyncio.run(measure(supervisor, server, count, secret, latency_ms))
        finally:
            server.stop()
            supervisor.stop()


if __name__ == "__main__":
    sys.exit(main())
