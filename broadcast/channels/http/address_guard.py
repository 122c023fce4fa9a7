"""Which addresses may be connected to: none that leads from a group's entry into the network of the sender.

The URL is checked first, then every address that its name resolves to, then, in ``guarded_socket``, the very
address of each connection. So a name whose answer changes in between opens no hole. Redirects are never
followed. Behind a proxy only the URL can be checked (see ``proxy``).
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp.connector import AddrInfoType
from yarl import URL

SocketAddress = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]
"""As getaddrinfo gives them: the last is what is connected to."""
Resolve = Callable[[str, int], Awaitable[Sequence[SocketAddress]]]
"""The addresses of a name and port; raises OSError when there are none."""

GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
WELL_KNOWN_PORTS = frozenset({80, 443})
"""Of the ports below 1024 those on which a web server may be; the others belong to mail, databases and the
like."""

_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")


class PrivateAddress(OSError):
    """The name leads to an address that is not on the public internet."""


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet, by itself and by the IPv4 address that it carries
    inside."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast
    inner = ip.ipv4_mapped or ip.sixtofour
    if ip in NAT64:
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if inner is not None:
        return is_public(str(inner))
    return ip.is_global and ip in GLOBAL_UNICAST and ip.teredo is None


def address_problem(target: str, *, allow_private: bool) -> str:
    """Why ``target`` is no address to post to, as far as can be said without resolving its name; "" if it
    may be."""
    try:
        url = URL(target)
        host, port = url.host, url.port
    except (ValueError, UnicodeError):
        return "the target is no address"
    if url.scheme not in ("http", "https") or not host or not port:
        return "the target is no http(s) address"
    if url.user is not None or url.password is not None:
        return "the target has a user name in it"
    return "" if allow_private else _inward(host, port)


def _inward(host: str, port: int) -> str:
    """Why ``host`` and ``port`` would lead into our own network; "" for a name, whose addresses are checked
    once it is resolved."""
    if port < 1024 and port not in WELL_KNOWN_PORTS:
        return f"the target's port {port} is not the web's"
    try:
        return "" if is_public(host) else "the target is a private address"
    except ValueError:
        name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return "the target is a private address"
    # Old spellings of IPv4 addresses (127.1, 0x7f000001) are read by some resolvers, a proxy's among them.
    return "the target is no address" if _NUMERIC.fullmatch(name.rpartition(".")[2]) else ""


async def resolve(host: str, port: int) -> Sequence[SocketAddress]:
    """As this machine does."""
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


async def resolve_public(
    resolve: Resolve, host: str, port: int, *, allow_private: bool
) -> Sequence[SocketAddress]:
    """The addresses of a name; raises PrivateAddress if any of them is not public, OSError if there is
    none."""
    try:
        host.encode("idna")  # whoever resolves it: TLS takes no other name
        found = await resolve(host, port)
    except UnicodeError as error:
        raise OSError("not a name") from error
    if not found:
        raise OSError("no addresses")
    if not allow_private and not all(is_public(str(address[0])) for *_, address in found):
        raise PrivateAddress
    return found


def guarded_socket(address: AddrInfoType) -> socket.socket:
    """A socket for a connection to ``address``; raises PrivateAddress if that is not public."""
    family, kind, protocol, _, where = address
    if not is_public(str(where[0])):
        raise PrivateAddress
    return socket.socket(family, kind, protocol)
