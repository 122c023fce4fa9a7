"""One question to an OpenAI-compatible server, on top of aiohttp.

One attempt each, on a connection of its own, so that no answer can be taken for another's. No redirect, no
cookie, no proxy; so much of an answer is read and no more. Each connection is checked against the permitted
networks right before it is made, whatever its name resolved to.
"""

import ipaddress
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec
from aiohttp.connector import AddrInfoType

from consumers.second_reader.outcomes import ReadingOutcome
from fenghuo.errors import Refused
from fenghuo.settings import Settings

LONGEST_BODY = 65_536
"""Bytes of a server's answer."""
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class OutsideNetwork(OSError):
    """The server's address is in none of the permitted networks."""


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]


def parse_networks(listed: str) -> tuple[Network, ...]:
    """The networks of a setting, separated by commas."""
    return tuple(ipaddress.ip_network(each.strip()) for each in listed.split(",") if each.strip())


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Whether an IP address is in one of `networks`, an IPv4 one inside IPv6 as what it is."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return any(ip in network for network in networks)


class CompletionClient:
    """Asks the server at `url` (its base, such as http://10.0.0.5:8000/v1); how long it may take is the
    caller's to say."""

    def __init__(self, url: str, *, key: str, networks: Sequence[Network], trust: ssl.SSLContext) -> None:
        self._url = f"{url.rstrip('/')}/chat/completions"
        self._headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._networks = networks
        self._trust = trust
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, body: bytes) -> str | ReadingOutcome:
        """The content of the answer, or why there is none."""
        try:
            async with self._opened().post(
                self._url, data=body, headers=self._headers, allow_redirects=False
            ) as response:
                if response.status != 200:
                    return ReadingOutcome.HTTP_ERROR
                raw = await _read(response)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return _fault(error)
        return _content(raw)

    def _opened(self) -> aiohttp.ClientSession:
        """The session, which must be made inside the loop that uses it."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, force_close=True, ssl=self._trust, socket_factory=self._guarded_socket
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    def _guarded_socket(self, address: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, where = address
        if not is_within(str(where[0]), self._networks):
            raise OutsideNetwork
        return socket.socket(family, kind, protocol)

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body; one byte more than LONGEST_BODY at most."""
    parts: list[bytes] = []
    size = 0
    while size <= LONGEST_BODY and (part := await response.content.readany()):
        parts.append(part)
        size += len(part)
    return b"".join(parts)[: LONGEST_BODY + 1]


def _content(raw: bytes) -> str | ReadingOutcome:
    if len(raw) > LONGEST_BODY:
        return ReadingOutcome.TOO_LONG
    try:
        choices = msgspec.json.decode(raw, type=_Completion).choices
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return ReadingOutcome.NO_COMPLETION
    if not choices or choices[0].message.content is None:
        return ReadingOutcome.NO_COMPLETION
    if choices[0].finish_reason == "length":
        return ReadingOutcome.TOO_LONG
    return choices[0].message.content


def _fault(error: BaseException) -> ReadingOutcome:
    """Which it was. The error itself is never shown: aiohttp's texts hold the URL."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OutsideNetwork):
            return ReadingOutcome.FOREIGN
        cause = cause.__cause__
    connecting = isinstance(error, OSError) and not isinstance(error, aiohttp.ServerDisconnectedError)
    return ReadingOutcome.NO_CONNECTION if connecting else ReadingOutcome.NO_COMPLETION


def client_of(settings: Settings) -> CompletionClient:
    """The client that the settings describe, not yet connected; Refused where they cannot be followed."""
    networks = parse_networks(settings.second_reader_networks)
    _refuse_outside(settings.second_reader_url, networks)
    key = settings.second_reader_key.get_secret_value().strip()
    return CompletionClient(
        settings.second_reader_url, key=key, networks=networks, trust=_trust(settings.ca_file)
    )


def _refuse_outside(url: str, networks: Sequence[Network]) -> None:
    """Names are looked up, and so checked, at each connection."""
    host = urlsplit(url).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return
    if not is_within(host, networks):
        raise Refused(
            "FENGHUO_SECOND_READER_URL: the address is outside FENGHUO_SECOND_READER_NETWORKS; reports are "
            "sent to the district's own networks alone"
        )


def _trust(ca_file: str) -> ssl.SSLContext:
    trust = ssl.create_default_context()
    if ca_file:
        try:
            trust.load_verify_locations(cafile=Path(ca_file))
        except (OSError, ValueError) as error:
            why = f"{ca_file} is no readable file of certificates in PEM: {type(error).__name__}"
            raise Refused(f"FENGHUO_CA_FILE: {why}") from None
    return trust
