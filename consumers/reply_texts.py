"""The replies to people who reported, in plain Chinese (they go into groups). Pure."""

from collections.abc import Sequence

from consumers.service_table import Service
from fenghuo.domain.events import URGENT, ScamStage

STOP_NOW = "请立即停止转账和操作，保存证据，马上拨打 110；也可拨打 96110 咨询。"
FIRST = {
    "fire": "请马上离开现场，弯腰走楼梯，不要坐电梯，拨打 119；有人受伤拨打 120。",
    "gas": "不要开关电器和点火，开窗、离开屋子，到室外拨打 119；有人不舒服拨打 120。",
    "medical": "请马上拨打 120，守在病人身边，按电话里医生说的做。",
    "violence": "请先躲到安全的地方，马上拨打 110；不便说话可发短信到 12110。有人受伤拨打 120。",
    "missing": "请马上拨打 110 报失踪，不必等 24 小时，说清穿着、地点和时间。",
    "despair": "请别一个人扛。马上拨打 110，或心理援助热线 12356，随时有人听；我们也会有人给您打电话。",
    "trapped": "请马上拨打 119 或 110，说清地点；待在原处，节省手机电量。",
    "drowning": "请马上拨打 110 和 120，不会水的人不要下水，扔绳子或漂浮物。",
    "accident": "请马上拨打 120 和 110，不要移动伤员，摆好警示。",
    "threat": "请马上到人多、能锁门的地方，拨打 110；不便说话可发短信到 12110。",
}
"""What to do first in each kind of emergency."""
_NOW = "请马上拨打 110；火警 119，急救 120。"


def known(title: str, advice: str, stage: ScamStage) -> str:
    """The reply to a report of a known scam."""
    if stage in URGENT:
        return f"这是诈骗：{title}。{STOP_NOW}"
    return f"这是诈骗：{title}。{advice}请不要点链接、不要转账；如已付款请立即拨打 110。"


def like(type_label: str, advice: str, stage: ScamStage) -> str:
    """The reply where the type is sure though no copy of it is known."""
    if stage in URGENT:
        return f"很像“{type_label}”骗局。{STOP_NOW}"
    return f"很像“{type_label}”骗局，先别转账、别点链接。{advice}拿不准请拨打 96110；如已付款请立即拨打 110。"


def new(stage: ScamStage, suspicious: bool) -> str:
    """The first reply to a report that matches no known pattern."""
    if stage in URGENT:
        return f"已收到，正在紧急核实。{STOP_NOW}"
    if suspicious:
        return "已收到，内容可疑，反诈中心正在核实。核实前请不要点链接、不要转账、不要告诉别人验证码。"
    return (
        "已收到，还不能确定，先别转账、别点链接、别告诉别人验证码，反诈中心会继续核实。拿不准时请拨打 96110。"
    )


def emergency(kind: str | None, calls: Sequence[str], stage: ScamStage) -> str:
    """The reply to an emergency, before any other judgement; with lost money, what stops the payment too."""
    first = FIRST.get(kind or "", _NOW)
    unsaid = [number for number in calls if number not in first]
    also = f"也请拨打 {'、'.join(unsaid)}。" if unsaid else ""
    return f"{first}{also}{STOP_NOW if stage in URGENT else ''}"


def service(service: Service, stage: ScamStage) -> str:
    """The reply to a matter that is no fraud: whom to call; what stops the payment, should one be moving."""
    whom = f"{service.name} {service.number}。{service.say}"
    fraud = STOP_NOW if stage in URGENT else "请拨打 96110。"
    return f"已收到。这不归反诈，请拨打{whom}如有人让您转账、报验证码，{fraud}"


def warned(title: str) -> str:
    """The reply once the warning about their report has been delivered."""
    return f"您举报的内容已核实为诈骗：{title}。预警已发到各群，谢谢您的举报；如已付款请立即拨打 110。"


def withdrawn(title: str) -> str:
    """The reply once the warning about their report was recalled."""
    return f"关于“{title}”的预警已撤回，此前的答复作废，请以反诈中心的更正为准。拿不准时请拨打 96110。"
