"""Parsing the addresses of a table: validation by channel, extraction of robot keys, sealing. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

from fenghuo.domain.channels import (
    CHANNELS,
    GROUP_CHANNELS,
    NEEDS_CREDENTIAL,
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

MAX_LENGTH = 2_000
"""Characters of an address."""


class WrongRowError(ValueError):
    """An invalid row; the message gives the reason and contains no address and no secret."""


_CREDENTIAL = re.compile(r"[\w.-]{0,64}")
_CHANNEL_OF = {alias: x.name for x in CHANNELS.values() for alias in (x.name, *x.zh)}


def parse_channel(text: str, column: str) -> str:
    """The channel of a name or label, such as relay or 民警转发; the sandbox for an empty text."""
    name = _CHANNEL_OF.get(text.lower(), _CHANNEL_OF.get(text)) if text else SANDBOX.name
    if name is None:
        # Do not repeat a long word: it may be a key that was put into the wrong column.
        called = f"'{text}'" if len(text) <= 20 else "no channel"
        raise WrongRowError(f"'{column}' is {called}; known: {', '.join(GROUP_CHANNELS)}")
    return name


def parse_way(cells: Cells, number: str, seal: Seal) -> Binding:
    """The way to a group in the columns channel, target, secret and credential with the suffix ``number``."""
    column = f"channel{number}"
    channel = parse_channel(cells[column], column)
    if channel not in GROUP_CHANNELS:
        raise WrongRowError(
            f"'{column}' is {channel}, which reaches persons and no group; known: {', '.join(GROUP_CHANNELS)}"
        )
    return _parse_binding(channel, cells, number, seal)


def _parse_binding(channel: str, cells: Cells, number: str, seal: Seal) -> Binding:
    secret, credential = cells[f"secret{number}"], cells[f"credential{number}"]
    if not _CREDENTIAL.fullmatch(credential):
        raise WrongRowError(f"'credential{number}' is a name from the credentials file, not a key")
    if secret and channel not in SIGNING:
        raise WrongRowError(f"'secret{number}' is given, but {channel} has no signing secret: leave it empty")
    if secret.startswith(PREFIX):
        raise WrongRowError(f"'secret{number}' is sealed already: write the secret itself")
    address = _parse_address(channel, cells[f"target{number}"], f"target{number}")
    return Binding(
        channel=channel, target=seal(address) if channel in SEALED else address, secret=seal(secret),
        credential=credential,
    )  # fmt: skip


def _parse_address(channel: str, text: str, column: str) -> str:
    """The address to store, for a robot only its key; WrongRowError if ``text`` is invalid."""
    address = CHANNELS[channel].address
    if address is None:
        if text:
            raise WrongRowError(f"'{column}' is given, but {channel} has no address: which channel is it?")
        return ""
    if not text:
        raise WrongRowError(f"'{column}' is empty; {channel} needs {address.wanted}")
    key = _key_in(address.url, text) if address.url else text
    if len(text) > MAX_LENGTH or key is None or not _has_form(address, key):
        raise WrongRowError(f"'{column}' is not what {channel} needs: {address.wanted}")
    return key


def _key_in(url: KeyUrl, text: str) -> str | None:
    """The key in ``text``, which is a robot's URL or the key itself; None for any other URL."""
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
    """Whether ``text`` has the form of ``address``; an http(s) URL needs a host and a valid port."""
    if re.fullmatch(address.pattern, text) is None:
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme not in ("http", "https") or (bool(parts.hostname) and (parts.port or 1) > 0)
    except ValueError:
        return False


def parse_notify(text: str, seal: Seal) -> Binding | None:
    """Where notices to a person go: ``channel=address``, optionally ``secret=...`` and ``credential=...``.

    None for an empty text.
    """
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
        "target": target, "secret": more.get("secret", ""),
        "credential": more.get("credential", ""),
    }  # fmt: skip
    if channel in NEEDS_CREDENTIAL and not cells["credential"]:
        raise WrongRowError(f"'notify': {channel} needs credential=... with a name from the credentials file")
    try:
        return _parse_binding(channel, cells, "", seal)
    except WrongRowError as error:
        raise WrongRowError(f"'notify': {error}") from None
