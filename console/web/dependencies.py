"""The clients and the cache that every handler of the console uses."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

import httpx
from litestar.di import NamedDependency

from console.web.sessions import Sessions
from fenghuo.desk.desk import Desk
from fenghuo.domain.events import Group, Person
from fenghuo.errors import Unavailable
from fenghuo.security.passwords import Auth
from fenghuo.settings import Settings
from fenghuo.transport.stage import Transport

T = TypeVar("T")
FRESH_S = 0.3
"""How old a cached answer of the desk may be: many viewers cost the desk as much as one."""


class TtlCache:
    """Values that many viewers want at the same time: loaded once, then served until they are too old."""

    def __init__(self, tick: Callable[[], float] = time.monotonic) -> None:
        self._tick = tick
        self._entries: dict[str, tuple[float, Any]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def get_or_load(self, key: str, load: Callable[[], Awaitable[T]], fresh_s: float = FRESH_S) -> T:
        """The value of ``key``, at most ``fresh_s`` old; concurrent callers wait for one ``load``.

        An error of ``load`` is raised and not cached.
        """
        async with self._locks.setdefault(key, asyncio.Lock()):
            loaded_at, value = self._entries.get(key, (0.0, None))
            if key not in self._entries or self._tick() - loaded_at > fresh_s:
                value = await load()
                self._entries[key] = (self._tick(), value)
            self._evict_old()
            found: T = value
            return found

    def invalidate(self, key: str) -> None:
        """Load ``key`` anew the next time, so that a person sees their own change at once."""
        self._entries.pop(key, None)

    def _evict_old(self) -> None:
        if len(self._entries) > 200:
            limit = self._tick() - 60
            for key in [k for k, (loaded_at, _) in self._entries.items() if loaded_at < limit]:
                del self._entries[key]
                self._locks.pop(key, None)


class Dependencies:
    """The clients that app.py built, and the cache that all viewers share.

    Not a dataclass: Litestar would take one for a request body to parse.
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
        self.cache = TtlCache(tick)
        self.started: Callable[[], bool] = lambda: True
        """Whether the transport has started; before that nothing can be published."""
        self.streams = 0
        """Number of open server-sent event streams."""

    def require_started(self) -> None:
        """Raise Unavailable until the transport has started."""
        if not self.started():
            raise Unavailable("the room is still starting")

    async def groups(self) -> dict[str, Group]:
        return await self.cache.get_or_load("groups", self.desk.directory.groups, 2)

    async def people(self) -> dict[str, Person]:
        return await self.cache.get_or_load("people", self.desk.directory.people, 2)

    async def names(self) -> dict[str, str]:
        """The people's names by id."""
        return {person_id: person.name for person_id, person in (await self.people()).items()}


Deps: TypeAlias = NamedDependency[Dependencies]
"""The parameter ``deps`` of a handler, injected by Litestar."""
