"""The laws of chat accounts: what looks like one and is a plate, a waybill, a flight or a room."""

import pytest

from patterns.entities.accounts import names_account
from patterns.text.normalise import clean


@pytest.mark.parametrize(
    "text",
    [
        "赣E5K318一直按喇叭",
        "皖AD30518占了我的车位",
        "包裹YT7291830465在驿站",
        "SF1827364550已由本人签收",
        "单号hh20251130017请核对",
        "邮件CX123456785CN到了海关",
        "CZ3527改到晚上起飞",
        "B2-1104漏水到楼下",
        "C区d12-07货位",
        "发票号码nb20251107",
        "工号wk20731为您服务",
        "护照号e87654321领取",
        "换了iphone15的屏",
        "国药准字z20133021",
    ],
)
def test_what_another_rule_knows_is_no_account(text: str) -> None:
    assert not names_account(clean(text))


@pytest.mark.parametrize(
    "text", ["加微信 sf1827364550", "添加 yt72918304", "联系kefu2073办理", "找renwu_zs7领单", "v：cz3527ab"]
)
def test_a_name_to_add_is_an_account_whatever_it_looks_like(text: str) -> None:
    assert names_account(clean(text))
