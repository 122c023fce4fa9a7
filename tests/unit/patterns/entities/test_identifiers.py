"""The laws of numbers with a check character, and of the numbers and sites that are known good."""

import pytest

from patterns.data.trusted import DOMAINS, OPEN_TO_ANYONE
from patterns.entities.identifiers import (
    is_hotline,
    is_id_number,
    is_known_good,
    is_licence_number,
    known_good_name,
    registrable,
)


def test_numbers_with_a_check_character_need_it() -> None:
    assert not is_id_number("110105194912310021")
    assert not is_id_number("11010519490231002X"), "the thirty-first of February"
    assert is_licence_number("914403001922038216") and not is_licence_number("914403001922038217")


def test_banks_and_police_are_known_good_and_a_mobile_is_not() -> None:
    assert all(is_hotline(n) for n in ("110", "96110", "12381", "12306", "95588", "95338", "10086", "95598"))
    assert not is_hotline("13800138000")


def test_a_number_shaped_like_a_bank_s_is_not_known_good_unless_it_is_one() -> None:
    assert not is_hotline("95123")
    assert known_good_name("95123") is None
    assert known_good_name("95588") == "中国工商银行"


def test_every_known_good_domain_is_the_registered_part_of_its_hosts() -> None:
    for domain, name in DOMAINS.items():
        assert registrable(domain) == domain
        assert known_good_name(f"https://www.{domain}/a?b=c") == name


def test_the_registrable_part_sees_through_a_government_looking_host() -> None:
    assert registrable("gov.cn.verify.example.com") == "example.com"


@pytest.mark.parametrize(
    ("link", "good"),
    [
        ("tax.gov.cn", True),
        ("hxxps://www[.]icbc[.]com[.]cn/x", True),
        ("12306.cn:443", True),
        ("gov.cn.evil.example", False),
        ("http://evil.example/@tax.gov.cn", False),
        ("http://evil.example\\@tax.gov.cn", False),
        ("https://tax.gov.cn@evil.example", False),
        ("http://evil.example/?u=https://tax.gov.cn", False),
        ("evil.example/?u=https://tax.gov.cn", False),
        ("https://u.jd.com/x", False),
        ("docs.qq.com/form", False),
        ("t.cn/a", False),
        ("95588", False),
    ],
)
def test_a_link_is_known_good_by_where_it_leads(link: str, good: bool) -> None:
    assert is_known_good(link) is good


@pytest.mark.parametrize(
    ("strangers", "owners"),
    [
        ("https://qm.qq.com/q/aBc", "https://im.qq.com/q/aBc"),
        ("jq.qq.com/?k=1", "www.qq.com/?k=1"),
        ("mp.weixin.qq.com/s/x", "pay.weixin.qq.com/s/x"),
        ("https://u.wechat.com/kExample", "https://www.wechat.com/kExample"),
        ("weixin.qq.com/g/AwYAA", "weixin.qq.com/game/AwYAA"),
        ("https://weixin.qq.com/g", "https://weixin.qq.com/"),
        ("https://weixin.qq.com/g?x=1", "https://weixin.qq.com/?x=/g"),
        ("https://weixin.qq.com//%67/AwYAA", "https://weixin.qq.com/a/g/AwYAA"),
        ("https://weixin.qq.com/a/../G/AwYAA", "https://weixin.qq.com/g/../a"),
        ("hxxps://weixin[.]qq[.]com\\g\\AwYAA", "hxxps://weixin[.]qq[.]com"),
        ("https://work.weixin.qq.com/ca/cawcde0", "https://work.weixin.qq.com/"),
        ("https://qr.alipay.com/fkx0", "https://www.alipay.com/fkx0"),
        ("qr.95516.com/0001/x", "www.95516.com/0001/x"),
        ("shop123456.taobao.com", "www.taobao.com"),
        ("https://shop123456.taobao.com:443/x", "https://shopping.example.jd.com/x"),
        ("shop.m.taobao.com/shop", "m.taobao.com/shop"),
        ("https://v.douyin.com/iExample/", "https://www.douyin.com/iExample/"),
        ("live.douyin.com/123", "douyin.com/123"),
        ("https://www.douyin.com/user/1", "https://www.douyin.com/aboutus"),
        ("v.kuaishou.com/x", "www.kuaishou.com/x"),
        ("a.docs.qq.com/form", "mydocs.qq.com/form"),
        ("www.shuidichou.com/cf/contribute/1", "www.shuidichou.com"),
        ("developer.aliyun.com/article/1", "help.aliyun.com/document/1"),
        ("apps.apple.com/cn/app/1", "support.apple.com/zh-cn"),
    ],
)
def test_what_strangers_publish_under_a_good_domain_is_not_known_good(strangers: str, owners: str) -> None:
    assert (is_known_good(strangers), is_known_good(owners)) == (False, True)


def test_every_place_that_is_open_to_anyone_lies_under_a_good_domain() -> None:
    for place in OPEN_TO_ANYONE:
        host = place.partition("/")[0].replace("*", "1")
        assert registrable(host) in DOMAINS
        assert place == place.lower()
