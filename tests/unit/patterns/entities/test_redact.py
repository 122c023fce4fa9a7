"""The laws of hiding personal data, and of what may never be broadcast."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patterns.entities.find import find
from patterns.entities.redact import defang, forbidden, mask
from patterns.text.normalise import normalise


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("打13800138000", "打138****8000"),
        ("打１ 3 8-0013*8000找我", "打138****8000找我"),
        ("验证码886641勿泄露", "验证码[验证码已隐藏]勿泄露"),
        ("身份证11010519491231002X", "身份证[身份证号已隐藏]"),
        ("卡号6222 0210 0111 6245 702", "卡号6222****5702"),
        ("点https://gs.example.com/a", "点hxxps://gs[.]example[.]com/a"),
        ("微信13800138000", "微信138****8000"),
        ("加微信zhang_01", "加微信zh****01"),
        ("拨打96110", "拨打96110"),
        ("合同号20250001234567", "合同号[单号已隐藏]"),
        ("学籍号20250001234567", "学籍号[证件号已隐藏]"),
        ("尾数20250001234567", "尾数****"),
        ("甲\u202e乙\u2066丙", "甲乙丙"),
        ("我是张伟先生，住幸福路12号", "我是[姓名已隐藏]，住[地址已隐藏]"),
        ("车牌云A·12B45", "车牌[车牌已隐藏]"),
        ("邮箱zhang@example.com", "邮箱z***@example[.]com"),
        ("短信来自１０６９0000123456", "短信来自１０６９0000123456"),
        ("请拨９５１２３", "请拨９５１２３"),
        ("号1234567Xhttps://gs.example.com", "号****hxxps://gs[.]example[.]com"),
        ("验证码88664195123来电95123来电", "验证码****来电95123来电"),
    ],
)
def test_people_see_no_personal_number_and_no_live_link(raw: str, shown: str) -> None:
    assert mask(raw) == shown


@given(st.text(alphabet="0123456789１８ -.*微信号qq验证码打x零一京aA:/", max_size=60))
@settings(max_examples=300, deadline=None)
def test_a_masked_text_shows_no_phone_card_identity_or_code(text: str) -> None:
    shown = mask(text)
    assert {e.kind for e in find(shown)}.isdisjoint({"phone", "bank_card", "id_number", "verification_code"})


PERSONAL = st.sampled_from(
    [
        "张先生",
        "姓名：李四",
        "幸福路12号",
        "3栋2单元501",
        "车牌云A12345",
        "订单号12345678901",
        "验证码886641",
        "密码886641",
        "三年级2班",
    ]
)


@given(
    st.lists(PERSONAL | st.sampled_from(["，", " ", "1", "验证码", "4567", "的", "a"]), max_size=6).map(
        "".join
    )
)
@settings(max_examples=200, deadline=None)
def test_nothing_that_is_redacted_is_left_in_a_masked_text(text: str) -> None:
    shown = mask(text)
    once = [e for e in find(text) if e.treatment == "redact" and text.count(e.value) == 1]
    assert all(e.value not in shown for e in once)
    assert [e for e in find(shown) if e.kind == "verification_code"] == []


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_masked_and_checked(text: str) -> None:
    mask(text)
    forbidden(text)


def test_a_defanged_link_has_no_query_and_a_short_path() -> None:
    shown = defang("https://user@gs.example.com/pay/13800138000/very/long/path/indeed?id=1")
    assert shown.startswith("hxxps://gs[.]example[.]com/pay/***")
    assert "?" not in shown and "13800138000" not in shown
    assert len(shown.split("com", 1)[1]) <= 21


@pytest.mark.parametrize(
    "value", ["http://a.example.com", "a.example.com/x", "hxxps://a[.]example[.]com", "192.0.2.7/a"]
)
def test_defanging_twice_is_defanging_once_and_may_be_broadcast(value: str) -> None:
    assert defang(defang(value)) == defang(value)
    assert forbidden(f"骗子用的网址是 {defang(value)} 。") == ()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("详见 https://a.example.com", "link"),
        ("gs.example.com", "link"),
        ("ｇｓ.exam\u200bple.com", "link"),
        ("gs点com", "link"),
        ("gs。com", "link"),
        ("hxxps://gs.example.com", "link"),
        ("gs[.]example.com", "link"),
        ("weixin://dl/chat", "link"),
        ("192.0.2.7", "link"),
        ("police@example.com", "link"),
        ("例子.中国", "link"),
        ("请扫码领取", "qr"),
        ("长按识别下图", "qr"),
        ("速扫下方二维码", "qr"),
        ("回复1确认", "reply"),
        ("退订回T", "reply"),
        ("把情况发送至社区", "reply"),
        ("请致电13800138000", "phone"),
        ("请致电一三八零零一三八零零零", "phone"),
        ("电话0871-65123456", "phone"),
        ("拨打12590核实", "phone"),
        ("卡号6222021001116245702", "bank_card"),
        ("卡号62220210011162457", "bank_card"),
        ("张某11010519491231002X", "id_number"),
        ("验证码885621", "verification_code"),
        ("来电17012345678", "phone"),
        ("短信号10690000123456", "phone"),
        ("热线400-123-4567", "phone"),
        ("来电+85212345678", "phone"),
        ("请拨95123", "phone"),
        ("客服95123来电", "phone"),
        ("进群1234567", "contact"),
        ("电报 @zhang_01", "contact"),
        ("打到TQn9Y2khEsLJW1ChVWFMSMeRDow5KcbLSE", "contact"),
        ("家住幸福路12号3栋", "personal"),
        ("车牌云A12345", "personal"),
        ("订单号ab1234567", "personal"),
        ("邀请码6621", "personal"),
        ("民警微信police_01", "contact"),
        ("加微信核实", "contact"),
        ("请点击链接核实", "request"),
        ("骗子很多，请点击链接核实", "request"),
        ("骗子很多请点击链接核实身份", "request"),
        ("不要错过，点击领取", "request"),
        ("不点击链接就无法认证", "request"),
        ("为防诈骗请把钱转账到安全账户", "request"),
        ("已有多人受骗，请尽快下载反诈软件", "request"),
        ("识别要点：请下载反诈助手", "request"),
        ("凡是收到的居民请登录官网登记", "request"),
        ("诈骗多发，居民可登录平台举报", "request"),
    ],
)
def test_what_must_never_go_out_is_reported(text: str, code: str) -> None:
    assert code in [c for c, _ in forbidden(text)]


@pytest.mark.parametrize(
    "text",
    [
        "不点链接、不扫码、不转账",
        "不听、不信、不转账",
        "切勿点击陌生链接，不要下载来历不明的软件",
        "未知链接不点击，陌生来电不轻信，个人信息不透露，转账汇款多核实",
        "拨打96110咨询或110报警",
        "可致电银行客服95588、95533核实，或拨打12306查询",
        "如已转账，立即拨打96110或110",
        "无需回复，无需回拨",
        "骗子冒充市场监管，诱导点击链接、填写对公账户",
        "对方要求共享屏幕的都是诈骗",
        "凡是让你转账到安全账户的，都是诈骗！",
        "官方客服不会要求共享屏幕、验资、转账",
        "请勿向任何人提供验证码",
        "骗子的网址 hxxps://gs[.]example… 是假的",
        "识别要点：要求下载会议软件；扫码登记",
        "2025年11月23日14时30分 编号FH-20251123-0007",
        "已接到12起报案，损失6.8万元，涉及12个小区、430人",
    ],
)
def test_what_a_warning_says_may_go_out(text: str) -> None:
    assert forbidden(text) == ()


def test_the_hidden_characters_of_a_link_do_not_hide_it() -> None:
    assert normalise("ex\u2063ample.com").text == "example.com"
    assert re.search("link", str(forbidden("ex\u2063ample.com")))


def test_a_contact_in_capitals_is_a_contact() -> None:
    assert forbidden("加WECHAT abc12345")
    assert find("WECHAT: zhang_1234")


@pytest.mark.parametrize(
    "link", ["https://weixin.qq.com/g/abc1", "u.wechat.com/kabc", "mp.weixin.qq.com/s/a1"]
)
def test_a_link_with_the_name_of_wechat_in_it_is_a_link(link: str) -> None:
    assert [entity.kind for entity in find(f"点 {link} 进群")] == ["url"]
    assert link not in mask(f"点 {link} 进群")
    assert "link" in {code for code, _ in forbidden(f"见 {link}")}
