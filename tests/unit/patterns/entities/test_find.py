"""The laws of finding links, numbers, accounts, names and places, and of what may be shown of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patterns.data.placeholders import PLACEHOLDERS
from patterns.data.trusted import HOTLINES, SERVICES
from patterns.entities.expressions import rules
from patterns.entities.find import find, find_in
from patterns.entities.masking import TREATMENTS
from patterns.text.normalise import normalise


def kinds(text: str) -> list[tuple[str, str]]:
    return [(e.kind, e.value) for e in find(text)]


FOUND = [
    # links
    ("登录 gs-nj.example.net 完成", "url", "gs-nj.example.net"),
    ("点https://a.example.com/x?y=1。", "url", "https://a.example.com/x?y=1"),
    ("点ｇｓ.exam\u200bple.com看", "url", "gs.example.com"),
    ("http://192.0.2.7:8080/a", "url", "http://192.0.2.7:8080/a"),
    ("打开192.0.2.7。", "url", "192.0.2.7"),
    ("点bit.ly/ab", "url", "bit.ly/ab"),
    ("打开abc.me", "url", "abc.me"),
    ("访问例子.公司/a", "url", "例子.公司/a"),
    ("发到zhang.san@example.com。", "email", "zhang.san@example.com"),
    # numbers that call
    ("打１３8-0013*8000", "phone", "13800138000"),
    ("打一三八零零一三八零零零", "phone", "13800138000"),
    ("打+86 138 0013 8000", "phone", "13800138000"),
    ("打0086-13800138000", "phone", "13800138000"),
    ("来电17012345678", "virtual_phone", "17012345678"),
    ("来电16212345678", "virtual_phone", "16212345678"),
    ("短信来自10690000123456", "sms_port", "10690000123456"),
    ("来电+85212345678", "foreign_phone", "+85212345678"),
    ("来电+1 (202) 555-0123", "foreign_phone", "+12025550123"),
    ("来电00441234567890", "foreign_phone", "00441234567890"),
    ("热线400-123-4567", "service_phone", "400-123-4567"),
    ("热线8001234567", "service_phone", "8001234567"),
    ("座机0871-65123456", "landline", "0871-65123456"),
    ("座机(0871)65123456", "landline", "087165123456"),
    ("电话65123456", "landline", "65123456"),
    ("95123来电", "spoofed_short", "95123"),
    ("请拨95123", "spoofed_short", "95123"),
    ("显示+95588", "spoofed_short", "+95588"),
    ("拨打96110", "hotline", "96110"),
    ("拨打110报警", "hotline", "110"),
    ("详询95588。", "hotline", "95588"),
    # secrets
    ("卡号6222 0210 0111 6245 702", "bank_card", "6222021001116245702"),
    ("身份证11010519491231002X", "id_number", "11010519491231002x"),
    ("身份证440524188001010014", "id_number", "440524188001010014"),
    ("统一社会信用代码91330100799655058B", "licence", "91330100799655058b"),
    ("验证码是８８６６４１", "verification_code", "886641"),
    ("886641（短信验证码）", "verification_code", "886641"),
    ("886-641是验证码", "verification_code", "886641"),
    ("验证码:A1B2C3", "verification_code", "a1b2c3"),
    ("your code is 204418.", "verification_code", "204418"),
    ("邀请码6621", "invite_code", "6621"),
    ("报暗号：888", "invite_code", "888"),
    ("身份证 110105 19491231 0021", "id_number", "110105194912310021"),
    ("护照号E87654321", "document", "e87654321"),
    ("学号：20230417", "document", "20230417"),
    ("卡号6222-0210-0111-6245-703", "bank_card", "6222021001116245703"),
    ("农行6228480012345670", "bank_card", "6228480012345670"),
    ("CVV是318", "card_code", "318"),
    ("卡背面三位数 318", "card_code", "318"),
    ("有效期09/28", "card_code", "09/28"),
    ("支付密码是772051", "password", "772051"),
    ("772051是我的密码", "password", "772051"),
    ("出生日期：1962年4月9日", "birthday", "1962年4月9日"),
    ("王小明，1962-04-09", "birthday", "1962-04-09"),
    # telephones in odd forms
    ("打139/2468/1357", "phone", "13924681357"),
    ("打1392-468-1357", "phone", "13924681357"),
    ("打一三九 二四六八 一三五七", "phone", "13924681357"),
    ("短号661234", "phone", "661234"),
    ("852-9123-4567", "foreign_phone", "85291234567"),
    # accounts
    ("加扣扣：1234567", "qq", "1234567"),
    ("QQ群号：123456789", "qq_group", "123456789"),
    ("进裙1234567领", "qq_group", "1234567"),
    ("加威信：zhang_01", "wechat", "zhang_01"),
    ("加VＸ：zhang_01", "wechat", "zhang_01"),
    ("加绿泡泡 zhang_01", "wechat", "zhang_01"),
    ("电报 @zhang_01", "handle", "zhang_01"),
    ("抖音号：zhang.01", "handle", "zhang.01"),
    ("打到TQn9Y2khEsLJW1ChVWFMSMeRDow5KcbLSE", "wallet", "tqn9y2khesljw1chvwfmsmerdow5kcblse"),
    ("0x52908400098527886E0F7030069857D2E4169EE7", "wallet", "0x52908400098527886e0f7030069857d2e4169ee7"),
    # names of programs, sums
    ("下载「瞩目」会议", "app", "瞩目"),
    ("请登录个人所得税APP核对", "app", "个人所得税"),
    ("下载Telegram", "app", "telegram"),
    ("请垫付6800元", "amount", "6800元"),
    ("保证金5.5万元", "amount", "5.5万元"),
    ("先转八千给他", "amount", "八千"),
    ("￥3,000.50", "amount", "¥3,000.50"),
    ("付3000USDT", "amount", "3000usdt"),
    # people and places
    ("姓名：张伟 电话", "person", "张伟"),
    ("联系人:欧阳娜娜，", "person", "欧阳娜娜"),
    ("我叫张伟，今年", "person", "张伟"),
    ("张先生您好", "person", "张先生"),
    ("我是王小明先生", "person", "王小明先生"),
    ("找李经理", "person", "李经理"),
    ("我是张局，", "person", "张局"),
    ("住中山大道12号3栋2单元501室", "address", "中山大道12号3栋2单元501室"),
    ("幸福路12号13800138000", "address", "幸福路12号"),
    ("送到锦绣花园12号楼3单元", "address", "锦绣花园12号楼3单元"),
    ("地址：东湖镇幸福村3组。", "address", "东湖镇幸福村3组"),
    ("我在悦来酒店0916房", "address", "0916"),
    ("住8-2-1103", "address", "8-2-1103"),
    ("枣林村五组", "address", "枣林村五组"),
    ("五栋二单元三零一", "address", "五栋二单元三零一"),
    ("位置30.27415,120.15515", "address", "30.27415,120.15515"),
    ("在育才小学四年级1班", "school", "育才小学四年级1班"),
    ("我是段淑华阿姨", "person", "段淑华阿姨"),
    ("车牌云A·12B45", "plate", "云a·12b45"),
    ("沪AD12345违章", "plate", "沪ad12345"),
    ("订单号12345678901", "order", "12345678901"),
    ("单号13800138000", "order", "13800138000"),
    ("快递单号：SF1234567890123", "order", "sf1234567890123"),
    ("合同编号：HT-2025-0001", "order", "ht-2025-0001"),
    ("凭取件码12-3-4507取", "order", "12-3-4507"),
]


@pytest.mark.parametrize(("text", "kind", "value"), FOUND)
def test_it_is_found_even_when_disguised(text: str, kind: str, value: str) -> None:
    assert (kind, value) in kinds(text)


@pytest.mark.parametrize(
    "text",
    """3.5折|v2.0版本|版本3.14.6|版本1.2.3.4|2025-06-12|2025.06.12|11月11日|7-11便利店|今天12.30开会|
    e.g.例如|ok.thanks|ok.so go|mr.li|见a.doc|见README.md|setup.sh|node.js|index.php|共120人|
    G1234次列车|京D12345次|MU5137航班|CA1234|5号线|312国道|转8001|分机110|余额95123|尾号95588|
    阅读95123次|第110名|验证码10分钟内有效|验证码，2025年|999.1.1.1|a@b|运单1000件|订单2025年|线路3号|
    住在西岭街道|家住东湖镇|基金经理|高级经理|曾经理解|感谢老师|周总结一下|户名：张家港建设有限公司|
    李某某|下载APP|下载指定APP|下载会议软件|1024元素|一块去|3万人|百万保障|
    d41d8cd98f00b204e9800998ecf8427e|下载地址：见群|6222021001116245703"""
    .replace("\n", "").replace("    ", "").split("|"),
)  # fmt: skip
def test_a_false_friend_is_nothing(text: str) -> None:
    assert kinds(text) == []


@pytest.mark.parametrize("text", ["花了110元", "12345元", "95588元", "余额95123.50元", "订单金额6800元"])
def test_a_sum_is_no_number_to_call(text: str) -> None:
    assert {kind for kind, _ in kinds(text)} == {"amount"}


def test_an_extension_is_no_part_of_a_telephone_number() -> None:
    assert kinds("0871-65123456转8001") == [("landline", "0871-65123456")]


def test_every_known_good_number_is_found_as_one() -> None:
    for number in (*HOTLINES, *SERVICES):
        assert kinds(f"请拨打{number}咨询") == [("hotline", number)]


def test_every_kind_that_is_searched_has_a_treatment_and_every_redacted_one_a_placeholder() -> None:
    assert {rule.kind for rule, _ in rules()} <= set(TREATMENTS)
    assert {kind for kind, treatment in TREATMENTS.items() if treatment != "keep"} <= set(PLACEHOLDERS)
    assert set(PLACEHOLDERS) <= set(TREATMENTS)
    assert {e.kind for text, *_ in FOUND for e in find(text)} == set(TREATMENTS)


def test_a_card_number_needs_its_check_digit() -> None:
    assert "bank_card" not in dict(kinds("6222021001116245703"))


# ---------------------------------------------------------------- any text


def test_spans_point_into_the_raw_text() -> None:
    raw = "刚收到：打１ 3 8-0013*8000找我"
    (entity,) = find(raw)
    assert raw[entity.start : entity.end] == "１ 3 8-0013*8000"


PIECES = st.lists(
    st.sampled_from([text for text, *_ in FOUND])
    | st.text(max_size=6)
    | st.sampled_from(
        [
            "，",
            " ",
            "1",
            "已",
            "-",
            "验证码",
            "微信",
            "路",
            "号",
            "先生",
            "@",
            ".",
            "「",
            "下载",
            "\u2488",
            "½",
        ]
    ),
    max_size=8,
).map("".join)
HOSTILE = st.text(alphabet="0123456789.-:/@ac微信加验证码元 京x王先生路号栋下载「」群单+", max_size=60)


@given(st.text(max_size=60) | HOSTILE | PIECES)
@settings(max_examples=400, deadline=None)
def test_entities_come_in_order_never_overlap_and_stay_inside_the_text(text: str) -> None:
    last = 0
    for entity in find(text):
        assert last <= entity.start < entity.end <= len(text)
        assert entity.value and entity.kind in TREATMENTS
        last = entity.end


@given(st.text(max_size=60) | HOSTILE | PIECES)
@settings(max_examples=400, deadline=None)
def test_what_is_redacted_shows_nothing_of_its_value(text: str) -> None:
    for entity in find(text):
        assert entity.treatment == TREATMENTS[entity.kind] or entity.owner != "unknown"
        if entity.treatment == "redact":
            assert entity.shown == PLACEHOLDERS[entity.kind]
        elif entity.treatment == "mask":
            assert entity.value not in entity.shown


@given(HOSTILE | PIECES)
@settings(max_examples=100, deadline=None)
def test_a_normalised_text_gives_the_same_entities_as_the_raw_one(text: str) -> None:
    assert find_in(normalise(text)) == find(text)


@pytest.mark.parametrize(
    "unit",
    "a.|1 |1-|微信|加我|a|1|http://|验证码|.a-|京a|0871-|1元|¥1|中.中国|路1号|王先生|张三先生|"
    "@a|a@b.|+1|00 |「a|下载|订单1|地址:|0x1"
    .split("|"),
)  # fmt: skip
def test_ten_thousand_hostile_characters_are_searched_through(unit: str) -> None:
    find((unit * 10_000)[:10_000])
