"""What every page of the console has at hand."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

import httpx
from litestar.di import NamedDependency

from console.web.sessions import Sessions
from fenghuo.desk.desk import Desk
from fenghuo.domain.events import Group, Person
from fenghuo.security.passwords import Auth
from fenghuo.settings import Settings
from fenghuo.transport.stage import Transport

T = TypeVar("T")
FRESH_S = 0.3
"""How old a shared answer from the desk may be: many viewers cost the desk as much as one."""


class TtlCache:
    """Answers that many viewers want at the same time: asked once, kept for FRESH_S."""

    def __init__(self, tick: Callable[[], float] = time.monotonic) -> None:
        self._tick = tick
        self._kept: dict[str, tuple[float, Any]] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    async def get(self, name: str, ask: Callable[[], Awaitable[T]], fresh_s: float = FRESH_S) -> T:
        """What ``ask`` answers, at most ``fresh_s`` old; its errors are not kept."""
        async with self._asking.setdefault(name, asyncio.Lock()):
            at, value = self._kept.get(name, (0.0, None))
            if name not in self._kept or self._tick() - at > fresh_s:
                value = await ask()
                self._kept[name] = (self._tick(), value)
            self._forget_old()
            answer: T = value
            return answer

    def forget(self, name: str) -> None:
        """Ask anew the next time: who has just changed something wants to see it changed."""
        self._kept.pop(name, None)

    def _forget_old(self) -> None:
        if len(self._kept) > 200:
            limit = self._tick() - 60
            for name in [k for k, (at, _) in self._kept.items() if at < limit]:
                del self._kept[name]
                self._asking.pop(name, None)


class Dependencies:
    """The clients that app.py built, and the answers shared between viewers.

    No dataclass on purpose: Litestar would take one for something to parse.
    """

    def __init__(
        self, *, settings: Settings, desk: Desk, transport: Transport, auth: Auth, intake: httpx.AsyncClient,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.desk = desk
        self.transport = transport
        self.auth = auth
        self.intake = intake
        self.sessions = Sessions(desk.client, desk.keys)
        self.shared = TtlCache(tick)
        self.started: Callable[[], bool] = lambda: True
        """Whether the transport has begun: before that nothing can be published."""
        self.streams = 0
        """Live connections now open."""

    async def groups(self) -> dict[str, Group]:
        return await self.shared.get("groups", self.desk.directory.groups, 2)

    async def people(self) -> dict[str, Person]:
        return await self.shared.get("people", self.desk.directory.people, 2)

    async def names(self) -> dict[str, str]:
        """What people are called, by id."""
        return {person_id: person.name for person_id, person in (await self.people()).items()}


Deps: TypeAlias = NamedDependency[Dependencies]
"""The house as a page's handler asks for it."""
