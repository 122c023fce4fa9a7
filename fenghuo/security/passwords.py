"""Authentication: passwords and tokens. They are never published as events and not on the desk; after a wipe
of Redis they must be issued again."""

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
"""Attempts for one person from one address within LOGIN_WINDOW_S before both are locked out."""
LOGIN_TRIES_ADDRESS = 40
LOGIN_TRIES_PERSON = 100
"""From all addresses together: far above LOGIN_TRIES, so that no single address can lock a person out."""

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""OWASP's second recommendation for argon2id (19 MiB, 2 passes): about 25 ms, in a thread."""


class Auth:
    """Passwords and tokens in Redis; raises Unavailable while it is down."""

    def __init__(self, client: Any, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def set_password(self, person_id: str, password: str) -> None:
        """Store the argon2id hash of ``password``; ValueError below 10 characters."""
        if len(password) < SHORTEST_PASSWORD:
            raise ValueError(f"a password has at least {SHORTEST_PASSWORD} characters")
        hashed = await asyncio.to_thread(_HASHER.hash, password)
        async with reaching_redis():
            await self._client.hset(self._keys.auth("passwords"), person_id, hashed)

    async def check_password(self, person_id: str, password: str) -> bool:
        """Whether ``password`` is the person's; takes equally long for an unknown person."""
        async with reaching_redis():
            hashed = await self._client.hget(self._keys.auth("passwords"), person_id)
        return await asyncio.to_thread(_verify, (hashed or b"").decode() or _NOBODY, password[:200])

    async def may_try(self, person_id: str, address: str) -> bool:
        """Count a login attempt, then return whether it is allowed; so concurrent attempts all count.

        The narrowest limit comes first: an attempt that it rejects does not count against the wider ones.
        """
        async with reaching_redis():
            for key, limit in self._login_limits(person_id, address):
                pipe = self._client.pipeline()
                pipe.set(key, 0, nx=True, ex=LOGIN_WINDOW_S)
                pipe.incr(key)
                if (await pipe.execute())[1] > limit:
                    return False
        return True

    async def forget_tries(self, person_id: str, address: str) -> None:
        """After a correct password: reset the person's count from there, and count this attempt nowhere."""
        (pair, _), *wider = self._login_limits(person_id, address)
        async with reaching_redis():
            pipe = self._client.pipeline()
            pipe.delete(pair)
            for key, _ in wider:
                pipe.set(key, 1, nx=True, ex=LOGIN_WINDOW_S)
                pipe.decr(key)
            await pipe.execute()

    def _login_limits(self, person_id: str, address: str) -> list[tuple[str, int]]:
        """(counter key, limit) of each login limit, the narrowest first."""
        return [
            (self._counter(f"pair:{address}|{person_id}"), LOGIN_TRIES),
            (self._counter(f"address:{address}"), LOGIN_TRIES_ADDRESS),
            (self._counter(f"person:{person_id}"), LOGIN_TRIES_PERSON),
        ]

    def _counter(self, limit: str) -> str:
        return self._keys.auth("tries", hashlib.sha256(limit.encode()).hexdigest()[:24])

    async def issue_token(self, name: str) -> str:
        """A new token for the officer or system ``name``; shown once, kept only as its hash."""
        token = secrets.token_urlsafe(32)
        async with reaching_redis():
            await self._client.hset(self._keys.auth("tokens"), token_hash(token), name)
        return token

    async def token_name(self, token: str) -> str | None:
        """The name that ``token`` was issued to, or None."""
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
            held = [key for key, owner in found.items() if owner.decode() == name]
            return int(await self._client.hdel(self._keys.auth("tokens"), *held)) if held else 0


def token_hash(token: str) -> str:
    """SHA-256 of a token (it has 256 bits of its own, so no salt and no slow hash are needed)."""
    return hashlib.sha256(token.encode()).hexdigest()


def pseudonym(secret: str, name: str) -> str:
    """A reporter's pseudonym: 20 hex digits that only the holder of ``secret`` can derive (HMAC-SHA256)."""
    return hmac.new(secret.encode(), name.encode(), hashlib.sha256).hexdigest()[:20]


_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$7Cw2ZqLvx1k0rZ9m1nFz5Q"


def _verify(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
