"""The laws of judging one message by its cues."""

from pathlib import Path

import pytest

import patterns
from patterns.library import parse_patterns
from patterns.model import Pattern
from patterns.triage import assess

SEEDS = Path(patterns.__file__).parent / "seeds"
SEEDED = [
    p
    for f in sorted(SEEDS.glob("*.toml"))
    if f.name != "types.toml"
    for p in parse_patterns(f.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("pattern", SEEDED, ids=lambda p: p.pattern_id)
def test_every_seed_is_suspicious(pattern: Pattern) -> None:
    found = assess(pattern.text)
    assert found.suspicious and found.danger >= 20 and found.cues


def test_the_guessed_type_is_right_for_most_seeds() -> None:
    right = sum(assess(p.text).fraud_type == p.fraud_type for p in SEEDED)
    assert right >= 0.8 * len(SEEDED)


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
    found = assess(text)
    assert not found.suspicious and not found.money_moving and found.danger < 20


def test_a_police_notice_is_not_suspicious() -> None:
    assert not assess("反诈提醒：凡是要求转到安全账户的都是诈骗，不轻信、不转账，请拨打96110").suspicious


@pytest.mark.parametrize(
    "text",
    ["我刚转了5000元怎么办", "我妈正在给对方转账", "已经被骗了3万", "钱已经转过去了", "老人准备去银行取现"],
)
def test_money_on_the_move_is_noticed(text: str) -> None:
    assert assess(text).money_moving


@pytest.mark.parametrize("text", ["不要转账", "骗子让我转账我没理", "转账前先核实"])
def test_talk_of_transfers_is_not_money_on_the_move(text: str) -> None:
    assert not assess(text).money_moving


def test_a_threat_with_a_deadline_and_a_link_is_dangerous() -> None:
    found = assess("您的法人信息已到期，请于今日24时前登录 gs.example.com 认证，逾期列入经营异常名录")
    assert found.fraud_type == "BIZ" and found.suspicious and found.danger >= 60


def test_a_government_link_is_no_cue() -> None:
    assert "link" not in assess("请登录 www.gsxt.gov.cn 办理").cues
    assert "link" in assess("请登录 gov.cn.example.com 办理").cues


def test_a_disguised_account_is_a_hook() -> None:
    assert "account" in assess("想了解的佳嶶 zhang_1987").cues
