"""Login sessions: a random token in a cookie; Redis has the token's hash, the person and the expiry."""

import secrets
from typing import Any

from fenghuo.desk.keys import Keys
from fenghuo.desk.redis import reaching_redis
from fenghuo.security.passwords import token_hash

COOKIE = "fenghuo_session"
SESSION_S = 12 * 3600
"""A session ends this long after its last use: one shift."""


class Sessions:
    """Sessions in Redis under ``auth:session``; raises Unavailable while Redis is."""

    def __init__(self, client: Any, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def open(self, person_id: str) -> str:
        """Start a session and return its token for the cookie; only the hash is stored."""
        token = secrets.token_urlsafe(32)
        async with reaching_redis():
            pipe = self._client.pipeline()
            pipe.set(self._key(token), person_id, ex=SESSION_S)
            pipe.sadd(self._index_key(person_id), token_hash(token))
            pipe.expire(self._index_key(person_id), SESSION_S)
            await pipe.execute()
        return token

    async def find(self, token: str) -> str | None:
        """The person id of the session, or None. Each use extends the session."""
        async with reaching_redis():
            raw = await self._client.getex(self._key(token), ex=SESSION_S)
        return raw.decode() if raw else None

    async def close(self, token: str) -> None:
        async with reaching_redis():
            await self._client.delete(self._key(token))

    async def close_all(self, person_id: str) -> None:
        """End every session of a person: on a new password, on a departure."""
        async with reaching_redis():
            hashes = await self._client.smembers(self._index_key(person_id))
            keys = [self._keys.auth("session", x.decode()) for x in hashes]
            await self._client.delete(self._index_key(person_id), *keys)

    def _key(self, token: str) -> str:
        return self._keys.auth("session", token_hash(token))

    def _index_key(self, person_id: str) -> str:
        return self._keys.auth("sessions-of", person_id)
