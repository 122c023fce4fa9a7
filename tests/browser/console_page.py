"""The console opened for a test: the real room on a real Redis, with a stand-in for the room that decides."""

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
from argon2 import PasswordHasher

from console.app import build
from console.web.dependencies import Dependencies
from fenghuo.runtime.room import Room, open_transport
from fenghuo.settings import Settings
from tests.browser.scenes.every_state import DISTRICT, PASSWORD, stand_in

_FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')


def settings_at(url: str, namespace: str, **changes: Any) -> Settings:
    fields = {"district": DISTRICT, "secret_key": "s" * 40, "intake_token": "t" * 40} | changes
    return Settings(_env_file=None, namespace=namespace, redis_url=url, **fields)


@dataclass(slots=True)
class Tick:
    """The seconds of the machine, and those that a test adds."""

    ahead_s: float = 0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead_s


@dataclass(slots=True)
class Opened:
    """A console and a browser without scripts, in one event loop (Litestar's client would use another)."""

    room: Room
    client: httpx.AsyncClient
    tick: Tick

    def later(self) -> None:
        """As if the answers that the console shares between viewers had grown old."""
        self.tick.ahead_s += 3

    async def log_in(self, person_id: str, password: str = PASSWORD) -> httpx.Response:
        """A fresh browser at the door, with its form sent."""
        self.client.cookies.clear()
        page = await self.client.get("/login")
        fields = {"_csrf_token": hidden(page.text)["_csrf_token"], "person": person_id, "password": password}
        return await self.client.post("/login", data=fields, follow_redirects=False)

    async def issue_password(self, *person_ids: str) -> None:
        """``PASSWORD`` for each of them."""
        desk = self.room.desk
        await desk.client.hset(desk.keys.auth("passwords"), mapping=dict.fromkeys(person_ids, _quick_hash()))

    async def form(self, page: str, action: str) -> dict[str, str]:
        """The hidden fields of the form on ``page`` that is sent to ``action``."""
        html = (await self.client.get(page)).text
        start = html.index(f'action="{action}"')
        return hidden(html[start : html.index("</form>", start)])

    async def post(self, path: str, fields: dict[str, Any]) -> httpx.Response:
        return await self.client.post(path, data=fields, follow_redirects=False)


@cache
def _quick_hash() -> str:
    """Of ``PASSWORD``. The cost of checking a password stands in its hash: this one's is next to nothing."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


def deps_of(console: Opened) -> Dependencies:
    """The clients and the cache that the console's handlers use."""
    found: Dependencies = console.room.asgi.dependencies["deps"].dependency()  # type: ignore[union-attr]
    return found


def hidden(html: str) -> dict[str, str]:
    return dict(_FIELD.findall(html))


@asynccontextmanager
async def console_at(
    url: str, namespace: str, *, deciding: bool = True, **changes: Any
) -> AsyncIterator[Opened]:
    """The console on the Redis at ``url``; with ``deciding`` False nobody applies its decisions."""
    settings = settings_at(url, namespace, **changes)
    tick = Tick()
    room = build(settings, tick)
    others = open_transport(settings, "consumers", room.desk)
    await others.start([stand_in(room.desk)] if deciding else [])
    await room.transport.start()
    room.started = True
    try:
        carrier = httpx.ASGITransport(room.asgi, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=carrier, base_url="http://console.test") as client:
            yield Opened(room, client, tick)
    finally:
        await room.transport.stop()
        await others.stop()
        await room.desk.client.aclose()
