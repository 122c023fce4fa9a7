"""The laws of telling a scam from its honest twin and from a warning of it."""

import json
import re
from functools import cache
from pathlib import Path

import pytest

from consumers.live_library import seed_patterns
from patterns.data.hook_phrases import HARD, OFFICIAL, SPOKEN, STRONG_ADVICE, WEAK_ADVICE
from patterns.signals.verdict_rules import (
    ALIGNED,
    KNOWN,
    LARGE_LIBRARY,
    NEAR_COPY,
    SMALL_LIBRARY,
    bands,
    hooks,
    is_advice,
    leads_away,
    names_known_good,
    quotes_to_warn,
)
from patterns.text.normalise import clean, sound
from patterns.text.slots import example

QUALITY = Path(__file__).parents[2] / "quality"
KINDS = {"link", "account", "number", "app", "qr", "screen", "pay", "secret", "cash", "reply", "rent"}


@cache
def corpus() -> tuple[str, ...]:
    """Seeds, near misses, twins and variants, normalised."""
    lines = [line for path in sorted(QUALITY.glob("*/*.jsonl")) for line in path.open(encoding="utf-8")]
    texts = [example(pattern.text) for pattern in seed_patterns()]
    return tuple(clean(text) for text in [*texts, *(json.loads(line)["text"] for line in lines)])


def test_the_thresholds_are_in_order() -> None:
    for size in (0, 1, SMALL_LIBRARY, 1_200, LARGE_LIBRARY, 10**6):
        known, suggested = bands(size)
        assert 0 < suggested < known <= KNOWN < NEAR_COPY < 100
    assert 0 < ALIGNED < 100


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("请点击下方链接", {"link"}),
        ("打开网页认证", {"link"}),
        ("戳网址领红包", {"link"}),
        ("请登录 gs.example.com", {"link"}),
        ("详见https://k3.example.com/a9", {"link"}),
        ("加微信", {"account"}),
        ("加我薇亻言", {"account"}),
        ("联系客服", {"account"}),
        ("拉你进群", {"account"}),
        ("私我", {"account"}),
        ("找zhang_1987", {"account"}),
        ("回电13800138000", {"number"}),
        ("客服热线4001234567", {"number"}),
        ("请下载会议软件", {"app"}),
        ("安装云讯app", {"app"}),
        ("填邀请码", {"app"}),
        ("扫码领取", {"qr"}),
        ("识别下面的二维码", {"qr"}),
        ("开启共享屏幕", {"screen"}),
        ("远程协助您操作", {"screen"}),
        ("到会议室来", {"screen"}),
        ("先垫付", {"pay"}),
        ("转账到安全账户", {"pay"}),
        ("缴纳保证金", {"pay"}),
        ("充值三千", {"pay"}),
        ("填写银行卡号", {"secret"}),
        ("把验证码告诉我", {"secret"}),
        ("提供身份证照片", {"secret"}),
        ("取出现金等人上门取", {"cash"}),
        ("买金条寄到验资点", {"cash"}),
        ("回复1确认", {"reply"}),
        ("出租收款码", {"rent"}),
        ("跑分日结", {"rent"}),
    ],
)
def test_a_hook_is_heard(text: str, asked: set[str]) -> None:
    found = hooks(clean(text))
    assert found.asked >= asked
    assert not found.refused


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("不要点击链接", {"link"}),
        ("请勿点击任何链接", {"link"}),
        ("切勿加微信", {"account"}),
        ("不得转账", {"pay"}),
        ("办理无需缴费用", {"pay"}),
        ("从不索要验证码", {"secret"}),
        ("不会要求您提供密码", {"secret"}),
        ("没有要求下载软件", {"app"}),
        ("谨防扫码", {"qr"}),
        ("拒绝共享屏幕", {"screen"}),
        ("点链接的都是诈骗", {"link"}),
        ("全程不收任何费用", {"pay"}),
        ("不要取现金", {"cash"}),
        ("请勿登录 gs.example.com", {"link"}),
    ],
)
def test_a_hook_that_is_advised_against_is_refused(text: str, refused: set[str]) -> None:
    found = hooks(clean(text))
    assert found.refused >= refused
    assert not found.asked & refused


