"""Who owns one (stage, stream) on Redis: one process at a time; the others stand by."""

import os
import socket
import uuid
from pathlib import Path
from typing import Any

from fenghuo.desk.keys import Keys
from fenghuo.transport.redis_lua import RELEASE_LUA, RENEW_LUA

LEASE_MS = 10_000
"""How long a silent owner on another host keeps its stage; on the same host a dead one is seen at once."""


class Lease:
    """The ownership of one (stage, stream). Each commit checks it, so a late owner cannot do harm."""

    def __init__(self, client: Any, keys: Keys, group: str, stream: str) -> None:
        self._client = client
        self._group = group
        self._stream = stream
        self.key = keys.lease(f"{group}:{stream}")
        self.deaths_key = keys.lease(f"{group}:{stream}:starts")
        self.token = new_token()
        self.deaths = 0
        """How many owners in a row died over the entries now pending, without one commit in between."""
        self._survived = False

    async def take(self) -> bool:
        """Take the lease if it is free or its owner on this host is dead; False while another holds it."""
        if not await self._client.set(self.key, self.token, nx=True, px=LEASE_MS):
            holder = (await self._client.get(self.key) or b"").decode()
            if holder != self.token:
                if holder and is_dead(holder):
                    await self._client.eval(RELEASE_LUA, 1, self.key, holder)
                return False
        self.deaths = await self._count_deaths()
        self._survived = True
        return True

    async def renew(self) -> bool:
        """Hold on for another LEASE_MS; False when the lease is no longer ours."""
        return bool(await self._client.eval(RENEW_LUA, 1, self.key, self.token, LEASE_MS))

    async def release(self) -> None:
        """Give the lease back, if it is still ours, and say that nobody died over it."""
        await self._client.eval(RELEASE_LUA, 2, self.key, self.deaths_key, self.token)

    async def _count_deaths(self) -> int:
        """Starts since the last commit; only those count that found entries pending, and only the first of a
        process: one that lost its lease and took it again has not died."""
        pending = (await self._client.xpending(self._stream, self._group))["pending"]
        if not pending:
            await self._client.set(self.deaths_key, 1)
            return 0
        if self._survived:
            return max(0, int(await self._client.get(self.deaths_key) or 1) - 1)
        return int(await self._client.incr(self.deaths_key)) - 1


def new_token() -> str:
    """A holder's name of its own, with host and process: a dead one on this host is seen before its lease
    runs out."""
    return f"{_host()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def is_dead(holder: str) -> bool:
    """Whether the process that ``holder`` (a token) names ran here and runs no more; False where unknown."""
    host, pid, *_ = (holder + "::").split(":")
    if host != _host() or not pid.isdigit() or not Path("/proc/self").exists():
        return False
    try:
        about = Path("/proc", pid, "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return about.rpartition(")")[2].split()[0] == "Z"


def _host() -> str:
    """The host, and the space its process ids belong to: containers may share a host's name, not its ids."""
    try:
        space = Path("/proc/self/ns/pid").readlink().name
    except OSError:
        space = ""
    return f"{socket.gethostname()}/{''.join(x for x in space if x.isdigit())}".replace(":", "")
