"""WeCom access tokens: fetched once, shared by all calls and processes, renewed before they end.

Too many calls with a wrong secret shut our IP out for an hour, so a secret that was refused rests for a
minute.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol
from uuid import uuid4

from broadcast.channels.base import SendResult, SendStatus
from broadcast.channels.http.client import HttpClient
from broadcast.channels.platform_codes import Platform, code_of, judge_answer
from fenghuo.desk.redis import reaching_redis

EARLY_S = 300.0
"""A token is renewed so long before the platform ends it."""
REST_S = 60.0
"""A secret that was refused is not tried again for so long."""
LOCK_S = 20.0
"""One process fetches; if it dies meanwhile, another may after so long."""
LOOK_S = 0.05

_FREE_LUA = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class TenantApp(Protocol):
    """One app of a WeCom tenant."""

    @property
    def corpid(self) -> str: ...
    @property
    def secret(self) -> str: ...
    @property
    def url(self) -> str:
        """The platform's address; "" for the real one."""


class TokenStore(Protocol):
    """Where all processes find the tokens. Raises Unavailable when it is away."""

    async def get(self, name: str) -> str | None:
        """The token of the credential ``name``, unless it has ended."""

    async def set(self, name: str, token: str, lasts_s: float) -> None:
        """Keep it for ``lasts_s`` seconds."""

    def lock(self, name: str) -> AbstractAsyncContextManager[None]:
        """Held by one process at a time."""


class RedisTokens:
    """Tokens in Redis. ``key`` makes a key of a credential's name."""

    def __init__(self, client: Any, key: Callable[[str], str]) -> None:
        self._client = client
        self._key = key
        self._free = client.register_script(_FREE_LUA)

    async def get(self, name: str) -> str | None:
        async with reaching_redis():
            raw = await self._client.get(self._key(name))
        return None if raw is None else bytes(raw).decode()

    async def set(self, name: str, token: str, lasts_s: float) -> None:
        async with reaching_redis():
            await self._client.set(self._key(name), token, px=max(1, int(lasts_s * 1000)))

    @asynccontextmanager
    async def lock(self, name: str) -> AsyncIterator[None]:
        """Waits for whoever holds it, LOCK_S at most: then that one is dead."""
        key, mine = f"{self._key(name)}:lock", uuid4().hex
        async with reaching_redis():
            while not await self._client.set(key, mine, nx=True, px=int(LOCK_S * 1000)):  # noqa: ASYNC110
                await asyncio.sleep(LOOK_S)
        try:
            yield
        finally:
            async with reaching_redis():
                await self._free(keys=[key], args=[mine])


class Tokens:
    """Gives tokens, fetching where there is none."""

    def __init__(self, http: HttpClient, store: TokenStore, url: str) -> None:
        self._http = http
        self._store = store
        self._url = url
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._resting: dict[str, tuple[float, str, SendResult]] = {}

    async def get(self, name: str, credential: TenantApp, refused: str = "") -> str | SendResult:
        """The token of ``credential``, never the one that the platform ``refused``; or why there is none,
        which means that nothing left: MISCONFIGURED or RETRY. Raises Unavailable when the store is away."""
        token = await self._store.get(name)
        if token and token != refused:
            return token
        async with self._locks[name]:
            token = await self._store.get(name)
            if token and token != refused:
                return token
            return self._rest(name, credential) or await self._renew(name, credential, refused)

    def _rest(self, name: str, credential: TenantApp) -> SendResult | None:
        """What the platform said of this very secret within the last minute, if it refused it."""
        until, secret, sent = self._resting.get(name, (0.0, "", None))
        return sent if time.monotonic() < until and secret == credential.secret else None

    async def _renew(self, name: str, credential: TenantApp, refused: str) -> str | SendResult:
        async with self._store.lock(name):
            token = await self._store.get(name)
            if token and token != refused:
                return token
            fetched = await self._fetch(credential)
            if isinstance(fetched, SendResult):
                if fetched.verdict is SendStatus.MISCONFIGURED:
                    self._resting[name] = (time.monotonic() + REST_S, credential.secret, fetched)
                return fetched
            token, expires_s = fetched
            await self._store.set(name, token, max(expires_s - EARLY_S, expires_s / 2))
            return token

    async def _fetch(self, credential: TenantApp) -> tuple[str, float] | SendResult:
        """(token, seconds until it ends), or why not."""
        answer = await self._http.get(
            f"{credential.url or self._url}/cgi-bin/gettoken",
            params={"corpid": credential.corpid, "corpsecret": credential.secret},
        )
        sent = answer if isinstance(answer, SendResult) else judge_answer(Platform.WECOM, answer)
        if isinstance(answer, SendResult) or sent.verdict is not SendStatus.SHOWN:
            return _nothing_left(sent)
        said = answer.json_object()
        token, expires_s = said.get("access_token"), said.get("expires_in")
        if code_of(Platform.WECOM, said) == 0 and isinstance(token, str) and token and type(expires_s) is int:
            return token, float(max(1, expires_s))
        return SendResult(SendStatus.RETRY, "gettoken gave no token")


def _nothing_left(sent: SendResult) -> SendResult:
    """What became of fetching a token, as the outcome of a message that has not left."""
    if sent.verdict is SendStatus.MISCONFIGURED:
        return SendResult(SendStatus.MISCONFIGURED, f"gettoken: {sent.reason}", REST_S)
    if sent.verdict is SendStatus.REFUSED:
        return SendResult(SendStatus.MISCONFIGURED, f"gettoken: {sent.reason}")
    return SendResult(
        SendStatus.RETRY, f"gettoken: {sent.reason}", sent.retry_after_s, throttled=sent.throttled
    )
