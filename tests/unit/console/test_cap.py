"""CAP documents: what OASIS's schema asks, what it cannot see, and the approved text untouched."""

from collections.abc import Callable
from datetime import timedelta

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from msgspec.structs import replace

from console.public import atom_feed, cap
from console.public.cap import About, CapDocument, CapMessage, Info, Released, documents, faults_of, render
from fenghuo.domain import warning_text
from fenghuo.domain.alert import Audience, check_code
from tests.support.cap_builders import ABOUT, AT, CORRECTION, ID, ISSUER, TEXT, release, whole_life
from tests.support.cap_schema import cap_schema

CAP = {"c": cap.NAMESPACE}


def first_document(about: About = ABOUT, **more: object) -> CapDocument:
    return documents([Released("approved", release(**more), AT)], about)[0]


def field(body: bytes, path: str) -> list[str]:
    found: list[str] = etree.fromstring(body).xpath(f"//{path}/text()", namespaces=CAP)
    return found


@pytest.fixture(scope="session")
def schema(tmp_path_factory: pytest.TempPathFactory) -> etree.XMLSchema:
    return cap_schema(tmp_path_factory.mktemp("schema"))


@pytest.mark.parametrize("exercise", [False, True])
def test_alert_update_and_cancel_satisfy_the_schema(schema: etree.XMLSchema, exercise: bool) -> None:
    bodies = [render(x) for x in documents(whole_life(exercise=exercise), ABOUT)]
    for body in bodies:
        schema.assertValid(etree.fromstring(body))
    assert [field(x, "c:msgType") for x in bodies] == [["Alert"], ["Update"], ["Cancel"]]
    assert {x for body in bodies for x in field(body, "c:status")} == {"Exercise" if exercise else "Actual"}


def test_a_bare_document_satisfies_the_schema_too(schema: etree.XMLSchema) -> None:
    about = About(ISSUER._replace(district_code="", public_url=""), "", 0)
    body = render(
        first_document(about, severity="odd", text="没有更多。", audience=Audience(district="示范区"))
    )
    schema.assertValid(etree.fromstring(body))
    assert field(body, "c:severity") == ["Unknown"]
    assert field(body, "c:certainty") == ["Possible"]
    assert field(body, "c:areaDesc") == ["示范区"]
    left_out = ["c:web", "c:instruction", "c:geocode/*", "c:eventCode/*"]
    assert [field(body, name) for name in left_out] == [[], [], [], []]


def test_an_alert_tells_what_was_approved_and_no_more() -> None:
    document = first_document()
    body = render(document)
    code = check_code(ID, 1, TEXT)
    assert field(body, "c:identifier") == [f"fenghuo-{ID}-1"]
    assert field(body, "c:sent") == ["2026-11-25T23:20:30+08:00"]
    assert field(body, "c:expires") == ["2026-11-26T23:20:30+08:00"]
    assert field(body, "c:description") == [warning_text.as_sent(release(), "warning")]
    assert field(body, "c:description")[0].startswith(TEXT)
    assert document.code == code
    assert field(body, "c:instruction") == [
        "不点链接，不转账。已付款的，马上拨打 110；拿不准的，拨打 96110。"
    ]
    assert field(body, "c:areaDesc") == ["示范区：城关镇、西山镇"]
    assert field(body, "c:geocode/c:value") == ["110000"]
    assert field(body, "c:senderName") == ["示范区反诈中心"]
    assert field(body, "c:web") == ["https://warn.example.com/warnings/5A0C11D2"]
    assert field(body, "c:eventCode/c:value") == ["EXPRESS"]
    assert field(body, "c:urgency") + field(body, "c:severity") == ["Immediate", "Severe"]
    assert field(body, "c:parameter/c:value") == ["5A0C11D2", "1", code, "hxxp://kd-lipei[.]example"]
    assert CORRECTION not in body.decode()


