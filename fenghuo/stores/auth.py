"""Who may come in: passwords and tokens. In no event and not on the desk; after a wipe they are issued
anew."""

import asyncio
import hashlib
import hmac
import secrets
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from fenghuo.stores.desk import reaching_redis
from fenghuo.stores.keys import Keys

SHORTEST_PASSWORD = 10
LOGIN_WINDOW_S = 300
LOGIN_TRIES = 8
"""Wrong passwords for one person or from one address within LOGIN_WINDOW_S before the door is shut."""

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""OWASP's second choice for argon2id (19 MiB, 2 passes): about 25 ms here, in a thread."""


class Auth:
    """Passwords and tokens in Redis; raises Unavailable when it is away."""

    def __init__(self, client: Any, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def set_password(self, person_id: str, password: str) -> None:
        """Keep the argon2id hash of ``password``; ValueError below 10 characters."""
        if len(password) < SHORTEST_PASSWORD:
            raise ValueError(f"a password has at least {SHORTEST_PASSWORD} characters")
        hashed = await asyncio.to_thread(_HASHER.hash, password)
        async with reaching_redis():
            await self._client.hset(self._keys.auth("passwords"), person_id, hashed)

    async def check_password(self, person_id: str, password: str) -> bool:
        """Whether ``password`` is the person's; takes as long for someone unknown."""
        async with reaching_redis():
            hashed = await self._client.hget(self._keys.auth("passwords"), person_id)
        return await asyncio.to_thread(_verify, (hashed or b"").decode() or _NOBODY, password[:200])

    async def tries_left(self, *doors: str) -> int:
        """How many wrong passwords the most tried of ``doors`` (a person, an address) still has."""
        async with reaching_redis():
            used = await self._client.mget([self._door(door) for door in doors])
        return LOGIN_TRIES - max(int(x or 0) for x in used)

    async def note_failure(self, *doors: str) -> None:
        async with reaching_redis():
            pipe = self._client.pipeline()
            for door in doors:
                pipe.incr(self._door(door))
                pipe.expire(self._door(door), LOGIN_WINDOW_S)
            await pipe.execute()

    async def forget_failures(self, *doors: str) -> None:
        async with reaching_redis():
            await self._client.delete(*[self._door(door) for door in doors])

    def _door(self, door: str) -> str:
        return self._keys.auth("tries", hashlib.sha256(door.encode()).hexdigest()[:24])

    async def issue_token(self, name: str) -> str:
        """A new token for the officer or system ``name``; shown once, kept only as its hash."""
        token = secrets.token_urlsafe(32)
        async with reaching_redis():
            await self._client.hset(self._keys.auth("tokens"), token_hash(token), name)
        return token

    async def token_name(self, token: str) -> str | None:
        """Whose ``token`` this is, or None."""
        async with reaching_redis():
            name = await self._client.hget(self._keys.auth("tokens"), token_hash(token))
        return name.decode() if name else None

    async def revoke_tokens(self, name: str) -> int:
        """Void every token of ``name``; returns how many there were."""
        async with reaching_redis():
            found = await self._client.hgetall(self._keys.auth("tokens"))
            mine = [key for key, owner in found.items() if owner.decode() == name]
            return int(await self._client.hdel(self._keys.auth("tokens"), *mine)) if mine else 0


def token_hash(token: str) -> str:
    """SHA-256 of a token (it has 256 bits of its own, so no salt and no slow hash are needed)."""
    return hashlib.sha256(token.encode()).hexdigest()


def pseudonym(secret: str, name: str) -> str:
    """Who reported, as 20 hex digits that only the holder of ``secret`` can make again (HMAC-SHA256)."""
    return hmac.new(secret.encode(), name.encode(), hashlib.sha256).hexdigest()[:20]


_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$7Cw2ZqLvx1k0rZ9m1nFz5Q"


def _verify(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
