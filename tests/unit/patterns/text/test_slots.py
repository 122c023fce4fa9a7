"""The laws of slots: what stands where senders change the value."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.live_library import seed_patterns
from patterns.characters.compiled_tables import GAP, HANDLE, LINK, NUMBER
from patterns.data.placeholders import PLACEHOLDERS
from patterns.entities.find import find
from patterns.entities.redact import forbidden, mask
from patterns.matching import Library
from patterns.model import Pattern
from patterns.text.normalise import clean, clean_batch, fold, fold_batch
from patterns.text.slots import SLOTS, example, filled, from_masked, from_record, slots, unknown_slots

PATTERN = "{org}银行：{name}您好，请于{date}前登录 {link} 缴{amount}，添加{wechat}报{code}"
texts = st.lists(
    st.sampled_from([*(f"{{{name}}}" for name in SLOTS), "{", "}", "{}", "{bank}", "转账", " "])
).map("".join)


def test_a_pattern_is_filled_with_marks() -> None:
    number, gap = chr(NUMBER), chr(GAP)
    assert filled("到{link}缴{amount}找{wechat}") == f"到{chr(LINK)}缴{number}{gap}找{chr(HANDLE)}"
    assert filled("{name}您好") == f"{gap}您好"


def test_an_example_is_a_message_with_invented_values() -> None:
    assert example("{name}，缴{amount}，看 {link}") == "王强，缴6800元，看 https://k3.example.com/a9"


def test_slots_are_told_in_order_and_each_time() -> None:
    assert slots(PATTERN) == ("org", "name", "date", "link", "amount", "wechat", "code")
    assert slots("{link}或{link}") == ("link", "link")
    assert slots("没有") == ()


def test_what_is_no_slot_is_told_and_stays_text() -> None:
    assert unknown_slots("{link}{bank}{}{Link}") == ("bank", "", "Link")
    assert unknown_slots(PATTERN) == ()
    assert filled("{bank}{ link }{") == example("{bank}{ link }{") == "{bank}{ link }{"


@given(texts)
@settings(max_examples=100, deadline=None)
def test_filled_and_example_leave_no_slot_and_only_slots_are_replaced(text: str) -> None:
    for done in (filled(text), example(text)):
        assert slots(done) == ()
        assert filled(done) == example(done) == done
    assert (filled(text) == text) == (example(text) == text) == (not slots(text))


@pytest.mark.parametrize("name", SLOTS)
def test_a_slot_is_compared_as_the_kind_of_thing_that_its_example_is(name: str) -> None:
    mark, value = SLOTS[name]
    cleaned = clean_batch([mark], marks=True)
    assert cleaned.string(0) == mark
    assert fold_batch(cleaned).string(0).rstrip(chr(GAP)) == ("" if mark == chr(GAP) else mark[0])
    if mark[0] != chr(GAP):
        assert fold(value)[0] == mark[0] or (mark[0], fold(value)[0]) == (chr(NUMBER), chr(HANDLE))


@pytest.mark.parametrize("name", SLOTS)
def test_an_example_names_no_host_that_could_be_real(name: str) -> None:
    urls = [entity.value for entity in find(SLOTS[name][1]) if entity.kind == "url"]
    assert all(".example.com" in url for url in urls)
    assert bool(urls) == (name == "link")


@pytest.mark.parametrize(
    ("record", "pattern"),
    [
        ("点 URL 领 DIGIT 元", "点 {link} 领 {code} 元"), ("登录URLgnv打PHONE", "登录{link}打{phone}"),
        ("NAME您好，PLACE银行", "您好，银行"), ("加WECHAT", "加{wechat}"),
        ("CURLY PHONES url Phone", "CURLY PHONES url Phone"),
    ],
)  # fmt: skip
def test_the_stand_ins_of_a_record_are_slots(record: str, pattern: str) -> None:
    assert from_record(record) == pattern


def test_what_was_hidden_in_a_message_is_a_slot_of_its_pattern() -> None:
    seen = mask(
        "王强先生您好，包裹丢失，请拨13812345678，卡号6222021001116245702，验证码823411，点 a.example.net/b"
    )
    assert slots(from_masked(seen)) == ("name", "number", "number", "code")
    assert "a[.]example[.]net/b" in from_masked(seen)


@pytest.mark.parametrize("kind", PLACEHOLDERS)
def test_every_placeholder_is_a_slot(kind: str) -> None:
    assert len(slots(from_masked(PLACEHOLDERS[kind]))) == 1


def test_the_next_victim_of_a_masked_scam_is_known() -> None:
    said = "{name}先生您好，您寄存的古琴已被海关暂扣，请今晚前把保管费汇给承办员，电话{phone}，逾期送拍卖行。"
    seen = from_masked(mask(said.format(name="王强", phone="13812345678")))
    verdict = Library([Pattern("p", "OTHER", "t", seen)]).match(
        [said.format(name="赵敏", phone="13998765432")]
    )[0]
    assert (verdict.band, verdict.pattern_id) == ("known", "p")


# ---------------------------------------------------------------- marks in a message

MARKS = [chr(code) for code in range(0xE000, 0xE004)]


@pytest.mark.parametrize("mark", MARKS)
def test_our_marks_hide_no_number_and_no_link(mark: str) -> None:
    assert "13812345678" not in mask(mark.join("13812345678")).replace(mark, "")
    assert forbidden(mark.join("https://evil.example/a"))


@pytest.mark.parametrize("mark", MARKS)
def test_our_marks_hide_no_known_scam(mark: str) -> None:
    some = list(seed_patterns())[:20]
    library = Library(some, "seeds")
    found = library.match([mark.join(example(pattern.text)) for pattern in some])
    assert [x.pattern_id for x in found] == [p.pattern_id for p in some]


@pytest.mark.parametrize("mark", MARKS)
def test_our_marks_are_nothing_in_a_message(mark: str) -> None:
    assert clean(f"点{mark}领") == "点领"
