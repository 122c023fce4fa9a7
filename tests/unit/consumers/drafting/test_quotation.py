"""What a warning may quote of the bait."""

import pytest

from consumers.drafting.quotation import in_order, quote, shared_clauses
from consumers.live_library import fraud_types, seed_patterns
from fenghuo.demo.district import NOVEL
from patterns.entities.redact import mask
from patterns.text.slots import example
from tests.unit.consumers.drafting.test_draft_text import told_by_three

KINDS = fraud_types()


@pytest.mark.parametrize("code", sorted(KINDS))
def test_most_baits_of_a_type_are_quoted(code: str) -> None:
    texts = [example(p.text) for p in seed_patterns() if p.fraud_type == code and not p.text[:12].isascii()]
    quoted = [bool(quote(told_by_three(text).shared, KINDS[code].cues)) for text in texts]
    assert sum(quoted) >= 0.6 * len(quoted)


def test_a_quote_never_carries_a_link_a_number_or_an_order() -> None:
    shared = ["请点击 http://x.example.com 领取", "加微信 abc12345 立即办理退款", "您的医保账户今日起停用"]
    assert quote(shared, KINDS["MEDICARE"].cues) == "您的医保账户今日起停用"


@pytest.mark.parametrize(
    "said", ["我是[姓名已隐藏]你的老领导", "打到尾号****的银行卡里", "待会儿有人加你zhuanyuan_88"]
)
def test_a_mask_or_an_account_is_never_quoted(said: str) -> None:
    assert quote([said], KINDS["LEADER"].cues) == ""


@pytest.mark.parametrize(
    "said",
    [
        "我是张桂芳阿姨的侄子急用钱",
        "我是东湖小学二年级三班的班主任收资料费",
        "钱转到鑫旺超市的收款码",
        "建设银行客服请您提供验证码",
        "江南云帆科技有限公司招聘刷单员",
        "把钱打到刘海涛的卡上",
        "到幸福路边上把现金交给专员",
        "在朝阳小区门口当面付现金",
        "请把现金送到12号楼3单元",
        "到李家村把黄金交给专员",
    ],
)
def test_a_clause_with_a_name_or_a_place_finer_than_a_town_is_never_quoted(said: str) -> None:
    assert all(quote([said], kind.cues) == "" for kind in KINDS.values())


@pytest.mark.parametrize(
    "said",
    [
        "各位老师同学早上好",
        "小朋友今天都得了奖状",
        "如有问题请致电95588",
        "别打110他们不受理这个",
        "我妈接了个客服电话要退款",
        "我也收到了这个退款短信",
    ],
)
def test_what_is_no_pretext_and_no_act_or_is_somebodys_own_story_is_not_quoted(said: str) -> None:
    assert quote([said], KINDS["KEFU"].cues) == ""


def test_of_several_clauses_those_that_tell_of_the_type_are_quoted() -> None:
    shared = ["为了不影响您的出行", "您的ETC认证将于今日失效", "未验证车辆将无法上高速"]
    assert quote(shared, KINDS["ETC"].cues) == "您的ETC认证将于今日失效，未验证车辆将无法上高速"
    assert quote(shared, KINDS["ETC"].cues, clauses=1) in shared[1:]


def test_nothing_to_quote_is_no_quote() -> None:
    assert quote(["加我微信", ""], KINDS["KEFU"].cues) == ""


def test_only_clauses_that_both_said_are_shared() -> None:
    mine = "我是东湖镇的张伟，您的医保账户今日起停用，请尽快办理"
    assert shared_clauses([mine], "【医保】您的医.保账户，今日起停用！") == ["您的医保账户今日起停用"]


def test_what_is_quoted_carries_no_hidden_sign_and_no_disguise() -> None:
    mine = "您的微信百/万/保/障今\u200b晚到期💰，之后每月自动扣费"
    assert shared_clauses([mine], "您的微信百万保障今晚到期，之后每月自动扣费") == [
        "您的微信百万保障今晚到期",
        "之后每月自动扣费",
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("您的Ｅ\u202eＴ\u202cＣ認証將於今日失效", "您的ETC认证将于今日失效"),
        ("您的薇信百萬保障今晚到期", "您的微信百万保障今晚到期"),
        ("您的退宽已到请把验正码念给我", "您的退款已到请把验证码念给我"),
    ],
)
def test_a_quote_is_the_normalised_reading(written: str, meant: str) -> None:
    assert quote([written], [*KINDS["ETC"].cues, *KINDS["KEFU"].cues]) == meant


def test_a_word_that_only_sounds_like_a_phrase_keeps_its_characters() -> None:
    said = "代购的包裹已经到海关需补缴关税"
    assert quote([said], [*KINDS["SHOPPING"].cues, "包过"]) == said


def test_words_and_figures_of_one_alone_are_no_part_of_what_is_shared() -> None:
    mine = "您企业王家面馆的法人信息已到期，请在30分钟内垫付6800元才能提现"
    other = "您企业的法人信息已经到期，请在50分钟内垫付3200元才能提现"
    assert shared_clauses([mine], other) == ["法人信息已到期", "请在…分钟内垫付…元才能提现"]


@pytest.mark.parametrize(
    ("mine", "other", "shared"),
    [
        ("恭喜您获得免费体检大礼包一份", "恭喜你获得免费体验大礼包一份", []),
        ("您的快递丢失可以三倍理赔", "您的包裹丢失可以三倍理赔", ["丢失可以三倍理赔"]),
        ("尊敬的老客户您的积分今天清零", "亲爱的客户您的积分今天清零", ["您的积分今天清零"]),
    ],
)
def test_no_word_is_cut(mine: str, other: str, shared: list[str]) -> None:
    found = shared_clauses([mine], other)
    assert found in (shared, [])


@pytest.mark.parametrize(
    ("mine", "other", "shared"),
    [
        ("您的医保凭证今日24时停用", "您的医保凭证今日停用", ["您的医保凭证今日…时停用"]),
        ("您的积分今天清零请到网点兑换礼品", "您的积分今天清零请上网查看一下情况", []),
    ],
)
def test_a_clause_without_its_end_says_nothing_and_is_not_shared(
    mine: str, other: str, shared: list[str]
) -> None:
    assert shared_clauses([mine], other) == shared


def test_the_stories_bait_is_quoted_as_all_three_wrote_it() -> None:
    first, *others = map(mask, NOVEL)
    shared = in_order([x for text in others for x in shared_clauses([first], text)], [first])
    assert quote(shared, KINDS["BIZ"].cues) == "企业法人信息已到期，逾期将列入经营异常名录"
