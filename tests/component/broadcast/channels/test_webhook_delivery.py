"""Deliveries over the webhook channel to a real HTTP receiver that misbehaves in every way we know."""

import asyncio
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fenghuo import clock
from fenghuo.domain import events as e
from fenghuo.domain.alert import Action, Origin, Role, State
from fenghuo.domain.events import DeliveryState
from fenghuo.settings import Settings
from tests.support.builders import NOON, content, draft, group, order, settings
from tests.support.rooms_in_process import RunningRooms, running_rooms, seen_hash
from tests.support.waiting import for_ever, until

SECRET = "w" * 40


class Receiver:
    """A platform: the last part of the path says how it behaves; counts what it accepted by idempotency
    key."""

    def __init__(self) -> None:
        self.accepted: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            headers = {k.lower(): v.strip() for k, _, v in (x.partition(":") for x in head.splitlines()[1:])}
            body = await reader.readexactly(int(headers["content-length"]))
            how = head.split()[1].rsplit("/", 1)[1]
            key = headers["x-event-id"]
            self.asked[key] += 1
            wanted = hmac.new(SECRET.encode(), f"{headers['x-timestamp']}.".encode() + body, hashlib.sha256)
            assert hmac.compare_digest(headers["x-signature"], wanted.hexdigest())
            await self._behave(how, key, json.loads(body), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _behave(self, how: str, key: str, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        if how == "busy" and self.asked[key] == 1:
            return await _say(writer, 429, {"error": "slow down"}, "retry-after: 0\r\n")
        if how == "refuse":
            return await _say(writer, 200, {"errcode": 93000, "errmsg": "not in the group"})
        if how == "hang":
            await for_ever()
        if how == "cut" and self.asked[key] == 1:
            self._accept(key, body)
            return None  # shown, but the answer never arrives
        if how != "hang":
            self._accept(key, body)
            await _say(writer, 200, {"ok": True})
        return None

    def _accept(self, key: str, body: dict[str, Any]) -> None:
        if not self.accepted[key]:
            self.bodies.append(body)
        self.accepted[key] = 1


async def _say(writer: asyncio.StreamWriter, status: int, body: dict[str, Any], more: str = "") -> None:
    raw = json.dumps(body).encode()
    head = (
        f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(raw)}\r\n{more}\r\n"
    )
    writer.write(head.encode() + raw)
    await writer.drain()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield receiver
    finally:
        server.close()


@pytest.fixture
def told(redis_url: str, namespace: str) -> Settings:
    return settings(
        redis_url=redis_url, namespace=namespace, webhook_secret=SECRET, webhook_private=True,
        webhook_timeout_s=1.5, halt_failures=1000,
        webhook_per_s=500, retry_base_s=0.1, delivery_attempts=3,
    )  # fmt: skip


async def broadcast_to(
    running: RunningRooms, targets: dict[str, str]
) -> dict[str, tuple[DeliveryState, int]]:
    """A warning to one group for each target; (state, attempts) of each when all are settled."""
    now = clock.now()
    groups = [
        group(n, name=name, channel="webhook", target=url) for n, (name, url) in enumerate(targets.items())
    ]
    await running.add_groups(groups, now)
    text = content(expires_at=now + (content().expires_at - NOON))
    origin = Origin(first_report_at=now, fraud_type="BIZ")
    assert (await running.decide(draft(content=text, origin=origin, at=now)))[0] == "ok"
    assert (await running.decide(order(Action.SUBMIT, at=now)))[0] == "ok"
    seen = await seen_hash(running.desk)
    approve = order(Action.APPROVE, "boss", Role.APPROVER, at=now, seen_hash=seen)
    assert (await running.decide(approve))[0] == "ok"

    async def completed() -> bool:
        alert = await running.desk.alerts.get("a1")
        return alert is not None and alert.state is State.COMPLETED

    await until(completed, what="the completion")
    ledger = await running.desk.deliveries.ledger("a1", 1)
    return {g.name: (ledger[g.group_id].state, ledger[g.group_id].attempt) for g in groups}


async def test_each_way_of_misbehaving_ends_in_its_own_state_and_stops_nobody(told: Settings) -> None:
    async with receiving() as receiver, running_rooms(told) as running:
        ways = ("fine", "busy", "refuse", "hang", "cut")
        targets = {way: f"{receiver.url}/{way}" for way in ways} | {"gone": "http://127.0.0.1:9/x"}
        targets |= {f"fine {n}": f"{receiver.url}/fine" for n in range(30)} | {"no address": ""}
        found = await broadcast_to(running, targets)
    assert found["fine"] == (DeliveryState.SHOWN, 1)
    assert found["busy"] == (DeliveryState.SHOWN, 2)
    assert found["cut"] == (DeliveryState.SHOWN, 2)
    assert found["refuse"] == (DeliveryState.REFUSED, 1)
    assert found["no address"] == (DeliveryState.REFUSED, 1)
    assert found["hang"] == (DeliveryState.UNKNOWN, 3)
    assert found["gone"] == (DeliveryState.REFUSED, 3)
    assert all(found[f"fine {n}"] == (DeliveryState.SHOWN, 1) for n in range(30))
    assert sum(receiver.accepted.values()) == 33
    assert {body["kind"] for body in receiver.bodies} == {"warning"}
    assert all("反诈预警" in body["text"] for body in receiver.bodies)


async def test_nothing_is_sent_twice_when_a_delivery_is_requested_twice(told: Settings) -> None:
    async with receiving() as receiver, running_rooms(told) as running:
        await broadcast_to(running, {"fine": f"{receiver.url}/fine"})
        replayed: list[e.Event] = []

        async def take(events: list[e.Event]) -> None:
            replayed.extend(events)

        from fenghuo.topics import DELIVERIES_REQUESTED

        sender = running.rooms["broadcast"]
        await sender.transport.replay(DELIVERIES_REQUESTED, take)
        await sender.transport.publish(replayed)
        await sender.transport.publish(replayed)

        async def all_read() -> bool:
            lag = await sender.transport.lag()  # type: ignore[union-attr]
            return not any(lag.values())

        await until(all_read, what="both repeats to be read")
        assert list(receiver.asked.values()) == [1]
