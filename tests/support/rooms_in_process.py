"""Rooms inside the test's own process, on a real broker and a real Redis."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import broadcast.app
import consumers.app
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.alert import Order, content_hash
from fenghuo.runtime.room import AnyTransport, Room, open_desk, open_transport
from fenghuo.settings import Settings
from fenghuo.transport.stage import end_tasks
from tests.support.builders import PEOPLE, person_changed
from tests.support.waiting import until


async def seen_hash(desk: Desk, alert_id: str = "a1") -> str:
    """What a page of the alert shows now: the hash that an approval names."""
    alert = await desk.alerts.get(alert_id)
    assert alert is not None
    return content_hash(alert.update.content if alert.update else alert.content)


@dataclass(slots=True)
class RunningRooms:
    """The rooms that work, and the two that only publish."""

    desk: Desk
    rooms: dict[str, Room]
    producers: AnyTransport
    console: AnyTransport

    async def decide(self, wanted: Order) -> tuple[str, str]:
        """Publish the order as the console does; (code, message) of what came of it."""
        await self.console.publish([e.DecisionMade(event_id=wanted.decision_id, at=wanted.at, order=wanted)])
        return await until(lambda: self.desk.order_outcomes.get(wanted.decision_id), what=f"{wanted.action}")

    async def add_people(self, people: Sequence[e.Person]) -> None:
        await self.console.publish([person_changed(x) for x in people])

        async def there() -> bool:
            return {x.person_id for x in people} <= set(await self.desk.directory.people())

        await until(there, what="the people on the desk")

    async def add_groups(self, groups: list[e.Group], at: Any) -> None:
        await self.console.publish(
            [e.GroupChanged(event_id=e.derive_id("g", g.group_id), at=at, group=g) for g in groups]
        )

        async def there() -> bool:
            return len(await self.desk.directory.groups()) >= len(groups)

        await until(there, what="the groups on the desk")


@asynccontextmanager
async def running_rooms(settings: Settings, *names: str) -> AsyncIterator[RunningRooms]:
    """The rooms ``names`` (default: both working ones), started; stopped at the end.

    A room's loop that failed fails the test: the runtime would start it again, here nobody does.
    """
    built = {"consumers": consumers.app.build, "broadcast": broadcast.app.build}
    rooms = {name: built[name](settings) for name in names or built}
    desk = open_desk(settings)
    quiet = {name: open_transport(settings, name, desk) for name in ("producers", "console")}
    loops: list[asyncio.Task[None]] = []
    try:
        for transport in quiet.values():
            await transport.start()
        for room in rooms.values():
            await room.transport.start(room.stages, room.follows)
            loops += [asyncio.ensure_future(loop()) for loop in room.loops]
        running = RunningRooms(desk, rooms, quiet["producers"], quiet["console"])
        if "consumers" in rooms:
            await running.add_people(PEOPLE)
        yield running
    finally:
        await end_tasks(loops)
        ended = await asyncio.gather(*loops, return_exceptions=True)
        for transport in (*(room.transport for room in rooms.values()), *quiet.values()):
            await transport.stop()
        for close in (close for room in rooms.values() for close in room.closing):
            await close()
        for each in (desk, *(room.desk for room in rooms.values())):
            await each.client.aclose()
        if failed := [x for x in ended if isinstance(x, Exception)]:
            raise ExceptionGroup("loops of the rooms failed", failed)
