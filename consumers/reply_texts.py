"""The replies to people who reported, in plain Chinese (they go into groups). Pure."""

from fenghuo.domain.events import URGENT, ScamStage

STOP_NOW = "请立即停止转账和操作，保存证据，马上拨打 110；也可拨打 96110 咨询。"


def known(title: str, advice: str, stage: ScamStage) -> str:
    """The reply to a report of a known scam."""
    if stage in URGENT:
        return f"这是诈骗：{title}。{STOP_NOW}"
    return f"这是诈骗：{title}。{advice}请不要点链接、不要转账；如已付款请立即拨打 110。"


def new(stage: ScamStage, suspicious: bool) -> str:
    """The first reply to a report that matches no known pattern."""
    if stage in URGENT:
        return f"已收到，正在紧急核实。{STOP_NOW}"
    if suspicious:
        return "已收到，内容可疑，反诈中心正在核实。核实前请不要点链接、不要转账、不要告诉别人验证码。"
    return "已收到，暂未发现已知骗局，反诈中心会继续核实。拿不准时请拨打 96110。"


def warned(title: str) -> str:
    """The reply once the warning about their report has been delivered."""
    return f"您举报的内容已核实为诈骗：{title}。预警已发到各群，谢谢您的举报；如已付款请立即拨打 110。"


def withdrawn(title: str) -> str:
    """The reply once the warning about their report was recalled."""
    return f"关于“{title}”的预警已撤回，此前的答复作废，请以反诈中心的更正为准。拿不准时请拨打 96110。"
