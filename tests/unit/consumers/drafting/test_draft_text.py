"""The text of a warning, for every fraud type."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from consumers.drafting.draft_text import DRAFT_LENGTH, WHERE_TO_CALL, Evidence, compose, heading_of
from consumers.drafting.quotation import in_order, quote, shared_clauses
from consumers.drafting.release_check import mentions, objections
from consumers.indicators import shown_indicators
from consumers.live_library import fraud_types, seed_patterns
from fenghuo.domain.alert import TEXT_LIMIT, TITLE_LIMIT
from patterns.entities.find import find
from patterns.entities.redact import defang, mask
from patterns.text.slots import example
from tests.support.builders import DISTRICT, NOON

TOWNS = ["东湖镇", "西岭街道", "南桥镇", "北苑街道", "清河镇"]
FOOT = f"{DISTRICT}反诈中心 03月09日 12:00"
HEADINGS = {
    "BIZ": "谨防冒充市场监管部门的骗局",
    "COURIER_CASH": "谨防上门取现金、收黄金的骗局",
    "CREDIT": "谨防谎称影响征信的骗局",
    "CRYPTO": "谨防炒虚拟币、出借银行卡的骗局",
    "DEEPFAKE": "谨防换脸、仿声冒充亲友的骗局",
    "ELDER": "谨防专骗老年人的养老骗局",
    "ETC": "谨防谎称ETC、行驶证失效的骗局",
    "EXPRESS": "谨防谎称快递丢失理赔的骗局",
    "GAME": "谨防网络游戏交易骗局",
    "INVEST": "谨防网络投资理财骗局",
    "KEFU": "谨防冒充电商、物流客服的骗局",
    "LEADER": "谨防冒充领导、熟人的骗局",
    "LOAN": "谨防虚假贷款骗局",
    "MEDICARE": "谨防谎称医保、社保停用的骗局",
    "MEMBER": "谨防谎称误开会员要扣费的骗局",
    "OTHER": "谨防新型骗局",
    "POLICE": "谨防冒充公检法的骗局",
    "REFUND": "谨防谎称退费、追回损失的骗局",
    "ROMANCE": "谨防网络交友、婚恋骗局",
    "SEXTORT": "谨防裸聊敲诈的骗局",
    "SHOPPING": "谨防虚假购物、服务骗局",
    "SHUADAN": "谨防刷单返利骗局",
    "SUBSIDY": "谨防谎称发补贴、退税的骗局",
    "TICKET": "谨防谎称航班、车次取消的骗局",
}


def told_by_three(text: str, towns: list[str] | None = None) -> Evidence:
    """What three reporters of one text, each time altered, leave as evidence."""
    told = [text, f"刚收到的，是真的吗？{text}", text.replace("，", "， ").replace("。", "！") + "大家注意"]
    first, *others = map(mask, told)
    shared = in_order(
        list(dict.fromkeys(x for other in others for x in shared_clauses([first], other))), [first]
    )
    links = [link for x in told for link in shown_indicators(find(x))]
    return Evidence(
        DISTRICT, TOWNS[:2] if towns is None else towns, 3, shared, links, NOON, 24, texts=(first, *others)
    )


def bare(**changes: object) -> Evidence:
    """Evidence without anything to quote."""
    return replace(Evidence(DISTRICT, TOWNS[:2], 3, (), (), NOON, 24), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("code", sorted(fraud_types()))
def test_each_type_makes_a_warning_that_may_go_out_and_leaves_room_for_a_line(code: str) -> None:
    kind = fraud_types()[code]
    for pattern in seed_patterns():
        if pattern.fraud_type == code:
            evidence = told_by_three(example(pattern.text))
            content = compose(kind, evidence)
            assert 0 < len(content.text) <= DRAFT_LENGTH < TEXT_LIMIT - 60
            assert (objections(content), mentions(content)) == ((), ())
            heading, news, *_, to_do, foot = content.text.splitlines()
            assert heading == f"【反诈预警】{HEADINGS[code]}"
            assert "东湖镇、西岭街道已有 3 人举报" in news
            assert to_do == f"提醒：{kind.advice}{WHERE_TO_CALL}"
            assert foot == FOOT
            said = quote(evidence.shared, kind.cues, clauses=1)
            assert not said or code == "OTHER" or said in news


def test_the_titles_of_all_types_read_as_chinese() -> None:
    assert {code: heading_of(kind) for code, kind in fraud_types().items()} == HEADINGS
    assert all(len(title) <= TITLE_LIMIT for title in HEADINGS.values())


@pytest.mark.parametrize(
    ("label", "title"),
    [
        ("冒充社区干部", "谨防冒充社区干部的骗局"),
        ("虚假招聘", "谨防虚假招聘骗局"),
        ("涉老诈骗", "谨防涉老诈骗"),
        ("宠物领养", "谨防“宠物领养”骗局"),
    ],
)
def test_a_districts_own_type_without_a_heading_has_one_by_its_label(label: str, title: str) -> None:
    assert heading_of(replace(fraud_types()["ETC"], label_zh=label, heading="")) == title


@pytest.mark.parametrize("code", sorted(fraud_types()))
def test_nothing_of_the_bait_stands_in_the_title(code: str) -> None:
    for pattern in seed_patterns():
        if pattern.fraud_type == code:
            assert compose(fraud_types()[code], told_by_three(example(pattern.text))).title == HEADINGS[code]


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
    assert f"我区{said}，内容是“您的ETC认证将于今日失效”。" in text


def test_a_district_of_another_kind_is_not_called_ours() -> None:
    evidence = Evidence("高新园", [], 3, [], [], NOON, 24)
    assert "。本地已有 3 人举报。" in compose(fraud_types()["ETC"], evidence).text


def test_a_site_is_named_without_its_path_and_a_known_good_one_is_left_out() -> None:
    kind = replace(fraud_types()["ETC"], tell=("短信里带网址",))
    bad = compose(kind, bare(indicators=["hxxps://etc[.]example[.]com/u/zhang…"]))
    assert "，网址如 etc[.]example[.]com。" in bad.text
    good = compose(kind, bare(indicators=[defang("https://tax.gov.cn/x")]))
    assert "gov" not in good.text and objections(good) == () and kind.advice in good.text


@pytest.mark.parametrize(
    "site", ["https://www.shuidichou.com/cf/1", "help.aliyun.com", "github.com/x", "baobeihuijia.com"]
)
def test_a_site_that_many_know_or_may_know_is_never_named_by_a_draft(site: str) -> None:
    kind = replace(fraud_types()["OTHER"], tell=("来路不明",))
    content = compose(kind, bare(indicators=[defang(site), defang("kd88-lipei.top")]))
    assert "，网址如 kd88-lipei[.]top。" in content.text
    assert mentions(content) == ()


def test_what_is_too_long_loses_the_signs_before_the_bait_and_never_the_required_parts() -> None:
    kind = replace(fraud_types()["BIZ"], tell=("要您马上就办" * 8,) * 4)
    content = compose(kind, told_by_three("您的企业法人信息已到期，逾期将列入经营异常名录。", TOWNS))
    assert "您的企业法人信息已到期" in content.text and kind.how in content.text
    assert "要您马上就办" not in content.text
    for how in ("骗子编了一个长长的故事" * n for n in (8, 12, 20)):
        content = compose(replace(kind, how=f"{how}。"), told_by_three("您的企业法人信息已到期。", TOWNS))
        assert (len(content.text) <= DRAFT_LENGTH, objections(content)) == (True, ())
        assert content.text.startswith(f"【反诈预警】{HEADINGS['BIZ']}\n")
        assert content.text.endswith(f"提醒：{kind.advice}{WHERE_TO_CALL}\n{FOOT}")


def test_a_scam_of_no_known_type_has_the_plain_heading_and_what_to_do_in_general() -> None:
    kind = fraud_types()["OTHER"]
    content = compose(kind, told_by_three("村里的柴火可以换积分，请扫码进群并先交押金三百元。"))
    assert content.title == "谨防新型骗局"
    assert content.text.startswith("【反诈预警】谨防新型骗局\n") and kind.advice in content.text
    assert objections(content) == ()


def test_stories_alone_are_drafted_from_their_slots_without_quotation() -> None:
    content = compose(
        fraud_types()["KEFU"], bare(told=("冒充平台客服", "说误开了保险", "要求共享屏幕", "让下载会议软件"))
    )
    assert (
        "东湖镇、西岭街道已有 3 人举报，说对方冒充平台客服，说误开了保险，要求共享屏幕，让下载会议软件。"
        in content.text
    )
    assert "内容是" not in content.text and objections(content) == ()


@pytest.mark.parametrize(
    "told", [("冒充张桂芳老师",), ("自称东湖小学二年级三班的班主任",), ("要打到13800138000",), ("", "，")]
)
def test_slots_that_name_somebody_or_cannot_go_out_are_left_out(told: Sequence[str]) -> None:
    content = compose(fraud_types()["LEADER"], bare(told=told))
    assert "已有 3 人举报。" in content.text
    assert (objections(content), mentions(content)) == ((), ())


def test_a_known_scam_that_comes_back_is_called_by_its_name() -> None:
    content = compose(fraud_types()["BIZ"], bare(known_as="对公账户年检销户"))
    assert "已有 3 人举报“对公账户年检销户”这类骗局。" in content.text
    again = compose(fraud_types()["BIZ"], bare(known_as="谨防冒充市场监管部门的骗局"))
    assert "已有 3 人举报。" in again.text


LANGUAGES = {
    "英文": "Your parcel is held at customs, pay the fee within 24 hours or it will be returned.",
    "维吾尔文": "ھېساباتىڭىز توڭلىتىلدى، بۈگۈن ئۇلىنىشنى ئېچىپ دەلىللەڭ",
    "藏文": "ཁྱེད་ཀྱི་རྩིས་ཐོ་བཀག་ཟིན། དེ་རིང་ཁ་བྱང་འདིར་ཕྱེ་རོགས།",
    "朝鲜文": "고객님의 계좌가 정지되었습니다. 오늘 안에 인증하지 않으면 압류됩니다.",
    "汉语拼音": "nin de yin hang ka jin tian jiu yao dong jie qing dian kai lian jie ren zheng",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_bait_in_another_language_is_drafted_in_chinese_and_its_language_named(language: str) -> None:
    evidence = told_by_three(LANGUAGES[language])
    content = compose(fraud_types()["OTHER"], evidence)
    assert f"已有 3 人举报。信息是用{language}写的，看不懂的不要照做。" in content.text
    assert (objections(content), content.title) == ((), "谨防新型骗局")


def test_a_chinese_bait_with_a_link_and_english_words_is_chinese() -> None:
    text = "您的ETC即将失效，请登录 https://etc.example.com/login/verify 下载ETC Helper APP"
    assert "写的" not in compose(fraud_types()["ETC"], told_by_three(text)).text


# ---------------------------------------------------------------- severity


def severity(code: str = "POLICE", **changes: object) -> str:
    return compose(fraud_types()[code], bare(**changes)).severity


def test_a_guessed_type_alone_makes_no_warning_severe() -> None:
    assert {severity(code, towns=TOWNS[:1]) for code in fraud_types()} == {"moderate"}
    assert severity(towns=TOWNS[:3], worst=100) == "moderate"


@pytest.mark.parametrize(
    "changes",
    [
        {"reporters": 5, "towns": TOWNS[:2], "worst": 80},
        {"reporters": 10, "towns": TOWNS[:2]},
        {"reporters": 5, "towns": TOWNS[:4]},
        {"paying": 1, "towns": TOWNS[:2]},
        {"known_as": "假警官做笔录", "towns": TOWNS[:2]},
    ],
)
def test_many_people_towns_a_payment_or_a_proved_type_make_it_severe(changes: dict[str, object]) -> None:
    assert severity(**changes) == "severe"


def test_a_proved_type_counts_only_if_it_is_a_severe_one() -> None:
    assert severity("GAME", known_as="低价皮肤", towns=TOWNS[:2]) == "moderate"
