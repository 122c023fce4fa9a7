"""The text of a warning, for every fraud type."""

from dataclasses import replace

import pytest

from consumers.drafting.draft_text import WHERE_TO_CALL, Evidence, compose
from consumers.drafting.quotation import in_order, quote, shared_clauses
from consumers.indicators import shown_indicators
from consumers.live_library import fraud_types, seed_patterns
from fenghuo.demo.district import NOVEL
from fenghuo.domain.alert import TEXT_LIMIT, TITLE_LIMIT
from patterns.entities.find import find
from patterns.entities.redact import defang, forbidden, mask
from patterns.text.slots import example
from tests.support.builders import DISTRICT, NOON

TOWNS = ["东湖镇", "西岭街道", "南桥镇", "北苑街道", "清河镇"]


def told_by_three(text: str, towns: list[str] | None = None) -> Evidence:
    """What three reporters of one text, each time altered, leave as evidence."""
    told = [text, f"刚收到的，是真的吗？{text}", text.replace("，", "， ").replace("。", "！") + "大家注意"]
    first, *others = map(mask, told)
    shared = in_order(
        list(dict.fromkeys(x for other in others for x in shared_clauses([first], other))), [first]
    )
    links = [link for x in told for link in shown_indicators(find(x))]
    return Evidence(DISTRICT, TOWNS[:2] if towns is None else towns, 3, shared, links, NOON, 24)


@pytest.mark.parametrize("code", sorted(fraud_types()))
def test_each_type_makes_a_warning_that_may_go_out(code: str) -> None:
    kind = fraud_types()[code]
    for pattern in seed_patterns():
        if pattern.fraud_type == code:
            evidence = told_by_three(example(pattern.text))
            content = compose(kind, evidence)
            assert 0 < len(content.text) <= TEXT_LIMIT
            assert 0 < len(content.title) <= TITLE_LIMIT
            for part in (content.title, content.text, content.correction):
                assert forbidden(part) == ()
            heading, news, how, tell, advice, foot = content.text.splitlines()
            assert heading.startswith("【反诈预警】谨防")
            assert news.startswith(kind.happening) and "东湖镇、西岭街道已有 3 人举报" in news
            assert how == f"骗术：{kind.how}" and tell.startswith(f"识别：{kind.tell[0]}；{kind.tell[1]}")
            assert advice == f"提醒：{kind.advice}{WHERE_TO_CALL}"
            assert foot == f"{DISTRICT}反诈中心 03月09日 12:00"
            said = quote(evidence.shared, kind.cues, clauses=1)
            assert (said in news) if said else ("内容" not in news)


@pytest.mark.parametrize("code", sorted(fraud_types()))
def test_most_baits_of_a_type_are_quoted(code: str) -> None:
    texts = [example(p.text) for p in seed_patterns() if p.fraud_type == code and not p.text[:12].isascii()]
    quoted = [bool(quote(told_by_three(text).shared, fraud_types()[code].cues)) for text in texts]
    assert sum(quoted) >= 0.6 * len(quoted)


@pytest.mark.parametrize(
    ("towns", "said"),
    [
        ([], "已有 3 人举报"),
        (["东湖镇"], "东湖镇已有 3 人举报"),
        (TOWNS[:3], "东湖镇、西岭街道、南桥镇已有 3 人举报"),
        (TOWNS, "东湖镇、西岭街道、南桥镇等地已有 3 人举报"),
    ],
)
def test_a_draft_says_where(towns: list[str], said: str) -> None:
    kind = fraud_types()["ETC"]
    text = compose(kind, told_by_three("您的ETC认证将于今日失效，请重新认证。", towns)).text
    assert f"。我区{said}，收到的内容是“您的ETC认证将于今日失效”。" in text


def test_a_district_of_another_kind_is_not_called_ours() -> None:
    evidence = Evidence("高新园", [], 3, [], [], NOON, 24)
    assert "。本地已有 3 人举报。" in compose(fraud_types()["ETC"], evidence).text


def test_a_site_is_named_without_its_path_and_a_known_good_one_is_left_out() -> None:
    kind = fraud_types()["ETC"]
    bad = Evidence(DISTRICT, [], 3, [], ["hxxps://etc[.]example[.]com/u/zhang…"], NOON, 24)
    assert "骗子的网址如 etc[.]example[.]com，不要打开。" in compose(kind, bad).text
    good = Evidence(DISTRICT, [], 3, [], [defang("https://tax.gov.cn/x")], NOON, 24)
    text = compose(kind, good).text
    assert "gov" not in text and forbidden(text) == () and kind.advice in text


def test_what_is_too_long_loses_the_marks_before_the_bait_and_never_the_advice() -> None:
    kind = replace(fraud_types()["BIZ"], tell=("要您马上就办" * 4,) * 4)
    text = compose(kind, told_by_three("您的企业法人信息已到期，逾期将列入经营异常名录。", TOWNS)).text
    assert len(text) <= TEXT_LIMIT and "您的企业法人信息已到期" in text and kind.advice in text
    assert text.count("要您马上就办要") < 16


def test_a_quote_never_carries_a_link_a_number_or_an_order() -> None:
    shared = ["请点击 http://x.example.com 领取", "加微信 abc12345 立即办理退款", "您的医保账户今日起停用"]
    assert quote(shared) == "您的医保账户今日起停用"


@pytest.mark.parametrize(
    "said", ["我是[姓名已隐藏]你的老领导", "打到尾号****的银行卡里", "待会儿有人加你zhuanyuan_88"]
)
def test_a_mask_or_an_account_is_never_quoted(said: str) -> None:
    assert quote([said]) == ""


def test_of_several_clauses_those_that_tell_of_the_type_are_quoted() -> None:
    shared = ["为了不影响您的出行", "您的ETC认证将于今日失效", "未验证车辆将无法上高速"]
    assert quote(shared, fraud_types()["ETC"].cues) == "您的ETC认证将于今日失效，未验证车辆将无法上高速"
    assert quote(shared, fraud_types()["ETC"].cues, clauses=1) in shared[1:]


def test_nothing_to_quote_is_no_quote() -> None:
    assert quote(["加我微信", ""]) == ""


def test_only_clauses_that_both_said_are_shared() -> None:
    mine = "我是东湖镇的张伟，您的医保账户今日起停用，请尽快办理"
    assert shared_clauses([mine], "【医保】您的医.保账户，今日起停用！") == ["您的医保账户今日起停用"]


def test_what_is_quoted_carries_no_hidden_sign_and_no_disguise() -> None:
    mine = "您的微信百/万/保/障今\u200b晚到期💰，之后每月自动扣费"
    assert shared_clauses([mine], "您的微信百万保障今晚到期，之后每月自动扣费") == [
        "您的微信百万保障今晚到期",
        "之后每月自动扣费",
    ]


def test_words_and_figures_of_one_alone_are_no_part_of_what_is_shared() -> None:
    mine = "您企业王家面馆的法人信息已到期，请在30分钟内垫付6800元才能提现"
    other = "您企业的法人信息已经到期，请在50分钟内垫付3200元才能提现"
    assert shared_clauses([mine], other) == ["您企业…的法人信息已到期", "请在…分钟内垫付…元才能提现"]


def test_the_stories_bait_is_quoted_as_all_three_wrote_it() -> None:
    first, *others = map(mask, NOVEL)
    shared = in_order([x for text in others for x in shared_clauses([first], text)], [first])
    assert quote(shared, fraud_types()["BIZ"].cues) == "企业法人信息已到期，逾期将列入经营异常名录"
