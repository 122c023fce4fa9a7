"""The lease of one (stage, stream) on Redis: one process holds it, the others stand by."""

import os
import socket
import uuid
from pathlib import Path
from typing import Any

from fenghuo.desk.keys import Keys
from fenghuo.transport.redis_lua import RELEASE_LUA, RENEW_LUA

LEASE_MS = 10_000
"""How long a silent holder on another host keeps its stage; a dead one on this host is detected at once."""


class Lease:
    """The lease of one (stage, stream). Each commit checks it: a holder that lost it is fenced."""

    def __init__(self, client: Any, keys: Keys, group: str, stream: str) -> None:
        self._client = client
        self._group = group
        self._stream = stream
        self.key = keys.lease(f"{group}:{stream}")
        self.deaths_key = keys.lease(f"{group}:{stream}:starts")
        self.token = new_token()
        self.deaths = 0
        """How many holders in a row died over the entries now pending, without a commit in between."""
        self._survived = False

    async def acquire(self) -> bool:
        """Acquire the lease if it is free. The lease of a dead process on this host is released, for the next
        call; False while another process holds it."""
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
        """Renew the lease for LEASE_MS; False if it is no longer ours."""
        return bool(await self._client.eval(RENEW_LUA, 1, self.key, self.token, LEASE_MS))

    async def release(self) -> None:
        """Release the lease if it is still ours, and reset the count of deaths."""
        await self._client.eval(RELEASE_LUA, 2, self.key, self.deaths_key, self.token)

    async def _count_deaths(self) -> int:
        """Deaths since the last commit: starts that found pending entries, minus this one. Only the first
        start of a process counts: one that lost its lease and acquired it again has not died."""
        pending = (await self._client.xpending(self._stream, self._group))["pending"]
        if not pending:
            await self._client.set(self.deaths_key, 1)
            return 0
        if self._survived:
            return max(0, int(await self._client.get(self.deaths_key) or 1) - 1)
        return int(await self._client.incr(self.deaths_key)) - 1


def new_token() -> str:
    """A unique token of a holder with its host and process: a dead one on this host is detected before its
    lease expires."""
    return f"{_host()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def is_dead(holder: str) -> bool:
    """Whether the process of the token ``holder`` ran on this host and has ended; False if unknown."""
    host, pid, *_ = (holder + "::").split(":")
    if host != _host() or not pid.isdigit() or not Path("/proc/self").exists():
        return False
    try:
        about = Path("/proc", pid, "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return about.rpartition(")")[2].split()[0] == "Z"


def _host() -> str:
    """Host name and PID namespace: containers may share a host name, but not its process ids."""
    try:
        space = Path("/proc/self/ns/pid").readlink().name
    except OSError:
        space = ""
    return f"{socket.gethostname()}/{''.join(x for x in space if x.isdigit())}".replace(":", "")