def test_a_cancel_is_the_correction_with_its_own_check_code() -> None:
    document = documents(whole_life(), ABOUT)[-1]
    body = render(document)
    assert field(body, "c:description") == [warning_text.as_sent(document.release, "correction")]
    assert field(body, "c:parameter/c:value") == ["5A0C11D2", "2", check_code(ID, 2, CORRECTION)]
    assert field(body, "c:headline") == ["【撤回】冒充快递：三倍理赔"]
    assert field(body, "c:responseType") + field(body, "c:urgency") == ["None", "Past"]


def test_update_and_cancel_name_every_message_before_them() -> None:
    messages = [x.message for x in documents(whole_life(), ABOUT)]
    first = f"fenghuo.example.com,fenghuo-{ID}-1,2026-11-25T23:20:30+08:00"
    second = f"fenghuo.example.com,fenghuo-{ID}-2,2026-11-26T01:20:30+08:00"
    assert [x.references for x in messages] == [(), (first,), (first, second)]
    assert field(render(documents(whole_life(), ABOUT)[-1]), "c:references") == [f"{first} {second}"]


def test_a_recall_after_the_expiry_is_told_for_a_day() -> None:
    late = AT + timedelta(days=2)
    cancel = documents([Released("approved", release(), AT), Released("recalled", release(), late)], ABOUT)[
        -1
    ]
    assert cancel.expires_at == late + timedelta(hours=24)
    assert faults_of(cancel.message) == []


def test_an_exercise_is_marked_in_headline_and_text() -> None:
    for document in documents(whole_life(exercise=True), ABOUT):
        info = document.message.info
        assert info is not None
        assert info.headline.startswith(warning_text.EXERCISE_MARK)
        assert info.description.startswith(warning_text.EXERCISE_MARK)


def test_another_district_gets_neither_our_code_nor_our_name() -> None:
    info = first_document(audience=Audience(district="邻区")).message.info
    assert info is not None
    assert (info.geocode, info.sender_name) == ("", "邻区反诈中心")


def with_info(message: CapMessage, **changes: object) -> CapMessage:
    assert isinstance(message.info, Info)
    return replace(message, info=replace(message.info, **changes))


FAULTS: list[tuple[str, Callable[[CapMessage], CapMessage]]] = [
    ("identifier: a space", lambda m: replace(m, identifier="fenghuo 1")),
    ("identifier: a space", lambda m: replace(m, identifier="fenghuo,1")),
    ("identifier: a space", lambda m: replace(m, identifier="")),
    ("sender: a space", lambda m: replace(m, sender="示范区 反诈中心")),
    ("sender: a space", lambda m: replace(m, sender="a&b")),
    ("sender: a space", lambda m: replace(m, sender="a<b")),
    ("sent: not a time", lambda m: replace(m, sent="2026-11-25T15:20:30Z")),
    ("sent: not a time", lambda m: replace(m, sent="2026-11-25T23:20:30.250+08:00")),
    ("expires: not a time", lambda m: with_info(m, expires="2026-11-26")),
    ("expires: not after sent", lambda m: with_info(m, expires=m.sent)),
    ("expires: not after sent", lambda m: with_info(m, expires="2026-11-31T00:00:00+08:00")),
    ("info: missing", lambda m: replace(m, info=None)),
    ("references: Update names no", lambda m: replace(m, msg_type="Update")),
    ("references: Cancel names no", lambda m: replace(m, msg_type="Cancel")),
    ("references: an Alert has", lambda m: replace(m, references=(f"{m.sender},{m.identifier},{m.sent}",))),
    ("references: not sender", lambda m: replace(m, msg_type="Cancel", references=("fenghuo-1",))),
    ("references: not sender", lambda m: replace(m, msg_type="Cancel", references=(f"a,b c,{m.sent}",))),
    ("headline: empty", lambda m: with_info(m, headline=" ")),
    ("description: empty", lambda m: with_info(m, description=" \n")),
    ("areaDesc: empty", lambda m: with_info(m, area_desc="")),
    ("a link that works: https://", lambda m: with_info(m, description="请打开https://bank.example/x")),
    ("a link that works: www.", lambda m: with_info(m, headline="www.bank.example")),
    ("a link that works: pay.bank.top", lambda m: with_info(m, instruction="不要打开pay.bank.top。")),
    ("a link that works: ", lambda m: with_info(m, parameters=(("fenghuo:indicator", "x.cn"),))),
    ("a character that XML", lambda m: with_info(m, description="不\x0b转账")),
    ("a character that XML", lambda m: with_info(m, sender_name="\ufffe")),
]


