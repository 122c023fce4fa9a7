"""A district on simulated platforms, with its rooms as processes of their own: what was really shown is the
simulator's count, which the ledger is held against."""

import contextlib
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec

from broadcast.owner_tasks.task_attempt import task_changed
from fenghuo import clock, topics
from fenghuo.demo.simulator_process import SimulatorProcess
from fenghuo.domain import events as e
from fenghuo.domain.alert import Action, AlertId, Audience, Order, Origin, Role
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.events import DeliveryState as State
from fenghuo.domain.warning_text import number
from fenghuo.runtime.room import open_desk, open_transport
from fenghuo.servers.ports import free_port
from fenghuo.settings import Settings
from tests.support.builders import DISTRICT, PEOPLE, SAFE_TEXT, content, draft, order, settings
from tests.support.room_processes import RoomProcess
from tests.support.rooms_in_process import RunningRooms, seen_hash
from tests.support.waiting import until

GROUPS, STORMY_GROUPS = 4_601, 800
CALM = ("东湖镇", "南桥镇", "西岭街道")
"""The towns of the groups whose platforms behave: 600 groups, 1,000, and the others."""
STORMY = "北苑街道"
"""The town of those whose platforms do not."""
MIX = {"webhook": 40, "wecom_robot": 14, "dingtalk": 8, "feishu": 6, "wecom_customer_group": 27, "relay": 5}
"""Of a hundred groups, how many are reached by which channel."""
ROBOTS = ("wecom_robot", "dingtalk", "feishu")
DIRECT = ("webhook", *ROBOTS)
OWNERS = 40
OFFICER = "officer"
"""Taps for the groups that are reached by relay."""
DEAD, ALIVE = "closed-tenant", "district"
"""The two tenants on WeCom; the first has no right secret while it is told to be dead."""
SPEED = 60.0
"""Simulated seconds of a real one: an owner's minute is a second."""
FAST = {
    "quiet_from": 0, "quiet_to": 0, "warnings_a_day": 1000, "warnings_a_week": 1000, "task_poll_s": 0.5,
    "retry_base_s": 0.5, "webhook_private": True, "kafka_session_timeout_s": 6, "publish_timeout_s": 20,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """One message that a group saw, by the simulator's count."""

    group_id: str
    channel: str
    at_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands for all tests of one transport: servers, decisions, platforms."""

    told: Settings
    platforms: SimulatorProcess
    consumers: RoomProcess
    folder: Path

    def sender(self, name: str = "sender", **changes: Any) -> RoomProcess:
        """A process of the sending room, to be begun."""
        return RoomProcess("broadcast", self.told.model_copy(update=changes), self.folder / f"{name}.log")


@contextlib.contextmanager
def standing(folder: Path, **told: Any) -> Iterator[Standing]:
    """Decisions, platforms and the registers of both districts, begun."""
    platforms = SimulatorProcess(free_port(), SPEED)
    urls = dict.fromkeys(("wecom_url", "dingtalk_url", "feishu_url"), platforms.url)
    credentials = credentials_file(folder)
    wanted = settings(
        namespace=f"t{secrets.token_hex(3)}", credentials_file=credentials, **FAST, **urls, **told
    )
    consumers = RoomProcess("consumers", wanted, folder / "consumers.log")
    with contextlib.ExitStack() as ending:
        ending.callback(platforms.stop)
        platforms.start(folder, roster(wanted), "", folder / "simulate.log")
        ending.callback(consumers.end)
        consumers.begin()
        yield Standing(wanted, platforms, consumers, folder)


def credentials_file(folder: Path) -> str:
    """Both tenants' keys, readable by us alone."""
    path = folder / "credentials.toml"
    path.touch(mode=0o600)
    tables = [
        f'[{x}]\nchannel = "wecom_customer_group"\ncorpid = "ww-{x}"\nsecret = "{x}"' for x in (ALIVE, DEAD)
    ]
    path.write_text("\n".join(tables), "utf-8")
    return str(path)


def groups(url: str) -> list[e.Group]:
    """Every group; webhooks go to ``url``."""
    first, second, third = CALM
    towns = [first] * 600 + [second] * 1_000 + [third] * (GROUPS - 1_600) + [STORMY] * STORMY_GROUPS
    return [_group(f"g{n:05d}", n, town, url) for n, town in enumerate(towns)]


def _group(group_id: str, n: int, town: str, url: str) -> e.Group:
    """Every other group has the relay as its second way, on which the officer taps."""
    channel = _channel(n * 37 % 100)
    owner = f"owner-{town == STORMY:d}-{n % OWNERS:02d}" if channel == "wecom_customer_group" else OFFICER
    dead = town == STORMY and n % OWNERS < OWNERS // 4
    return e.Group(
        group_id=group_id, name=f"{group_id} 群", place=e.ReportPlace(district=DISTRICT, town=town),
        owner=owner, deputy=OFFICER, members=100, channel=channel, target=_target(channel, group_id, url),
        credential=(DEAD if dead else ALIVE) if channel == "wecom_customer_group" else "",
        also=(e.Binding(channel="relay"),) if n // 100 % 2 and channel != "relay" else (),
    )  # fmt: skip


def _channel(hundredth: int) -> str:
    for name, share in MIX.items():
        if hundredth < share:
            return name
        hundredth -= share
    raise AssertionError("MIX makes a hundred")


def _target(channel: str, group_id: str, url: str) -> str:
    targets = {"webhook": f"{url}/hook/{group_id}", "relay": "", "wecom_customer_group": f"wr-{group_id}"}
    return targets.get(channel, f"robot-{group_id}")


def roster(told: Settings) -> dict[str, Any]:
    """The simulator's side of the groups. Owners of odd numbers take five times as long as the others."""
    every = groups("")
    chats = [g for g in every if g.channel == "wecom_customer_group"]
    names = sorted({g.owner for g in chats})
    profile = {"sigma": 0.3, "night": 1.0, "taps": 1.0, "heeds": 1.0}
    return {
        "corps": [{"name": x, "corpid": f"ww-{x}", "secret": x} for x in (ALIVE, DEAD)],
        "chats": [
            {"chat_id": g.target, "owner": g.owner, "group_id": g.group_id, "corp": g.credential}
            for g in chats
        ],
        "owners": [{"userid": x, "profile": ("prompt", "later")[n % 2]} for n, x in enumerate(names)],
        "robots": [
            {"channel": g.channel, "key": g.target, "group_id": g.group_id}
            for g in every if g.channel in ROBOTS
        ],
        "hooks": [g.group_id for g in every if g.channel == "webhook"],
        "profiles": {"prompt": {"median_s": 60, **profile}, "later": {"median_s": 300, **profile}},
        "webhook_secret": told.webhook_secret.get_secret_value(),
    }  # fmt: skip


class District:
    """What a test says to a standing district as its people do, and what it hears from desk and simulator."""

    def __init__(
        self, standing: Standing, people: RunningRooms, simulator: httpx.AsyncClient, since: int
    ) -> None:
        self.standing = standing
        self.desk = people.desk
        self._people = people
        self._simulator = simulator
        self._since = since

    async def release(self, what: str, *towns: str) -> AlertId:
        """Draft, submit and approve: the alert's id."""
        alert_id = AlertId(e.derive_id("released", self.standing.told.namespace, what))
        now = clock.now()
        wanted = content(
            audience=Audience(district=DISTRICT, towns=towns), channels=tuple(MIX),
            expires_at=now + timedelta(hours=4),
        )  # fmt: skip
        origin = Origin(first_report_at=now, fraud_type="BIZ")
        await self._decide(draft(content=wanted, origin=origin, **self._about(alert_id, "draft")))
        await self.act(alert_id, Action.SUBMIT)
        await self.act(alert_id, Action.APPROVE, "boss")
        return alert_id

    async def update(self, alert_id: AlertId) -> None:
        """A second version, written by one person and approved by another."""
        alert = await self.desk.alerts.get(alert_id)
        assert alert is not None
        wanted = msgspec.structs.replace(alert.content, text=SECOND)
        await self.act(alert_id, Action.UPDATE, content=wanted)
        await self.act(alert_id, Action.SUBMIT_UPDATE)
        await self.act(alert_id, Action.APPROVE_UPDATE, "boss")

    async def act(self, alert_id: AlertId, action: Action, actor: str = "analyst", **changes: Any) -> None:
        """One person's order; returns once its outcome is on the desk."""
        role = Role.APPROVER if actor == "boss" else Role.ANALYST
        if actor == "boss" and action is not Action.RECALL:
            changes["seen_hash"] = await seen_hash(self.desk, alert_id)
        await self._decide(order(action, actor, role, **self._about(alert_id, action), **changes))

    async def _decide(self, wanted: Order) -> None:
        assert await self._people.decide(wanted) == ("ok", "")

    def _about(self, alert_id: AlertId, what: str) -> dict[str, Any]:
        return {"alert_id": alert_id, "at": clock.now(), "decision_id": f"{alert_id}-{what}"}

    async def tap(self, alert_id: AlertId, group_ids: Iterable[str]) -> None:
        """The officer says that these groups have the warning."""
        now = clock.now()
        await self._people.console.publish([
            e.TapMade(
                event_id=f"{alert_id}-{x}", at=now, tap_id=f"{alert_id}-{x}", person_id=OFFICER,
                alert_id=alert_id, version=1, kind="warning", group_id=x, tapped_at=now,
            ) for x in group_ids
        ])  # fmt: skip

    async def resume(self, name: str) -> None:
        """A person resumes the channel ``name``."""
        now = clock.now()
        await self._people.console.publish([
            e.ChannelChanged(
                event_id=f"resume-{name}-{now}", at=now, name=name, halted=False, reason="", by="boss"
            )
        ])  # fmt: skip

    async def misbehave(self, faults: Mapping[str, Any]) -> None:
        """What the platforms do wrong from now on."""
        (await self._simulator.post("/sim/faults", json=faults)).raise_for_status()

    async def count(self, alert_id: AlertId, channels: Sequence[str] = DIRECT) -> int:
        """Groups that have a text of the alert through ``channels``."""
        answer = await self._simulator.get("/sim/counts", params={"contains": number(alert_id)})
        told: dict[str, int] = answer.json()["by_channel"]
        return sum(told.get(x, 0) for x in channels)

    async def asked_again(self) -> int:
        """How often a webhook was asked with a key that it knew."""
        return int((await self._simulator.get("/sim/state")).json()["asked_again"])

    async def shown(self, alert_id: AlertId) -> list[Shown]:
        """Every message of the alert that any group saw, in the order in which it was shown."""
        found: list[Shown] = []
        since = self._since
        while since is not None:
            page = (await self._simulator.get("/sim/log", params={"since": since})).json()
            found += [
                Shown(x["group_id"], x["channel"], x["at_ms"], page["texts"][x["text_sha"]])
                for x in page["shown"] if number(alert_id) in page["texts"][x["text_sha"]]
            ]  # fmt: skip
            since = page["next"]
        return sorted(found, key=lambda x: x.at_ms)

    async def receipts(self, alert_id: AlertId) -> list[e.ReceiptRecorded]:
        """Every receipt of the alert, each once."""
        found: dict[str, e.ReceiptRecorded] = {}

        async def take(events: list[e.Event]) -> None:
            mine = (x for x in events if isinstance(x, e.ReceiptRecorded) and x.alert_id == alert_id)
            found.update({x.event_id: x for x in mine})

        await self._people.console.replay(topics.RECEIPTS_RECORDED, take)
        return list(found.values())

    async def settled(
        self, alert_id: AlertId, groups: int, version: int = 1, kind: str = "warning", *, within_s: float = 60
    ) -> dict[str, LedgerRow]:
        """The ledger once each of so many groups is settled, or waits for the officer's tap."""

        async def done() -> dict[str, LedgerRow] | None:
            rows = await self.desk.deliveries.ledger(alert_id, version, kind)
            over = sum(x.state in e.SETTLED or by_officer(x) for x in rows.values())
            return rows if over == len(rows) == groups else None

        try:
            return await until(done, within_s, f"{groups} settled groups")
        except AssertionError as error:
            rows = await self.desk.deliveries.ledger(alert_id, version, kind)
            raise AssertionError(f"{len(rows)} of {groups} groups: {table(rows)}") from error

    async def hurry(self) -> None:
        """As if the minutes for which platforms shut us out had passed."""
        keys, client = self.desk.keys, self.desk.client
        waiting = await client.zrange(keys.retries, 0, -1)
        if waiting:
            await client.zadd(keys.retries, dict.fromkeys(waiting, 0), xx=True)
        tasks = [x for x in (await self.desk.deliveries.open_tasks()).values() if x.due and not x.platform_id]
        await self.desk.project(
            [task_changed(msgspec.structs.replace(x, due=clock.now()), "hurried", clock.now()) for x in tasks]
        )

    async def cut_connections(self) -> int:
        """Every connection to Redis that does not wait for messages of its own, cut off by the server; how
        many."""
        return int(await self.desk.client.execute_command("CLIENT", "KILL", "TYPE", "normal"))

    async def dead_letters(self) -> int:
        return await self.desk.dead_letters.count()


SECOND = f"{SAFE_TEXT}（第二版）"


def by_officer(row: LedgerRow) -> bool:
    """Whether the group waits for a tap that nobody makes for it here."""
    return row.state is State.WAITING and row.channel == "relay"


def table(rows: Mapping[str, LedgerRow]) -> dict[tuple[str, str, str], int]:
    """(channel, state, reason) to how many groups."""
    return dict(Counter((x.channel, str(x.state), x.reason) for x in rows.values()).most_common(12))


@contextlib.asynccontextmanager
async def opened(standing: Standing) -> AsyncIterator[District]:
    """The district with its people and groups on the desk, for one test."""
    desk = open_desk(standing.told)
    console = open_transport(standing.told, "console", desk)
    people = RunningRooms(desk, {}, console, console)
    async with httpx.AsyncClient(base_url=standing.platforms.url, timeout=15, trust_env=False) as simulator:
        try:
            await until(standing.consumers.ready, 60, "the consumers")
            await console.start()
            officer = e.Person(person_id=OFFICER, name=OFFICER, role=Role.OFFICER, district=DISTRICT)
            await people.add_people([*PEOPLE, officer])
            known, every = await desk.directory.groups(), groups(standing.platforms.url)
            await people.add_groups([g for g in every if g.group_id not in known], clock.now())
            since = (await simulator.get("/sim/state")).json()["shown"]
            district = District(standing, people, simulator, since)
            await district.misbehave({})
            yield district
        finally:
            await console.stop()
            await desk.client.aclose()


def instants(dice: random.Random, count: int, most: int) -> list[int]:
    """``count`` random instants of a release, as how many of ``most`` groups have it, the first first."""
    return sorted(dice.randrange(1, most * 97 // 100) for _ in range(count))
