"""Addresses as people write them in a table: checked by channel, keys taken out of robots' URLs, sealed.
Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

from fenghuo.domain.channels import CHANNEL_NAMES, CHANNELS
from fenghuo.domain.events import Binding
from fenghuo.security.sealing import PREFIX

Seal: TypeAlias = Callable[[str], str]
"""Seals a text; an empty one stays empty."""
Cells: TypeAlias = Mapping[str, str]

LONGEST = 2_000
"""Characters of an address."""
SEALED = frozenset({"wecom_robot", "dingtalk", "feishu", "webhook", "apprise"})
"""Channels whose address lets anybody who knows it write to the group."""
SIGNING = frozenset({"dingtalk", "feishu"})
"""Channels whose robots may have a signing secret."""
NOTIFY = SEALED
"""Channels that a person can be told by."""


class WrongRowError(ValueError):
    """A row that cannot be taken; the text tells a person why and holds no address and no secret."""


@dataclass(frozen=True, slots=True)
class Robot:
    """A platform's robots: on which host, and where in their URL the key is."""

    hosts: tuple[str, ...]
    path: re.Pattern[str]
    parameter: str = ""
    """The query's parameter with the key; empty: it is the path's first group."""


ROBOTS = {
    "wecom_robot": Robot(("qyapi.weixin.qq.com",), re.compile(r"/cgi-bin/webhook/send"), "key"),
    "dingtalk": Robot(("oapi.dingtalk.com",), re.compile(r"/robot/send"), "access_token"),
    "feishu": Robot(
        ("open.feishu.cn", "open.larksuite.com"), re.compile(r"/open-apis/bot/v2/hook/([^/]+)/?")
    ),
}
_KEY = re.compile(r"[\w-]{4,128}", re.ASCII)
_CHAT = re.compile(r"wr[\w-]{4,62}", re.ASCII)
_CREDENTIAL = re.compile(r"[\w.-]{0,64}")
_CHANNEL_OF = {alias: name for name, aliases in CHANNEL_NAMES.items() for alias in (name, *aliases)}


def channel_named(text: str, column: str) -> str:
    """The channel that ``text`` (relay, 民警转发) means; the sandbox where there is none."""
    name = _CHANNEL_OF.get(text.lower(), _CHANNEL_OF.get(text)) if text else CHANNELS[0]
    if name is None:
        # a long word in this column may be a key that has slipped into it
        called = f"'{text}'" if len(text) <= 20 else "no channel"
        raise WrongRowError(f"'{column}' is {called}; known: {', '.join(CHANNELS)}")
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
    if channel in ("sandbox", "relay"):
        if text:
            raise WrongRowError(f"'{column}' is given, but {channel} has no address: which channel is it?")
        return ""
    if not text:
        raise WrongRowError(f"'{column}' is empty; {channel} needs {_WANTED[channel]}")
    key = _key_in(ROBOTS[channel], text) if channel in ROBOTS else text
    if len(text) > LONGEST or key is None or not _FORMS[channel](key):
        raise WrongRowError(f"'{column}' is not what {channel} needs: {_WANTED[channel]}")
    return key


def _key_in(robot: Robot, text: str) -> str | None:
    """The key in ``text``, a robot's URL or the bare key; None for the URL of something else."""
    if "://" not in text:
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    found = robot.path.fullmatch(parts.path)
    if parts.hostname not in robot.hosts or found is None:
        return None
    return parse_qs(parts.query).get(robot.parameter, [""])[0] if robot.parameter else found[1]


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def _is_key(text: str) -> bool:
    return _KEY.fullmatch(text) is not None


_WANTED = {
    "wecom_customer_group": "the customer group's chat id (wr...)",
    "wecom_robot": "the robot's webhook URL or its key",
    "dingtalk": "the robot's webhook URL or its access token",
    "feishu": "the robot's webhook URL or its token",
    "webhook": "an address that begins with http:// or https://",
    "apprise": "an Apprise URL (name://...)",
}
_FORMS: dict[str, Callable[[str], bool]] = {
    "wecom_customer_group": lambda text: _CHAT.fullmatch(text) is not None,
    "wecom_robot": _is_key,
    "dingtalk": _is_key,
    "feishu": _is_key,
    "webhook": _is_url,
    "apprise": lambda text: re.fullmatch(r"[a-z][a-z0-9+.-]*://\S+", text, re.IGNORECASE) is not None,
}


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