@pytest.mark.parametrize(("fault", "spoil"), FAULTS)
def test_each_fault_is_found_and_keeps_the_document_back(
    fault: str, spoil: Callable[[CapMessage], CapMessage]
) -> None:
    right = first_document()
    assert faults_of(right.message) == []
    wrong = replace(right, message=spoil(right.message))
    found = faults_of(wrong.message)
    assert [x for x in found if x.startswith(fault)] != [], found
    with pytest.raises(cap.WrongDocument):
        render(wrong)


ODD = "&<>]]\"'\r\n\t\x7f\x85转账【】😀"
NEVER = "\x00\x08\x0b\x1f\ud800\udfff\ufffe\uffff"
carried = st.text(
    st.one_of(
        st.sampled_from(ODD),
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=[*"./:[", *NEVER]),
    ),
    min_size=1,
    max_size=80,
).filter(lambda x: x.strip())


def with_texts(text: str, title: str, town: str) -> CapDocument:
    right = first_document()
    return replace(right, message=with_info(right.message, description=text, headline=title, area_desc=town))


@given(text=carried, title=carried, town=carried)
def test_whatever_is_written_a_document_carries_it_whole(
    schema: etree.XMLSchema, text: str, title: str, town: str
) -> None:
    body = render(with_texts(text, title, town))
    parts = [field(body, f"c:{name}")[0] for name in ("description", "headline", "areaDesc")]
    assert parts == [text, title, town]
    schema.assertValid(etree.fromstring(body))


@given(before=carried, never=st.sampled_from(NEVER), behind=carried)
def test_what_xml_cannot_carry_is_refused(before: str, never: str, behind: str) -> None:
    with pytest.raises(cap.WrongDocument, match="XML cannot carry"):
        render(with_texts(before + never + behind, "题", "区"))


def test_a_feed_reader_finds_every_document() -> None:
    told = [documents(whole_life(), ABOUT)[-1], first_document(exercise=True)]
    read = feedparser.parse(atom_feed.render(told, ISSUER, AT))
    assert not read.bozo
    assert read.feed.title == "示范区反诈中心：电信网络诈骗预警"
    assert read.feed.updated_parsed[:6] == (2026, 11, 25, 15, 20, 30)
    assert [x.title for x in read.entries] == ["【撤回】冒充快递：三倍理赔", "【演练】冒充快递：丢件理赔"]
    assert [x.updated for x in read.entries] == ["2026-11-26T02:20:30+08:00", "2026-11-25T23:20:30+08:00"]
    links = {(x.rel, x.type): x.href for x in read.entries[0].links}
    assert links == {
        ("alternate", cap.MEDIA_TYPE): f"https://warn.example.com/feeds/alerts/fenghuo-{ID}-3.cap.xml",
        ("related", "text/html"): "https://warn.example.com/warnings/5A0C11D2",
    }
    assert [x.term for x in read.entries[0].tags] == ["EXPRESS", "Cancel", "Actual"]
    assert read.entries[0].author == "示范区反诈中心"


def test_a_feed_has_a_hundred_entries_at_most_and_stays_below_what_readers_take() -> None:
    worst = first_document(text="&" * 310, title="<" * 40, audience=Audience(district="区" * 40))
    body = atom_feed.render([worst] * 120, ISSUER, AT)
    assert len(feedparser.parse(body).entries) == atom_feed.ENTRIES
    assert len(body) < 900_000 / 2
