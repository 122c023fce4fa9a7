"""The laws of finding links, numbers and accounts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patterns.entities import find, is_hotline, is_id_number, registrable


def kinds(text: str) -> list[tuple[str, str]]:
    return [(e.kind, e.value) for e in find(text)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("登录 gs-nj.example.net 完成", "url", "gs-nj.example.net"),
        ("点https://a.example.com/x?y=1。", "url", "https://a.example.com/x?y=1"),
        ("点ｇｓ.exam\u200bple.com看", "url", "gs.example.com"),
        ("http://192.0.2.7:8080/a", "url", "http://192.0.2.7:8080/a"),
        ("打１３8-0013*8000", "phone", "13800138000"),
        ("打一三八零零一三八零零零", "phone", "13800138000"),
        ("短信来自10690000123456", "phone", "10690000123456"),
        ("来电+85212345678", "phone", "+85212345678"),
        ("座机0871-65123456", "landline", "0871-65123456"),
        ("热线400-123-4567", "landline", "400-123-4567"),
        ("拨打96110", "hotline", "96110"),
        ("拨打110报警", "hotline", "110"),
        ("卡号6222 0210 0111 6245 702", "bank_card", "6222021001116245702"),
        ("身份证11010519491231002X", "id_number", "11010519491231002x"),
        ("加扣扣：1234567", "qq", "1234567"),
        ("加威信：zhang_01", "wechat", "zhang_01"),
        ("加V Ｘ".replace(" ", "") + "：zhang_01", "wechat", "zhang_01"),
        ("邀请码6621", "invite_code", "6621"),
        ("验证码是８８６６４１", "verification_code", "886641"),
        ("886641（短信验证码）", "verification_code", "886641"),
        ("请垫付6800元", "amount", "6800元"),
        ("车牌云A·12B45", "plate", "云a·12b45"),
    ],
)
def test_it_is_found_even_when_disguised(text: str, kind: str, value: str) -> None:
    assert (kind, value) in kinds(text)


@pytest.mark.parametrize(
    "text", ["花了110元", "3.5折", "v2.0版本", "2025-06-12", "共120人", "今天12.30开会", "e.g.例如"]
)
def test_ordinary_text_has_no_contact_in_it(text: str) -> None:
    assert {k for k, _ in kinds(text)} <= {"amount"}


def test_card_and_identity_numbers_need_their_check_digits() -> None:
    assert "bank_card" not in dict(kinds("6222021001116245703"))
    assert not is_id_number("110105194912310021")


def test_banks_and_police_are_known_good_and_a_mobile_is_not() -> None:
    assert all(is_hotline(n) for n in ("110", "96110", "12381", "12306", "95588", "95338"))
    assert not is_hotline("13800138000")


def test_the_registrable_part_sees_through_a_government_looking_host() -> None:
    assert registrable("gov.cn.verify.example.com") == "example.com"


def test_spans_point_into_the_raw_text() -> None:
    raw = "刚收到：打１ 3 8-0013*8000找我"
    (entity,) = find(raw)
    assert raw[entity.start : entity.end] == "１ 3 8-0013*8000"


@given(st.text(max_size=60) | st.text(alphabet="0123456789.-:/@ac微信加验证码元 京x", max_size=60))
@settings(max_examples=300, deadline=None)
def test_entities_never_overlap_and_stay_inside_the_text(text: str) -> None:
    last = 0
    for entity in find(text):
        assert last <= entity.start < entity.end <= len(text)
        last = entity.end


@pytest.mark.parametrize(
    "unit", ["a.", "1 ", "1-", "微信", "加我", "a", "1", "http://", "验证码", ".a-", "京a", "0871-"]
)
def test_ten_thousand_hostile_characters_are_searched_through(unit: str) -> None:
    find((unit * 10_000)[:10_000])
