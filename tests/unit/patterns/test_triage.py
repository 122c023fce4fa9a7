"""The laws of judging one message by its cues."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.live_library import fraud_types, seed_patterns
from patterns.data.everyday_messages import EVERYDAY
from patterns.model import FraudType
from patterns.text.slots import example
from patterns.triage import assess

TYPES = tuple(fraud_types().values())
SEEDED = {pattern.pattern_id: (pattern.fraud_type, example(pattern.text)) for pattern in seed_patterns()}


def missed(right: Callable[[str, str], bool]) -> list[str]:
    return [pattern_id for pattern_id, (kind, text) in SEEDED.items() if not right(kind, text)]


def test_nine_seeds_of_ten_are_suspicious_without_any_pattern() -> None:
    wrong = missed(lambda _, text: assess(text, TYPES).suspicious)
    assert len(wrong) <= 0.1 * len(SEEDED), wrong


def test_the_guessed_type_is_right_for_most_seeds() -> None:
    wrong = missed(lambda kind, text: assess(text, TYPES).fraud_type == kind)
    assert len(wrong) <= 0.2 * len(SEEDED), wrong


def test_the_phrases_of_the_types_make_the_guess_and_nothing_else() -> None:
    for _, text in SEEDED.values():
        alone, helped = assess(text), assess(text, TYPES)
        assert (alone.cues, alone.danger, alone.suspicious) == (helped.cues, helped.danger, helped.suspicious)
        assert alone.fraud_type is None or helped.fraud_type is not None


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.code)
def test_the_phrases_of_a_type_point_to_it(kind: FraudType) -> None:
    assert assess("，".join(kind.cues), TYPES).fraud_type == kind.code


def test_a_likeness_decides_where_words_do_not_and_a_chance_one_says_nothing() -> None:
    said = "今天天气好"
    assert assess(said, TYPES, [("LOAN", 9.0)]).fraud_type is None
    assert assess(said, TYPES, [("LOAN", 20.0), ("ETC", 25.0)]).fraud_type == "ETC"
    told = "您的ETC认证失效，行驶证也失效"
    assert assess(told, TYPES, [("LOAN", 12.0)]).fraud_type == "ETC"
    assert assess(told, TYPES, [("LOAN", 90.0)]).fraud_type == "LOAN"


def test_a_likeness_makes_nothing_suspicious() -> None:
    alone, helped = assess("明天开会"), assess("明天开会", TYPES, [("LOAN", 90.0)])
    assert (alone.danger, alone.suspicious) == (helped.danger, helped.suspicious) == (0, False)


def test_where_nothing_points_to_a_type_none_is_guessed() -> None:
    assert assess("今天天气好", TYPES).fraud_type is None


@pytest.mark.parametrize(
    "text",
    [
        "收到，谢谢",
        "今天停水通知：因管道维修，今日上午九点至下午五点停水",
        "明天下午三点开家长会，请准时参加",
        "您的快递已到驿站，请凭取件码12-3-4567领取",
        "【某银行】您尾号1234的账户6月1日完成一笔支付交易，余额5元",
        "会议改到明天上午十点，在三楼会议室",
        "",
    ],
)
def test_an_everyday_message_offers_no_hook(text: str) -> None:
    found = assess(text, TYPES)
    assert not found.suspicious and not found.money_moving and found.danger < 20


def test_few_everyday_messages_are_suspicious() -> None:
    wrong = [text for text in EVERYDAY if assess(text).suspicious]
    assert len(wrong) <= 0.03 * len(EVERYDAY), wrong


@pytest.mark.parametrize(
    "text",
    [
        "您好，本公司长期代开各行业正规发票，验后付款，需要的请拨打 13800138000，打扰见谅",
        "【某某银行】您的信用记录良好，现可提高额度，请致电 13800138000，当日办理有效",
        "您好，本地长期办理各类证件、职称、学历，可先看样，有需要请加 zhuanyuan_88",
    ],
)
def test_a_text_that_only_leads_to_a_number_or_an_account_is_borderline(text: str) -> None:
    found = assess(text, TYPES)
    assert found.borderline and not found.suspicious


@pytest.mark.parametrize(
    "text",
    [
        "我们小区的快递柜坏了，有事打物业电话",
        "反诈提醒：凡是要求转到安全账户的都是诈骗，不轻信、不转账，请拨打96110",
        "您的积分已到账，登录 www.10086.cn 查询",
    ],
)
def test_talk_advice_and_known_good_sites_are_not_borderline(text: str) -> None:
    assert not assess(text, TYPES).borderline


def test_what_is_suspicious_is_borderline_too_and_few_everyday_messages_are() -> None:
    seen = [assess(text) for text in EVERYDAY]
    assert all(found.borderline for found in seen if found.suspicious)
    assert sum(found.borderline for found in seen) <= 0.06 * len(EVERYDAY)


def test_a_police_notice_is_not_suspicious() -> None:
    assert not assess("反诈提醒：凡是要求转到安全账户的都是诈骗，不轻信、不转账，请拨打96110").suspicious


def test_money_on_the_move_is_dangerous_even_beside_advice() -> None:
    found = assess("反诈提醒说这是诈骗，可我妈正在给对方转账")
    assert found.money_moving and found.danger >= 40


def test_a_threat_with_a_deadline_and_a_link_is_dangerous() -> None:
    found = assess("您的法人信息已到期，请于今日24时前登录 gs.example.com 认证，逾期列入经营异常名录")
    assert found.fraud_type == "BIZ" and found.suspicious and found.danger >= 60


@pytest.mark.parametrize(
    ("text", "leads_away"),
    [
        ("社保卡进度查询 rsj.nanhe.gov.cn/k3d9", False),
        ("账单已出 m.cmbchina.com/zd", False),
        ("改地址请到 ucmp.sf-express.com/gd", False),
        ("账单已出 m.cmbchina.com.k3.example.com/zd", True),
        ("打开 t.cn/k3d9", True),
    ],
)
def test_a_short_link_of_somebody_known_good_is_no_cue(text: str, leads_away: bool) -> None:
    assert ("link" in assess(text).cues) is leads_away


def test_a_government_link_is_no_cue() -> None:
    assert "link" not in assess("请登录 www.gsxt.gov.cn 办理").cues
    assert "link" in assess("请登录 gov.cn.example.com 办理").cues


@pytest.mark.parametrize(
    "text", ["想了解的佳嶶 zhang_1987", "加扣扣1234567", "+v: abcdefg", "家薇芯zhang1987"]
)
def test_a_disguised_account_is_a_hook(text: str) -> None:
    assert "account" in assess(text).cues


@pytest.mark.parametrize("text", ["加扣1234567", "加秋1234567"])
def test_a_qq_number_behind_one_character_is_a_hook(text: str) -> None:
    assert "account" in assess(text).cues


@pytest.mark.parametrize("text", ["收\u200b到\u200b了", "①②③④", "刷銭収恏"])
def test_characters_dressed_up_are_a_hook(text: str) -> None:
    found = assess(text)
    assert "disguise" in found.cues and found.suspicious


def test_a_list_with_circled_numbers_is_no_disguise() -> None:
    assert "disguise" not in assess("请带①身份证②户口本③照片④居住证").cues


def test_an_honest_notice_that_refuses_what_scams_ask_for_is_not_suspicious() -> None:
    asked = "您的快递丢失，请添加理赔专员微信 lipei_668 并下载会议软件办理三倍赔付"
    refused = "您的快递丢失，三天内原路退回，请在官方APP查看，无需添加任何人，也不用下载会议软件"
    assert assess(asked).suspicious and not assess(refused).suspicious


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_text_is_assessed(text: str) -> None:
    assert 0 <= assess(text, TYPES).danger <= 100
