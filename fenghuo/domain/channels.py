"""What is true of each channel."""

from fenghuo.domain.events import Binding

ORDER = {"relay": 0, "wecom_customer_group": 0, "sandbox": 1, "webhook": 1}
"""What waits for people goes first, then what takes repeats; robots, which go one by one, hold nobody up."""


TASKS = frozenset({"wecom_customer_group"})
"""Channels through which an owner gets one task for many groups."""


MOST_CHATS = 2_000


CHANNELS = (
    "sandbox", "relay", "wecom_customer_group", "wecom_robot", "dingtalk", "feishu", "webhook", "apprise",
)  # fmt: skip
"""The ways to groups that exist, the default first; broadcast has an adapter for each."""


SANDBOX = Binding(channel=CHANNELS[0])


TAPPED = frozenset({"relay"})
"""Channels whose groups are settled by a person's tap here; the others' platforms are asked."""


MOST_BYTES = {"wecom_robot": 2048, "wecom_customer_group": 4000, "dingtalk": 18_000, "feishu": 18_000}
"""Bytes (UTF-8) of text that a channel takes. DingTalk's 20,000 and Feishu's 20 KB are those of the whole
body, in which a line break or a quotation mark takes two: what is kept back is for these and for what stands
around the text."""


ROBOTS = frozenset({"wecom_robot", "dingtalk", "feishu"})
"""Channels where each target is a credential of its own."""


NEEDS_TAP = frozenset({"relay", "wecom_customer_group"})
"""Channels on which nothing goes out before a person taps."""


COUNTED = frozenset({"wecom_customer_group"})
"""Channels whose platform counts what a group gets."""


CARRY_REPLIES = frozenset({"sandbox"})


CHANNEL_NAMES = {
    "sandbox": ("演示群墙", "演示"),
    "relay": ("民警转发", "转发"),
    "wecom_customer_group": ("企业微信客户群", "客户群"),
    "wecom_robot": ("企业微信机器人", "群机器人"),
    "dingtalk": ("钉钉机器人", "钉钉"),
    "feishu": ("飞书机器人", "飞书"),
    "webhook": ("网络回调", "回调"),
    "apprise": ("Apprise 通知",),
}
"""Channels with their Chinese names."""


PEOPLE = TAPPED | TASKS
"""Channels where a group waits for a person."""
