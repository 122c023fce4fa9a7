"""How the desk's nouns read Redis: errors, decoders, and a hash whole, in part or in pages."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from fenghuo.desk.keys import Keys
from fenghuo.errors import Barred, Unavailable

T = TypeVar("T")
JSON = msgspec.json.Encoder()
_PAGE = 1_000
"""Fields of a large hash that are read at once, so that neither side holds all of it in memory."""


def decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(kind)


def payload(value: bytes) -> bytes:
    """The part behind the version that PUT writes in front of it."""
    return value.split(b":", 1)[1]


class Reader:
    """Base of a noun's reads, in one Redis under one namespace; raises Unavailable when Redis is away."""

    def __init__(self, client: Any, keys: Keys) -> None:
        self._client: Any = client
        self._keys = keys

    async def _hash(self, key: str, decoder: msgspec.json.Decoder[T]) -> dict[str, T]:
        """All fields of a hash of PUT values; those with an empty payload are left out."""
        async with reaching_redis():
            raw: Mapping[bytes, bytes] = await self._client.hgetall(key)
        found = ((field.decode(), payload(value)) for field, value in raw.items())
        return {field: decoder.decode(value) for field, value in found if value}

    async def _fields(
        self, key: str, fields: Sequence[str], decoder: msgspec.json.Decoder[T]
    ) -> dict[str, T]:
        """Those of ``fields`` that a hash of PUT values has."""
        if not fields:
            return {}
        async with reaching_redis():
            raw = await self._client.hmget(key, fields)
        return {k: decoder.decode(payload(x)) for k, x in zip(fields, raw, strict=True) if x}

    async def _pages(self, key: str) -> AsyncIterator[Mapping[bytes, bytes]]:
        """A hash in pages. A field that exists during the whole scan comes at least once."""
        cursor = 0
        while True:
            async with reaching_redis():
                cursor, page = await self._client.hscan(key, cursor, count=_PAGE)
            yield page
            if not cursor:
                return


@asynccontextmanager
async def reaching_redis() -> AsyncIterator[None]:
    """Turn Redis's errors (away, loading, out of memory) into Unavailable, a refused login into Barred."""
    try:
        yield
    except (AuthenticationError, AuthorizationError) as error:
        raise Barred(f"Redis refused the password in FENGHUO_REDIS_URL: {error}") from error
    except NoPermissionError as error:
        raise Barred(f"Redis does not permit this to the user in FENGHUO_REDIS_URL: {error}") from error
    except (RedisConnectionError, RedisTimeoutError, OSError) as error:
        raise Unavailable(f"Redis does not answer: {error}") from error
    except RedisError as error:
        raise Unavailable(f"Redis refused: {error}") from error
