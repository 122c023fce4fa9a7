"""The forward proxy, and which hosts are reached without it.

Behind a proxy it is the proxy that resolves names and connects. What is looked at here is then the URL alone:
a literal private address, or a name of this machine, is refused as ever; where any other name leads is for
the proxy's own rules. A host of ``FENGHUO_NO_PROXY`` is connected to directly, under the whole guard.
"""

import ipaddress
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from yarl import URL

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Proxy:
    """The proxy at ``url`` (http://[user:password@]host:port), for every host but those of ``no_proxy``:
    names with their subdomains, addresses and networks (10.0.0.0/8), separated by commas; "*" is all."""

    def __init__(self, url: str, no_proxy: str = "") -> None:
        parsed = URL(url)
        self._url = parsed.with_user(None)
        self._credentials: Mapping[str, str] = {}
        if parsed.user is not None:
            pair = b64encode(f"{parsed.user}:{parsed.password or ''}".encode()).decode()
            self._credentials = {"proxy-authorization": f"Basic {pair}"}
        entries = [x.strip().lower() for x in no_proxy.split(",") if x.strip()]
        self._networks = [x for x in map(_network, entries) if x is not None]
        self._names = tuple(
            x.removeprefix("*").strip(".") for x in entries if _network(x) is None and x != "*"
        )
        self._none = "*" in entries

    def serves(self, url: URL) -> bool:
        """Whether ``url`` is requested through the proxy."""
        host = (url.raw_host or "").lower().rstrip(".")
        if self._none:
            return False
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return not any(host == name or host.endswith(f".{name}") for name in self._names)
        return not any(address in network for network in self._networks)

    def options(self, url: URL, headers: Mapping[str, str]) -> Mapping[str, Any]:
        """The options of aiohttp's request for ``url`` with ``headers``.

        The credentials go to the proxy only: with the request itself where the proxy reads it (http), with
        CONNECT where it sees nothing else (https).
        """
        if url.scheme == "https":
            return {"proxy": self._url, "proxy_headers": self._credentials, "headers": headers}
        return {"proxy": self._url, "headers": {**headers, **self._credentials}}


def _network(entry: str) -> Network | None:
    try:
        return ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return None
