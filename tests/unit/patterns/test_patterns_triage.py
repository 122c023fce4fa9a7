"""The laws of judging one message by its cues."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.library import fraud_types, seed_patterns
from patterns.background import EVERYDAY
from patterns.model import FraudType
from patterns.slots import example
from patterns.triage import assess

TYPES = tuple(fraud_types().values())
SEEDED = {pattern.pattern_id: (pattern.fraud_type, example(pattern.text)) for pattern in seed_patterns()}


def missed(right: Callable[[str, str], bool]) -> list[str]:
    return [pattern_id for pattern_id, (kind, text) in SEEDED.items() if not right(kind, text)]


def test_three_seeds_of_four_are_suspicious_without_any_pattern() -> None:
    wrong = missed(lambda _, text: assess(text, TYPES).suspicious)
    assert len(wrong) <= 0.25 * len(SEEDED), wrong


def test_the_guessed_type_is_right_for_most_seeds() -> None:
    wrong = missed(lambda kind, text: assess(text, TYPES).fraud_type == kind)
    assert len(wrong) <= 0.45 * len(SEEDED), wrong


def test_the_phrases_of_the_types_make_the_guess_and_nothing_else() -> None:
    for _, text in SEEDED.values():
        alone, helped = assess(text), assess(text, TYPES)
        assert (alone.cues, alone.danger, alone.suspicious) == (helped.cues, helped.danger, helped.suspicious)
        assert alone.fraud_type is None or helped.fraud_type is not None


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.code)
def test_the_phrases_of_a_type_point_to_it(kind: FraudType) -> None:
    assert assess("，".join(kind.cues), TYPES).fraud_type == kind.code


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
    assert len(wrong) <= 0.1 * len(EVERYDAY), wrong


def test_a_police_notice_is_not_suspicious() -> None:
    assert not assess("反诈提醒：凡是要求转到安全账户的都是诈骗，不轻信、不转账，请拨打96110").suspicious


@pytest.mark.parametrize(
    "text",
    ["我刚转了5000元怎么办", "我妈正在给对方转账", "已经被骗了3万", "钱已经转过去了", "老人准备去银行取现"],
)
def test_money_on_the_move_is_noticed(text: str) -> None:
    assert assess(text).money_moving


def test_money_on_the_move_is_dangerous_even_beside_advice() -> None:
    found = assess("反诈提醒说这是诈骗，可我妈正在给对方转账")
    assert found.money_moving and found.danger >= 40


@pytest.mark.parametrize("text", ["不要转账", "骗子让我转账我没理", "转账前先核实"])
def test_talk_of_transfers_is_not_money_on_the_move(text: str) -> None:
    assert not assess(text).money_moving


def test_a_threat_with_a_deadline_and_a_link_is_dangerous() -> None:
    found = assess("您的法人信息已到期，请于今日24时前登录 gs.example.com 认证，逾期列入经营异常名录")
    assert found.fraud_type == "BIZ" and found.suspicious and found.danger >= 60


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


@pytest.mark.parametrize("text", ["收\u200b到\u200b了", "①②③④", "刷銭忝忝"])
def test_characters_dressed_up_are_a_hook(text: str) -> None:
    found = assess(text)
    assert "disguise" in found.cues and found.suspicious


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_text_is_assessed(text: str) -> None:
    assert 0 <= assess(text, TYPES).danger <= 100
