"""A page for trainees: the latest messages of the groups that got one last."""

from html import escape

from fenghuo.domain.channels import channel_label
from fenghuo.simulator.delivered_messages import DeliveredMessage
from fenghuo.simulator.platform import SimulatedPlatform

GROUPS, PER_GROUP = 30, 3
_STYLE = (
    "body{font:16px/1.6 sans-serif;max-width:60rem;margin:1rem auto;padding:0 1rem}"
    ".sim{background:#7a1f00;color:#fff;padding:.5rem 1rem}h2{font-size:1.1rem;margin-bottom:0}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f2f2f2;padding:.5rem;margin:.3rem 0}"
    "small{color:#555}"
)


def render(platform: SimulatedPlatform) -> str:
    """The page's HTML; every text is escaped."""
    delivered = platform.delivered
    latest: dict[str, None] = {}
    for shown in reversed(delivered.log):
        latest.setdefault(shown.group_id)
        if len(latest) == GROUPS:
            break
    local = platform.clock.local(platform.clock.now_s())
    facts = (
        f"模拟时间 {local:%Y-%m-%d %H:%M:%S}（{platform.clock.speed:g} 倍速）· 已显示 {delivered.shown} 条 · "
        f"重复 {delivered.doubles} 条 · 待点发任务 {platform.mass_sends.open()} 个"
    )
    groups = "".join(_group(platform, group_id) for group_id in latest)
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta http-equiv="refresh" content="5">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>烽火演练：群消息墙</title><style>{_STYLE}</style></head><body>"
        '<p class="sim" role="note">这是模拟平台，用于演练和测试。这里的消息没有发给任何居民。</p>'
        f"<h1>群消息墙</h1><p>{facts}</p><main>{groups or '<p>还没有消息。</p>'}</main></body></html>"
    )


def _group(platform: SimulatedPlatform, group_id: str) -> str:
    last = list(platform.delivered.groups[group_id])[-PER_GROUP:]
    title = f"{platform.names.get(group_id, '')} {group_id}".strip()
    return f"<h2>{escape(title)}</h2>" + "".join(_message(platform, shown) for shown in reversed(last))


def _message(platform: SimulatedPlatform, shown: DeliveredMessage) -> str:
    known = platform.delivered.texts.get(shown.text_sha)
    text = known.text if known else "（较早的消息，文字已不保留）"
    at = platform.clock.local(platform.clock.sim_s(shown.at_ms))
    channel = channel_label(shown.channel)
    return f"<small>{at:%m-%d %H:%M:%S} · {escape(channel)}</small><pre>{escape(text)}</pre>"
