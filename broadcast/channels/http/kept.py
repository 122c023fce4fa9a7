"""Connections that are kept open between requests."""

import asyncio
from typing import NamedTuple

from broadcast.channels.http.connection import Connection

KEPT_S = 15
"""A connection on which nothing is asked for so long is closed."""


class Origin(NamedTuple):
    """Where a connection leads to."""

    encrypted: bool
    host: str
    port: int
    named: str
    """As the request's Host header has it."""


class Kept:
    """Keeps ``at_most`` connections in all."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._kept: dict[Origin, list[Connection]] = {}
        self._count = 0
        self._sweeping: asyncio.TimerHandle | None = None

    def take(self, origin: Origin) -> Connection | None:
        """The one to ``origin`` that was put here last, if it still stands."""
        now, kept = asyncio.get_running_loop().time(), self._kept.get(origin, [])
        while kept:
            connection = kept.pop()
            self._count -= 1
            if not kept:
                del self._kept[origin]
            if connection.is_open and now - connection.since < KEPT_S:
                return connection
            connection.abort()
        return None

    def put(self, origin: Origin, connection: Connection) -> None:
        """Keep ``connection``, or close it if that is of no use."""
        if not self._at_most or not connection.is_open:
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        if self._sweeping is None:
            self._sweeping = loop.call_later(KEPT_S, self._sweep)
        if self._count >= self._at_most:
            self._drop_one()
        connection.since = loop.time()
        self._kept.setdefault(origin, []).append(connection)
        self._count += 1

    def close(self) -> None:
        """Close every connection."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        for connections in self._kept.values():
            for connection in connections:
                connection.abort()
        self._kept, self._count = {}, 0

    def _drop_one(self) -> None:
        """Close one of those that lead where nothing was asked for longest."""
        origin = next(iter(self._kept))
        self._kept[origin].pop(0).abort()
        self._count -= 1
        if not self._kept[origin]:
            del self._kept[origin]

    def _sweep(self) -> None:
        """Close what nothing was asked on for KEPT_S; again while there is any."""
        loop = asyncio.get_running_loop()
        kept, self._kept, self._count, self._sweeping = self._kept, {}, 0, None
        for origin, connections in kept.items():
            for connection in connections:
                if loop.time() - connection.since < KEPT_S:
                    self._kept.setdefault(origin, []).append(connection)
                    self._count += 1
                else:
                    connection.abort()
        if self._count:
            self._sweeping = loop.call_later(KEPT_S, self._sweep)
