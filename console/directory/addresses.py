"""Addresses as people write them in a table: checked by channel, keys taken out of robots' URLs, sealed.
Pure."""

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

from fenghuo.domain.channels import (
    CHANNELS,
    GROUP_CHANNELS,
    NOTIFY,
    SANDBOX,
    SEALED,
    SIGNING,
    Address,
    KeyUrl,
)
from fenghuo.domain.events import Binding
from fenghuo.security.sealing import PREFIX

Seal: TypeAlias = Callable[[str], str]
"""Seals a text; an empty one stays empty."""
Cells: TypeAlias = Mapping[str, str]

LONGEST = 2_000
"""Characters of an address."""


class WrongRowError(ValueError):
    """A row that cannot be taken; the text tells a person why and holds no address and no secret."""


_CREDENTIAL = re.compile(r"[\w.-]{0,64}")
_CHANNEL_OF = {alias: x.name for x in CHANNELS.values() for alias in (x.name, *x.zh)}


def channel_named(text: str, column: str) -> str:
    """The channel that ``text`` (relay, 民警转发) means; the sandbox where there is none."""
    name = _CHANNEL_OF.get(text.lower(), _CHANNEL_OF.get(text)) if text else SANDBOX.name
    if name is None:
        # a long word in this column may be a key that has slipped into it
        called = f"'{text}'" if len(text) <= 20 else "no channel"
        raise WrongRowError(f"'{column}' is {called}; known: {', '.join(GROUP_CHANNELS)}")
    return name


def way_of(cells: Cells, number: str, seal: Seal) -> Binding:
    """The way in the columns channel, target, secret and credential that end in ``number``."""
    channel = channel_named(cells[f"channel{number}"], f"channel{number}")
    secret, credential = cells[f"secret{number}"], cells[f"credential{number}"]
    if not _CREDENTIAL.fullmatch(credential):
        raise WrongRowError(f"'credential{number}' is a name from the credentials file, not a key")
    if secret and channel not in SIGNING:
        raise WrongRowError(f"'secret{number}' is given, but {channel} has no signing secret: leave it empty")
    if secret.startswith(PREFIX):
        raise WrongRowError(f"'secret{number}' is sealed already: write the secret itself")
    address = _address(channel, cells[f"target{number}"], f"target{number}")
    return Binding(
        channel=channel, target=seal(address) if channel in SEALED else address, secret=seal(secret),
        credential=credential,
    )  # fmt: skip


def _address(channel: str, text: str, column: str) -> str:
    """The address as it is kept: a robot's key without its URL; WrongRowError for what cannot be one."""
    address = CHANNELS[channel].address
    if address is None:
        if text:
            raise WrongRowError(f"'{column}' is given, but {channel} has no address: which channel is it?")
        return ""
    if not text:
        raise WrongRowError(f"'{column}' is empty; {channel} needs {address.wanted}")
    key = _key_in(address.url, text) if address.url else text
    if len(text) > LONGEST or key is None or not _has_form(address, key):
        raise WrongRowError(f"'{column}' is not what {channel} needs: {address.wanted}")
    return key


def _key_in(url: KeyUrl, text: str) -> str | None:
    """The key in ``text``, a robot's URL or the bare key; None for the URL of something else."""
    if "://" not in text:
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    found = re.fullmatch(url.path, parts.path)
    if parts.hostname not in url.hosts or found is None:
        return None
    return parse_qs(parts.query).get(url.parameter, [""])[0] if url.parameter else found[1]


def _has_form(address: Address, text: str) -> bool:
    """Whether ``text`` looks like ``address``; an http(s) URL must name a host, and a port only from 1."""
    if re.fullmatch(address.pattern, text) is None:
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme not in ("http", "https") or (bool(parts.hostname) and (parts.port or 1) > 0)
    except ValueError:
        return False


def notify_of(text: str, seal: Seal) -> Binding | None:
    """Where a person is told: ``channel=address``, then ``secret=...`` and ``credential=...`` where there are
    any; None for nothing."""
    if not text:
        return None
    first, *others = text.split()
    name, _, target = first.partition("=")
    more = dict(x.partition("=")[::2] for x in others)
    channel = _CHANNEL_OF.get(name)
    if channel not in NOTIFY or set(more) - {"secret", "credential"}:
        raise WrongRowError(
            "'notify' is channel=address, then secret=... or credential=... if need be; "
            f"channels: {', '.join(x for x in CHANNELS if x in NOTIFY)}"
        )
    cells = {
        "channel": channel, "target": target, "secret": more.get("secret", ""),
        "credential": more.get("credential", ""),
    }  # fmt: skip
    try:
        return way_of(cells, "", seal)
    except WrongRowError as error:
        raise WrongRowError(f"'notify': {error}") from None
