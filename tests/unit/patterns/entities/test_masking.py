"""The laws of what people may see of an entity."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patterns.entities.find import find
from patterns.entities.masking import TREATMENTS, defang, masked_form


@pytest.mark.parametrize(
    ("text", "shown", "treatment"),
    [
        ("13812345678", "138****5678", "mask"),
        ("0871-65123456", "087****3456", "mask"),
        ("6222 0210 0111 6245 702", "6222****5702", "mask"),
        ("zhang@example.com", "z***@example[.]com", "mask"),
        ("微信13812345678", "138****5678", "mask"),
        ("微信zhang_01", "zh****01", "mask"),
        ("17012345678", "170****5678", "mask"),
        ("10690000123456", "10690000123456", "keep"),
        ("400-123-4567", "400-123-4567", "keep"),
        ("95123来电", "95123", "keep"),
        (
            "https://a.example.com/pay/very/long/path/indeed?id=13800138000",
            "hxxps://a[.]example[.]com/pay/very/long/path/…",
            "keep",
        ),
        ("验证码886641", "[验证码已隐藏]", "redact"),
        ("邀请码6621", "6621", "keep"),
        ("11010519491231002X", "[身份证号已隐藏]", "redact"),
        ("张先生", "[姓名已隐藏]", "redact"),
        ("幸福路12号", "[地址已隐藏]", "redact"),
        ("云A12345", "[车牌已隐藏]", "redact"),
        ("订单号12345678901", "[单号已隐藏]", "redact"),
    ],
)
def test_people_see_what_the_practice_of_broadcasts_allows(text: str, shown: str, treatment: str) -> None:
    (entity,) = find(text)
    assert (entity.shown, entity.treatment) == (shown, treatment)


@given(st.sampled_from(sorted(TREATMENTS)), st.from_regex(r"[0-9]{7,19}", fullmatch=True))
def test_what_is_hidden_is_never_in_what_is_shown(kind: str, number: str) -> None:
    shown, treatment = masked_form(kind, f"{number}@example.com" if kind == "email" else number)
    assert treatment == "keep" or number not in shown


@given(
    st.from_regex(
        r"(https?://)?([a-z0-9]{1,11}\.){1,3}(com|cn)(/[a-z0-9./]{0,40})?(\?[a-z0-9=]{1,20})?", fullmatch=True
    )
)
@settings(deadline=None)
def test_a_shown_link_is_short_has_no_query_and_tells_no_number_of_a_person(link: str) -> None:
    shown = defang(link)
    assert "?" not in shown and "http" not in shown.partition("://")[0]
    assert not re.search(r"1[3-9]\d{9}", shown)
    assert not re.search(r"[a-z0-9]\.[a-z0-9]", shown)
