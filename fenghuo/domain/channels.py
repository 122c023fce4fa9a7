"""What is true of each channel: one row a channel, and every other module asks here. Pure.

To add a channel: one row here, and one adapter in broadcast/channels.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType


class SettledBy(Enum):
    """Whose word settles a delivery."""

    PLATFORM = "the platform's answer"
    TAP_HERE = "a person's tap on the to-do page"
    OWNER_TASK = "the owner's tap on the platform, which is asked for it"


@dataclass(frozen=True, slots=True)
class KeyUrl:
    """Where the key is in the URL that a platform shows for a robot."""

    hosts: tuple[str, ...]
    path: str
    """A regular expression that the whole path matches."""
    parameter: str = ""
    """The query's parameter with the key; empty: the key is the path's first group."""


@dataclass(frozen=True, slots=True)
class Address:
    """What an address on a channel looks like."""

    wanted: str
    """In words, for a person who wrote something else."""
    pattern: str
    """A regular expression that the whole address matches."""
    secret: bool = True
    """Whether anybody who knows it can write there; it is sealed then."""
    signed: bool = False
    """Whether a signing secret may belong to it."""
    url: KeyUrl | None = None
    """Where it may be given as a URL of which only the key is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One row: what is true of a channel, whoever asks."""

    name: str
    """As in bindings, events, settings and files."""
    zh: tuple[str, ...]
    """Its Chinese name, and others by which expressions and imported files may call it."""
    en: str
    address: Address | None = None
    """None: a group needs no address on it."""
    settled_by: SettledBy = SettledBy.PLATFORM
    idempotent: bool = False
    """Whether a repeat with the same idempotency key is ignored, so that it may be sent again."""
    robot: bool = False
    """Whether each target is a credential of its own, with its own rate and its own misconfiguration."""
    needs_credential: bool = False
    """Whether a binding must name a credential of the credentials file."""
    counted: bool = False
    """Whether the platform counts, and limits, what a group gets."""
    carries_replies: bool = False
    """Whether answers to reporters go out through it."""
    reaches_groups: bool = True
    notifies: bool = False
    """Whether it can notify a person of what waits for a tap."""
    by_user_id: bool = False
    """Whether it reaches a person by the user id alone, without an address of the person's own."""
    max_bytes: int = 0
    """Bytes (UTF-8) of text that it takes; 0: no limit of its own."""
    max_chats: int = 1
    """Groups that one request may be for."""

    @property
    def needs_tap(self) -> bool:
        """Whether nothing goes out before a person taps, here or on the platform."""
        return self.settled_by is not SettledBy.PLATFORM


_KEY = r"(?a:[\w-]{4,128})"

SANDBOX = Channel(
    name="sandbox", zh=("演示群墙", "演示"), en="Sandbox wall", idempotent=True, carries_replies=True
)
RELAY = Channel(
    name="relay", zh=("民警转发", "转发"), en="Officer relay", settled_by=SettledBy.TAP_HERE, idempotent=True
)
WECOM_CUSTOMER_GROUP = Channel(
    name="wecom_customer_group",
    zh=("企业微信客户群", "客户群"),
    en="WeCom customer group",
    address=Address("the customer group's chat id (wr...)", r"(?a:wr[\w-]{4,62})", secret=False),
    settled_by=SettledBy.OWNER_TASK,
    needs_credential=True,
    counted=True,
    max_bytes=4000,
    max_chats=2000,
)
WECOM_ROBOT = Channel(
    name="wecom_robot",
    zh=("企业微信机器人", "群机器人"),
    en="WeCom robot",
    address=Address(
        "the robot's webhook URL or its key", _KEY,
        url=KeyUrl(("qyapi.weixin.qq.com",), r"/cgi-bin/webhook/send", "key"),
    ),
    robot=True,
    notifies=True,
    max_bytes=2048,
)  # fmt: skip
DINGTALK = Channel(
    name="dingtalk",
    zh=("钉钉机器人", "钉钉"),
    en="DingTalk robot",
    address=Address(
        "the robot's webhook URL or its access token", _KEY, signed=True,
        url=KeyUrl(("oapi.dingtalk.com",), r"/robot/send", "access_token"),
    ),
    robot=True,
    notifies=True,
    max_bytes=18_000,  # the limit of 20,000 is the whole body's, in which a line break takes two bytes
)  # fmt: skip
FEISHU = Channel(
    name="feishu",
    zh=("飞书机器人", "飞书"),
    en="Feishu robot",
    address=Address(
        "the robot's webhook URL or its token", _KEY, signed=True,
        url=KeyUrl(("open.feishu.cn", "open.larksuite.com"), r"/open-apis/bot/v2/hook/([^/]+)/?"),
    ),
    robot=True,
    notifies=True,
    max_bytes=18_000,  # the limit of 20 KB is the whole body's, as DingTalk's
)  # fmt: skip
WEBHOOK = Channel(
    name="webhook",
    zh=("网络回调", "回调"),
    en="Webhook",
    address=Address("an address that begins with http:// or https://", r"(?is:https?://.+)"),
    idempotent=True,
    notifies=True,
)
APPRISE = Channel(
    name="apprise",
    zh=("Apprise 通知",),
    en="Apprise",
    address=Address("an Apprise URL (name://...)", r"(?i:[a-z][a-z0-9+.-]*://\S+)"),
    notifies=True,
)

