"""Who may come in: passwords and tokens. In no event and not on the desk; after a wipe they are issued
anew."""

import asyncio
import hashlib
import hmac
import secrets
from collections import Counter
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from fenghuo.desk.keys import Keys
from fenghuo.desk.redis import reaching_redis

SHORTEST_PASSWORD = 10
LOGIN_WINDOW_S = 300
LOGIN_TRIES = 8
"""Wrong passwords for one person from one address within LOGIN_WINDOW_S before the door is shut to both."""
LOGIN_TRIES_ADDRESS = 40
LOGIN_TRIES_PERSON = 100
"""From all addresses together: far above LOGIN_TRIES, so that no single one can lock a person out."""

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

    async def may_try(self, person_id: str, address: str) -> bool:
        """Count a try of a password, then say whether it may be made; so tries side by side all count.

        The closest door comes first: a try that it shuts out does not count at the wider ones.
        """
        async with reaching_redis():
            for key, limit in self._doors(person_id, address):
                pipe = self._client.pipeline()
                pipe.set(key, 0, nx=True, ex=LOGIN_WINDOW_S)
                pipe.incr(key)
                if (await pipe.execute())[1] > limit:
                    return False
        return True

    async def forget_tries(self, person_id: str, address: str) -> None:
        """After the right password: the person's count from there is void, and this try counts nowhere."""
        (pair, _), *wider = self._doors(person_id, address)
        async with reaching_redis():
            pipe = self._client.pipeline()
            pipe.delete(pair)
            for key, _ in wider:
                pipe.set(key, 1, nx=True, ex=LOGIN_WINDOW_S)
                pipe.decr(key)
            await pipe.execute()

    def _doors(self, person_id: str, address: str) -> list[tuple[str, int]]:
        """Each door's counter and its limit, the closest first."""
        return [
            (self._door(f"pair:{address}|{person_id}"), LOGIN_TRIES),
            (self._door(f"address:{address}"), LOGIN_TRIES_ADDRESS),
            (self._door(f"person:{person_id}"), LOGIN_TRIES_PERSON),
        ]

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

    async def token_names(self) -> Counter[str]:
        """Who holds tokens, and how many."""
        async with reaching_redis():
            return Counter(x.decode() for x in await self._client.hvals(self._keys.auth("tokens")))

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
