"""The laws of undoing disguises and of folding."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patterns.characters.compiled_tables import CLOSE, HANDLE, LINK, NUMBER, OPEN
from patterns.text.normalise import (
    clean,
    clean_batch,
    fold,
    fold_batch,
    fold_with_offsets,
    luhn,
    normalise,
    sound,
)

ODD = (
    "１３8０零一幺①➊⑴🅥ѵｖ威信抠/\\。、 -.*\u200b\u202e\ufe0f\u20e3亻言禾刂詳証comgs微xX加\n5六七"
    "+＋咖啡叩邱秋√【】[]:点丶olＵ😀💰➕🐧👨\u200d\U0001f469\U0001f3fd\U000e0061\ue000\ue003\ud800\udfff\t'％,"
)
WHOLE = (
    "叩叩", "邱12345", "微x", "√", "shua", "shua单", "PHONE", "DIGIT", "NAME", "【", "】", "亻", "讠",
    "言", "正", "1 3 8", "138", "-0013-", "8000", "6222 0210 0111 6245 702", "a.b", "点com", "http://",
    "www.", "weixin", "VX", "+v", "5oo", "😀", "💰", "1️⃣", "\ud800", " ", "加", "信", "Wechat", "零一",
    "O0l", "gs。top", "莪",
)  # fmt: skip
texts = (
    st.text(max_size=80)
    | st.text(st.characters(), max_size=40)
    | st.text(ODD, max_size=60)
    | st.lists(st.sampled_from(WHOLE), max_size=14).map("".join)
)


@given(texts)
@settings(max_examples=400, deadline=None)
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = clean(text)
    assert clean(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "weixin√信",
        "wechat+v",
        "+weixin",
        "++我",
        "微xv信",
        "vxv信",
        "5ov信",
        "a点comv信",
        "加扣一二三四五六七",
        "加扣1 2 3 4 5 6 7",
    ],
)
def test_normalising_neighbours_of_aliases_twice_changes_nothing(text: str) -> None:
    once = clean(text)
    assert clean(once) == once


@given(texts)
@settings(max_examples=400, deadline=None)
def test_the_map_has_a_place_in_the_raw_text_for_every_character_and_never_goes_back(text: str) -> None:
    for mapped in (normalise(text), fold_with_offsets(text)):
        offsets = mapped.offsets.tolist()
        assert len(offsets) == len(mapped.text) + 1
        assert offsets == sorted(offsets)
        assert all(0 <= i < len(text) for i in offsets[:-1]) and offsets[-1] == len(text)


@given(texts, st.integers(0, 40), st.integers(0, 40))
@settings(max_examples=200, deadline=None)
def test_a_span_of_the_normalised_text_is_a_span_of_the_raw_text(text: str, a: int, b: int) -> None:
    norm = normalise(text)
    start, end = sorted((min(a, len(norm.text)), min(b, len(norm.text))))
    low, high = norm.span(start, end)
    assert 0 <= low <= high <= len(text)
    assert high > low or start == end


@given(st.lists(texts, max_size=6))
@settings(max_examples=200, deadline=None)
def test_a_batch_is_treated_as_its_texts_one_by_one(batch: list[str]) -> None:
    cleaned = clean_batch(batch)
    folded = fold_batch(cleaned)
    assert len(cleaned.starts) == len(folded.starts) == len(batch) + 1
    for i, text in enumerate(batch):
        alone = clean_batch([text])
        folded_alone = fold_batch(alone)
        assert cleaned.string(i) == alone.string(0) == clean(text) == normalise(text).text
        assert folded.string(i) == folded_alone.string(0) == fold(text) == fold_with_offsets(text).text
        assert cleaned.normalised(i, len(text)).offsets.tolist() == normalise(text).offsets.tolist()
        assert folded.signs[i].tolist() == folded_alone.signs[0].tolist()
        own = slice(*folded.extra_starts[i : i + 2])
        assert folded.extras[own].tolist() == folded_alone.extras.tolist()


@given(texts)
@settings(max_examples=300, deadline=None)
def test_folding_what_was_normalised_is_folding_the_raw_text(text: str) -> None:
    assert fold(clean(text)) == fold(text)


FAMILIES = {
    "full width and mathematical letters": [("１３８", "138"), ("Ｗ", "w"), ("𝟏", "1"), ("𝐖𝐄", "we")],
    "circled and parenthesised": [
        ("①⑳⓪", "1200"), ("⑴", "1"), ("⒈", "1"), ("Ⓥ", "v"), ("⒱", "v"), ("㊀", "一"), ("①➋❸⓸⑴🄌", "123410"),
    ],
    "dingbats and negative squares": [
        ("➀➊❶⓿", "1110"), ("🅥", "v"), ("🆅", "v"), ("🄥", "v"), ("1️⃣3️⃣8️⃣", "138"),
    ],
    "Roman numerals": [("Ⅷ", "viii"), ("ⅽ", "c")],
    "look-alikes": [
        ("ᴠ", "v"), ("ѵ", "v"), ("ν", "v"), ("√", "v"), ("Ꮃ", "w"), ("ꓪ", "w"), ("аррӏе.com", "apple.com"),
        ("іcbc.com.cn", "icbc.com.cn"), ("ᎳeChat", "微信"),
    ],
    "invisible": [
        ("收\u200b到", "收到"), ("收\u200f\u202e到", "收到"), ("收\u2060\ufeff\u00ad到", "收到"),
        ("收\ufe0f到", "收到"), ("收\U000e0061到", "收到"), ("V\u200b信", "微信"), ("1\u200b38", "138"),
    ],
    "Han digits": [
        ("电话一三八零零一三八零零零", "电话13800138000"), ("电话幺三八零零幺三八零零零", "电话13800138000"),
        ("1三8〇〇一三八〇〇〇", "13800138000"), ("壹叁捌零零壹叁捌零零零", "13800138000"),
    ],
    "WeChat": [
        *((name, "微信") for name in (
            "威信", "薇信", "徽信", "葳信", "崴信", "嶶信", "维信", "微芯", "微伈", "v信", "V信", "Ⓥ信",
            "√信", "vx", "ＶＸ", "wx", "微x", "微Ｘ", "weixin", "WeChat", "微亻言", "薇亻言", "/信", "\\信",
        )),
        ("加VX", "加微信"), ("微X号", "微信号"),
    ],
    "QQ": [
        *((name, "qq") for name in ("扣扣", "抠抠", "叩叩", "蔻蔻", "筘筘", "ＱＱ", "🐧")),
        ("扣1234567", "q1234567"), ("邱12345", "q12345"), ("秋:12345", "q:12345"), ("球 12345", "q 12345"),
    ],
    "adding": [
        ("➕微信", "加微信"), ("+微信", "加微信"), ("＋我", "加我"), ("+.我", "加.我"), ("+v abc", "加v abc"),
        ("咖我", "加我"), ("咖微信", "加微信"),
    ],
    "split characters": [
        ("亻言息", "信息"), ("禾刂息", "利息"), ("钅戋", "钱"), ("讠正", "证"), ("贝戋", "贱"),
        ("走召市", "超市"), ("木又限", "权限"), ("氵先", "洗"),
    ],
    "traditional and Japanese forms": [
        ("詳入看領取帳號", "详入看领取账号"), ("収費査看", "收费查看"), ("認証", "认证"), ("転帯", "转带"),
        ("カ量", "力量"),
    ],
    "variants of one character": [("转帐", "转账"), ("囬沵", "回你")],
    "separators within": [
        ("1-3-8-0-0-1-3-8-0-0-0", "13800138000"), ("1 3 8-0013*8000", "13800138000"),
        ("138*0013*8000", "13800138000"), ("138~0013—8000", "13800138000"),
        ("6222 0210 0111 6245 702", "6222021001116245702"), ("1.2.3.4.5.6.7", "1234567"),
    ],
    "dots of links": [
        ("weixin。qq。com/g/x", "weixin.qq.com/g/x"),
        ("gs。com", "gs.com"), ("gs点top", "gs.top"), ("etc丶cn/a", "etc.cn/a"), ("a点b点com", "a点b.com"),
    ],
    "letters for digits": [("5oo0元", "5000元"), ("1l0", "110"), ("5Oo元", "500元")],
    "emoji": [("💰", "钱"), ("📱", "手机"), ("✈️", "飞机"), ("💳号", "卡号"), ("🧧", "红包"), ("☎️", "电话")],
}  # fmt: skip


@pytest.mark.parametrize(
    ("disguised", "plain"),
    [pytest.param(*pair, id=f"{family}-{pair[0]!r}") for family, pairs in FAMILIES.items() for pair in pairs],
)
def test_a_disguise_is_undone(disguised: str, plain: str) -> None:
    assert clean(disguised) == plain


@pytest.mark.parametrize(
    "text",
    [
        "2025-06-12 09:30", "2025/6/12", "12月17日", "一、二、三", "今天一点到三点", "3点。", "五点钟",
        "12 34", "12-3-4567", "3.5折", "100,000元", "6800元", "两万三千", "三分之一", "24小时", "尾号1234",
        "1-2楼", "5+3=8",
        "c++", "a+b", "咖啡", "咖喱饭", "大咖位", "女子", "叩头", "邱先生", "秋天2025年", "球赛3比2", "扣2分",
        "威望", "微笑", "xvx", "vxa", "wxyz", "hello world", "good.", "o2o", "lol", "curly", "and/or",
        "信/息", "【工商银行】", "不说。com是什么", "weixin.qq.com/g/a", "u.wechat.com/k", "wx.tenpay.com",
        "好。see you。",
    ],
)  # fmt: skip
def test_what_is_no_disguise_is_left_alone(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(("disguised", "plain"), [("溦信", "微信"), ("ꮃechat", "微信")])
def test_a_disguise_of_the_table_of_evasions_is_undone(disguised: str, plain: str) -> None:
    assert clean(disguised) == plain


def test_a_span_of_the_normalised_text_covers_its_raw_characters() -> None:
    raw = "电话１ 3８-0013*8000。"
    norm = normalise(raw)
    start = norm.text.index("138")
    low, high = norm.span(start, start + 11)
    assert raw[low:high] == "１ 3８-0013*8000"


def test_a_span_takes_in_what_was_dropped_behind_its_last_character() -> None:
    raw = "1️⃣2️⃣元"
    low, high = normalise(raw).span(0, 2)
    assert raw[low:high] == "1️⃣2️⃣"


@pytest.mark.parametrize(
    ("disguised", "plain"),
    [
        ("请转帐", "请转账"),
        ("请传账到银航", "请船帐到银杭"),
        ("轉賬匯款", "转账汇款"),
        ("刷単", "刷单"),
        ("莪", "我"),
        ("沵好", "你好"),
        ("渞充", "首充"),
        ("伱恏", "你好"),
        ("琓彩", "玩彩"),
        ("shua单", "刷单"),
        ("刷dan", "刷单"),
        ("返xian", "返现"),
        ("刷亻单", "刷单"),
        ("验·证·码", "验证码"),
        ("验 证 码", "验证码"),
        ("验！证，码", "验证码"),
        ("验🍋证", "验证"),
        ("It’s", "its"),
    ],
)
def test_what_sounds_or_is_meant_alike_folds_alike(disguised: str, plain: str) -> None:
    assert fold(disguised) == fold(plain)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("刷单", "刷卡"),
        ("shuadan", "刷单"),
        ("the dan", "the 单"),
        ("转账5000元", "转账元"),
        ("【a】", "[a]"),
    ],
)
def test_what_differs_folds_differently(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        (
            (
                "https://a.example.com/1?x=y", "b.example.net", "www.x", "hxxps://etc[.]example[.]com/a",
                "etc.cn", "gov.cn.a1.top:8080/x", "gs点com", "http://10.1.1.1/a", "аррӏе.com",
            ),
            LINK,
        ),
        (
            (
                "13800138000", "1 3 8-0013*8000", "6222021001116245702", "zhang_01", "a1b2", "q1234567",
                "123456",
            ),
            HANDLE,
        ),
        (("5", "12345", "3.5", "100,000", "09:30", "2025-06-12", "50%", "①②"), NUMBER),
        (("【",), OPEN),
        (("】",), CLOSE),
    ],
)  # fmt: skip
def test_links_accounts_and_numbers_fold_to_their_mark(texts: tuple[str, ...], mark: int) -> None:
    assert {text: [hex(ord(c)) for c in fold(text)] for text in texts} == {
        text: [hex(mark)] for text in texts
    }


def test_links_and_accounts_are_counted_and_their_names_kept_unless_they_are_known_good() -> None:
    folded = fold_batch(
        clean_batch(["点 a.evil-shop.top 加 zhang_01", "点 b.evil-shop.top/x", "登录 www.icbc.com.cn", "好"])
    )
    assert folded.signs[:, 5].tolist() == [1, 1, 1, 0]
    assert folded.signs[:, 6].tolist() == [1, 0, 0, 0]
    first, second = (folded.extras[slice(*folded.extra_starts[i : i + 2])].tolist() for i in (0, 1))
    assert len(first) == 2 and second == first[:1]
    assert folded.extra_starts.tolist() == [0, 2, 3, 3, 3]


def test_homophones_links_and_numbers_fold_alike() -> None:
    assert fold("请转帐300元到 https://a.example.com/1") == fold("请轉账８８元到 b.example.net")


@pytest.mark.parametrize("text", ["", "！？…", "🙂😀", " \n\t", "\ud800", "\u200b\ufeff", "亻"])
def test_text_without_words_folds_to_nothing(text: str) -> None:
    assert fold(text) == ""


def test_lone_surrogates_and_long_texts_are_taken() -> None:
    assert clean("a\ud800b") == "ab"
    assert len(fold("好" * 10_000)) == 10_000
    assert clean("1" * 5_000) == "1" * 5_000


def test_sound_keeps_the_length_and_makes_homophones_one() -> None:
    assert sound("转账，a1传帐") == sound("赚丈，a1船账")
    assert len(sound("转账，a1")) == 5


@pytest.mark.parametrize(
    ("digits", "passes"),
    [("79927398713", True), ("79927398710", False), ("6222021001116245702", True), ("0", True), ("1", False)],
)
def test_luhn_is_the_check_of_cards(digits: str, passes: bool) -> None:
    assert luhn(digits) is passes