WECOM_USER_ID = r"(?a:[A-Za-z0-9][\w.@-]{0,63})"
WECOM_APP = Channel(
    name="wecom_app",
    zh=("企业微信应用消息", "应用消息"),
    en="WeCom app message",
    address=Address("the person's WeCom user id", WECOM_USER_ID, secret=False),
    reaches_groups=False,
    notifies=True,
    by_user_id=True,
    needs_credential=True,
    max_bytes=2048,
)

ROWS = (SANDBOX, RELAY, WECOM_CUSTOMER_GROUP, WECOM_ROBOT, DINGTALK, FEISHU, WEBHOOK, APPRISE, WECOM_APP)
"""Every channel, the default of a group without one first; in this order people see them."""

CHANNELS: Mapping[str, Channel] = MappingProxyType({x.name: x for x in ROWS})
"""Every channel by name; broadcast has an adapter for each."""
GROUP_CHANNELS = tuple(x.name for x in ROWS if x.reaches_groups)
"""The ways to groups, the default first."""
CHANNEL_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType({x: CHANNELS[x].zh for x in GROUP_CHANNELS})
"""The ways to groups with their Chinese names."""


def _those(fact: Callable[[Channel], bool]) -> frozenset[str]:
    return frozenset(x.name for x in ROWS if fact(x))


TAPPED_HERE = _those(lambda x: x.settled_by is SettledBy.TAP_HERE)
"""Groups on these wait on our to-do page, and a tap there settles them; no platform is asked."""
OWNER_TASKS = _those(lambda x: x.settled_by is SettledBy.OWNER_TASK)
"""On these the group's owner gets one task for many groups and taps on the platform, which is asked."""
NEEDS_TAP = _those(lambda x: x.needs_tap)
"""TAPPED_HERE and OWNER_TASKS: nothing goes out before a person taps."""
IDEMPOTENT = _those(lambda x: x.idempotent)
ROBOTS = _those(lambda x: x.robot)
NEEDS_CREDENTIAL = _those(lambda x: x.needs_credential)
COUNTED = _those(lambda x: x.counted)
CARRY_REPLIES = _those(lambda x: x.carries_replies)
NOTIFY = _those(lambda x: x.notifies)
BY_USER_ID = _those(lambda x: x.by_user_id)
SEALED = _those(lambda x: x.address is not None and x.address.secret)
SIGNING = _those(lambda x: x.address is not None and x.address.signed)

FIRST_TO_GO, LAST_TO_GO = 0, 2


def send_order(channel: str) -> int:
    """When deliveries of ``channel`` go: first those that wait for a tap, then idempotent channels, last
    what goes out one at a time, so that it delays nobody."""
    if channel in NEEDS_TAP:
        return FIRST_TO_GO
    return 1 if channel in IDEMPOTENT else LAST_TO_GO


def channel_label(channel: str) -> str:
    """The Chinese name of ``channel``; its name where it is not known."""
    return CHANNELS[channel].zh[0] if channel in CHANNELS else channel