@pytest.mark.parametrize(
    "text",
    [
        "不得不转账",
        "别忘了转账",
        "别人让加微信",
        "不要告诉家人。请转账",
        "无需担心，点击链接",
        "不可信，点击链接",
        "额度没有限制，先交押金",
        "提现无上限，点击链接",
        "名额不限量，加微信",
    ],
)
def test_a_no_to_something_else_refuses_no_hook(text: str) -> None:
    found = hooks(clean(text))
    assert found.asked and not found.refused


@pytest.mark.parametrize(
    "text",
    [
        "",
        "收到，谢谢",
        "今天停水",
        "明天下午三点开家长会",
        "您乘坐的CA1234航班已到达",
        "您的验证码是886641，五分钟内有效",
        "请登录 www.gsxt.gov.cn 查询",
        "请登录 www.icbc.com.cn",
        "有事找12345热线",
        "余额4,213.77元",
        "12月17日 09:30",
        "交通卡",
    ],
)
def test_what_leads_nowhere_has_no_hook(text: str) -> None:
    assert hooks(clean(text)) == (frozenset(), frozenset())
    assert not leads_away(clean(text))


@pytest.mark.parametrize(
    "text",
    [
        "G1234次列车晚点",
        "地址是B1205室",
        "通知时间2025-06-12",
        "适用iphone15手机",
        "家里的wifi6",
        "工号A1023",
    ],
)
def test_trains_rooms_dates_and_things_are_no_hook(text: str) -> None:
    assert not hooks(clean(text)).asked & {"account", "number"}


@pytest.mark.parametrize("text", ["请下载国家反诈中心APP", "下载个人所得税app办理年度汇算"])
def test_an_official_program_is_no_hook(text: str) -> None:
    assert hooks(clean(text)).asked == frozenset()


def test_two_latin_words_with_no_space_behind_the_stop_are_no_link() -> None:
    assert not leads_away(clean("it was a long day.everybody slept"))
    assert leads_away(clean("it was at lucky.top yesterday"))


def test_a_number_at_the_end_of_a_sentence_is_a_number() -> None:
    assert hooks(clean("Please call 09057894213.")).asked == {"number"}
    assert hooks(clean("it weighs 1234567.5")).asked == frozenset()


@pytest.mark.parametrize("text", ["今晚8点app内抢购", "晚上8点live直播", "下午3点in会议室"])
def test_an_hour_before_a_word_is_no_link(text: str) -> None:
    assert "link" not in hooks(clean(text)).asked


@pytest.mark.parametrize("text", ["请拨打96110", "致电95588", "电话12345"])
def test_a_known_good_number_to_call_is_no_payment(text: str) -> None:
    assert hooks(clean(text)).asked == frozenset()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("点鸡链结", "link"), ("共想屏幕", "screen"), ("电付本金", "pay"), ("嘉微性", "account"),
        ("填歇演证马", "secret"), ("点·击·链·接", "link"),
    ],
)  # fmt: skip
def test_a_hook_is_heard_in_what_sounds_alike(text: str, kind: str) -> None:
    assert kind in hooks(clean(text)).asked


@pytest.mark.parametrize("text", ["gs.example.com", "hxxps://a.evil.top/x", "zhang_1987", "加v88abc"])
def test_a_strange_link_or_an_account_leads_away(text: str) -> None:
    assert leads_away(clean(f"请看{text} 处理"))


@pytest.mark.parametrize(
    "text",
    ["www.12306.cn", "10086.cn", "zhang@example.com", "请勿点 gs.example.com", "abcdefgh", "3.5", "CA1234"],
)
def test_what_is_known_good_or_no_address_leads_nowhere(text: str) -> None:
    assert not leads_away(clean(f"请看{text} 处理"))


@pytest.mark.parametrize(
    "text",
    [
        "打开交管12123查看", "用云闪付缴费", "在我的-设置-账号与安全里改", "首页>账单>全部",
        "请登录www.gsxt.gov.cn", "icbc.com.cn", "拨打96110", "致电95588", "客服12306", "请到窗口办理",
        "在营业厅", "登录官网", "官方App", "联系居委会", "服务中心", "到柜台办", "app内查询", "原路退回",
    ],
)  # fmt: skip
def test_what_is_official_is_known_good(text: str) -> None:
    assert names_known_good(clean(text))


@pytest.mark.parametrize(
    "text",
    [
        "gov.cn.example.com", "etc-gov-cn.example.net", "拨打95123", "958800", "1101", "客服13800138000",
        "官员", "icbc.com.cn.a.top", "", "两室/一厅",
    ],
)  # fmt: skip
def test_what_only_looks_official_is_not(text: str) -> None:
    assert not names_known_good(clean(text))


