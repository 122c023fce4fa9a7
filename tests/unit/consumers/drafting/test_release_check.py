"""What stands against the release of a warning."""

import pytest

from consumers.drafting.release_check import mentions, objections
from patterns.entities.established import is_established
from tests.support.builders import DISTRICT, SAFE_TEXT, content


def codes(text: str, *issuers: str) -> list[str]:
    return [x.partition(": ")[0] for x in objections(content(text=text), issuers)]


def test_a_whole_warning_has_nothing_against_it() -> None:
    assert (objections(content()), mentions(content())) == ((), ())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (SAFE_TEXT.removeprefix("【反诈预警】"), "no_mark"),
        (SAFE_TEXT.replace("咨询请拨 96110", "请先问问家里人再说"), "no_advice"),
        (SAFE_TEXT.rpartition("\n")[0] + "请大家互相转告，提醒家里的老人。", "no_issuer"),
        ("【反诈预警】都是诈骗，请拨 96110。\n示范区反诈中心", "too_short"),
        (SAFE_TEXT + "骗子的网址是 https://a.example.com", "link"),
        (SAFE_TEXT.replace("诈骗", "诈\u202e骗", 1), "hidden"),
    ],
)
def test_what_is_missing_or_must_not_go_out_is_an_objection(text: str, code: str) -> None:
    assert codes(text) == [code]


@pytest.mark.parametrize("signed", ["东湖派出所", "示范区公安局", "南桥社区居委会", "平安示范办"])
def test_it_is_signed_by_the_district_an_office_or_whom_the_settings_name(signed: str) -> None:
    text = SAFE_TEXT.replace(f"{DISTRICT}反诈中心", signed)
    assert codes(text, "平安示范办") == []
    assert codes(text) == (["no_issuer"] if signed == "平安示范办" else [])


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("骗子自称张桂芳", "person"),
        ("骗子冒充东湖小学二年级三班的老师", "school"),
        ("骗子冒充建设银行客服", "bank"),
        ("骗子冒充江南云帆科技有限公司", "firm"),
        ("骗子的网址如 www[.]shuidichou[.]com", "domain"),
    ],
)
def test_a_name_is_a_mention_with_its_sentence(said: str, kind: str) -> None:
    text = SAFE_TEXT.replace("都是诈骗。", f"都是诈骗。{said}。")
    (mention,) = mentions(content(text=text))
    assert (mention.kind, mention.sentence) == (kind, said)
    assert mentions(content(title=said, text=SAFE_TEXT))[0].kind == kind
    assert mentions(content(correction=f"{said}，此前有误。"))[0].kind == kind


def test_a_mentions_key_stands_for_the_name_in_its_very_sentence() -> None:
    one, two = (
        mentions(content(text=SAFE_TEXT.replace("有人", f"{who}自称张桂芳，", 1)))[0]
        for who in ("骗子", "有人")
    )
    assert one.value == two.value and one.key != two.key


@pytest.mark.parametrize(
    "domain",
    [
        "shuidichou.com", "www.shuidichou.com", "help.aliyun.com", "github.com", "xinmin.cn",
        "hongye.com.cn", "baobeihuijia[.]com",
    ],
)  # fmt: skip
def test_a_popular_site_or_one_that_looks_long_in_use_is_established(domain: str) -> None:
    assert is_established(domain)


@pytest.mark.parametrize(
    "domain",
    [
        "kd88.com", "etc-gov.cn", "shenfen.top", "yb-renzheng.com.cn", "icbcvip.com", "xkqzwtr.com",
        "gs-nianjian.example.com", "example.org", "weixinkefu.net", "abcdefghijklmnop.com", "刷单.网址",
    ],
)  # fmt: skip
def test_what_looks_made_for_a_fraud_or_is_nobodys_is_not_established(domain: str) -> None:
    assert not is_established(domain)
