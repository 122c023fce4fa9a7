"""How connections are made: which addresses, over which trust, how long."""

import socket
import ssl
from functools import partial
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from broadcast.channels.http.address_guard import Resolve, SocketAddress, guarded_socket, resolve_public
from broadcast.channels.http.connection import Connection, IdleConnections

RESOLVED_S = 30
"""How long a name's addresses are cached."""
IDLE_S = 15
"""A connection that is idle for longer is closed."""
NEXT_ADDRESS_S = 0.25
"""Happy eyeballs: when an address has not answered after this long, the next one is tried in parallel."""
CONNECT_SHARE = 0.6
"""Of the whole timeout, what connecting may take: name, TCP, proxy and TLS."""


class _Connector(aiohttp.TCPConnector):
    """Makes connections of ours, as many as there are requests: the client limits those before they get here,
    because aiohttp counts the wait for a free connection as connecting."""

    def __init__(self, idle: IdleConnections, *, awaits_tunnel: bool, **options: Any) -> None:
        super().__init__(limit=0, **options)
        make: partial[Any] = partial(Connection, self._loop, idle, awaits_tunnel=awaits_tunnel)
        self._factory = make


def open_session(
    idle: IdleConnections,
    *,
    timeout_s: float,
    reuse: bool,
    resolve: Resolve,
    allow_private: bool,
    proxied: bool,
    trust: ssl.SSLContext,
) -> aiohttp.ClientSession:
    """A session whose connections lead to public addresses only, unless ``allow_private``; when ``proxied``,
    they lead to the proxy, wherever that is."""
    allow_private = allow_private or proxied
    keeping: dict[str, Any] = {"keepalive_timeout": IDLE_S} if reuse else {"force_close": True}
    connector = _Connector(
        idle,
        awaits_tunnel=proxied,
        ssl=trust,
        resolver=_Resolver(resolve, allow_private=allow_private),
        ttl_dns_cache=RESOLVED_S,
        happy_eyeballs_delay=NEXT_ADDRESS_S,
        socket_factory=None if allow_private else guarded_socket,
        **keeping,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(
            total=timeout_s, connect=timeout_s * CONNECT_SHARE, ceil_threshold=float("inf")
        ),
        auto_decompress=False,
    )


class _Resolver(AbstractResolver):
    """Gives aiohttp the addresses that ``resolve`` finds, if all of them may be connected to."""

    def __init__(self, resolve: Resolve, *, allow_private: bool) -> None:
        self._resolve = resolve
        self._allow_private = allow_private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await resolve_public(self._resolve, host, port, allow_private=self._allow_private)
        return [_result(host, each) for each in found]

    async def close(self) -> None:
        return None


def _result(name: str, address: SocketAddress) -> ResolveResult:
    family, _, proto, _, (host, port, *_) = address
    return ResolveResult(hostname=name, host=host, port=port, family=family, proto=proto, flags=0)