@pytest.mark.parametrize(
    "text",
    [
        "这是诈骗！请立即挂断",
        "凡是要求转账到安全账户的都是诈骗",
        "凡是垫付资金的，都是骗局",
        "【反诈预警】近日有居民接到电话",
        "反诈提醒：请勿点击链接",
        "警方提醒您，不要透露验证码",
        "典型的诈骗",
        "属于电信诈骗",
        "别信，我问过了",
        "不要上当",
        "近期有人冒充客服，谎称退款",
        "谨防被骗，不轻信，不转账",
        "如遇此类电话请挂断，有疑问拨打96110，切勿相信",
    ],
)
def test_a_warning_is_advice(text: str) -> None:
    assert is_advice(clean(text))


@pytest.mark.parametrize(
    "text",
    [
        "这是不是诈骗",
        "请问这是诈骗吗？",
        "帮我看看是诈骗么",
        "是骗子吗",
        "警官，我妈收到这个，是不是骗人的",
        "是否诈骗请核实",
        "您涉嫌诈骗洗钱，请配合",
        "近期您的账户异常，请勿告诉他人",
        "您名下的卡涉嫌诈骗短信群发",
        "请勿回复",
        "收到",
        "",
    ],
)
def test_a_question_or_a_threat_is_no_advice(text: str) -> None:
    assert not is_advice(clean(text))


@pytest.mark.parametrize("text", ["我们不是骗子，请放心转账", "平台正规，不是骗人的"])
def test_a_cheat_who_denies_it_gives_no_advice(text: str) -> None:
    assert not is_advice(clean(text))


QUOTED = "您的水费账户今日停用请点链接"


@pytest.mark.parametrize(
    ("text", "warns"),
    [
        (f"谨防！“{QUOTED}”", True),
        (f"「{QUOTED}」这种别信", True),
        (f"“{QUOTED}”我收到了", False),
        (f"谨防！“{QUOTED}”真的假的", False),
        (f"谨防！“{QUOTED}”是骗子吗？", False),
        (f"谨防！“水费”{QUOTED}", False),
        (f"“谨防{QUOTED}”", False),
        (f"谨防“{QUOTED}", False),
    ],
)
def test_a_quotation_with_a_warning_beside_it_is_told_from_a_question(text: str, warns: bool) -> None:
    start = text.index(QUOTED)
    assert quotes_to_warn(text, (start, start + len(QUOTED))) == warns


def test_every_kind_of_hook_is_used_by_a_seed_and_known() -> None:
    kinds = {kind for kind, _, _ in SPOKEN}
    assert kinds | {"number"} == KINDS
    assert HARD < KINDS
    used = {kind for text in corpus()[: len(seed_patterns())] for kind in hooks(text).asked}
    assert used == KINDS


def matched(rules: str, texts: tuple[str, ...]) -> list[list[tuple[int, str | None]]]:
    pattern = re.compile(rules)
    return [[(match.start(), match.lastgroup) for match in pattern.finditer(text)] for text in texts]


@pytest.mark.parametrize("by_sound", [False, True])
def test_the_first_characters_of_a_kind_of_hook_leave_none_of_its_words_out(by_sound: bool) -> None:
    as_heard = sound if by_sound else str
    texts = tuple(map(as_heard, corpus()))
    rules = [(kind, as_heard(starts), as_heard(rule)) for kind, starts, rule in SPOKEN]
    free = "|".join(f"(?P<{kind}>{rule})" for kind, _, rule in rules)
    gate = "".join(starts for _, starts, _ in rules)
    gated = "|".join(f"(?P<{kind}>(?=[{starts}])(?:{rule}))" for kind, starts, rule in rules)
    assert matched(f"(?=[{gate}])(?:{gated})", texts) == matched(free, texts)


@pytest.mark.parametrize("rule", [OFFICIAL, STRONG_ADVICE, WEAK_ADVICE], ids=["official", "strong", "weak"])
def test_the_first_characters_of_a_sign_leave_none_of_its_words_out(rule: str) -> None:
    gate = re.match(r"\(\?=\[.*?[^\\]\]\)", rule)
    assert gate is not None
    assert matched(rule, corpus()) == matched(rule[gate.end() :], corpus())
