"""The laws of a library that may go into force, each with what breaks it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz import process

from patterns.data.everyday_messages import EVERYDAY
from patterns.library_checks import BAD_SLOT, LibraryProblem, check, check_added, slot_problems
from patterns.model import FraudType, Pattern
from patterns.text.slots import example

FEE = Pattern(
    "fee",
    "BIZ",
    "代办收费",
    "贵公司年度报告尚未公示，我处可加急代办，交服务费{amount}一小时办好，避免罚款，扫码付款。",
)
PARCEL = Pattern(
    "parcel",
    "EXPRESS",
    "丢件理赔",
    "您的快递在中转站破损，现主动三倍理赔，请添加理赔专员{wechat}并提供收款银行卡号。",
)
BIZ = FraudType(
    "BIZ",
    "冒充办事",
    "Posing",
    "近期有人。",
    "骗子。",
    ("一",),
    "不点。",
    "severe",
    tuple("一二三四五六七八九十"),
)


def codes(found: list[LibraryProblem]) -> list[tuple[str, str]]:
    return [(x.code, x.pattern_id) for x in found]


def test_two_scams_that_differ_have_no_fault() -> None:
    assert check((), (FEE, PARCEL), EVERYDAY) == []


@pytest.mark.parametrize(
    "text",
    [
        FEE.text,
        FEE.text.replace("贵公司", "您公司").replace("我处", "我这里"),
        FEE.text.replace("{amount}", "680元"),
        "各位老板注意，" + FEE.text + "名额有限，办完的企业本年度不再抽查，请各位老板相互转告。",
    ],
)
def test_a_near_duplicate_is_an_error_that_names_both(text: str) -> None:
    found = check((), (FEE, PARCEL, replace(FEE, pattern_id="again", text=text)), ())
    twins = [x for x in found if x.code == "near-duplicate"]
    assert [(x.severity, x.pattern_id, "fee" in x.message) for x in twins] == [("error", "again", True)]


def test_an_honest_text_that_resembles_a_pattern_is_an_error_with_the_text() -> None:
    honest = example(PARCEL.text)
    (fault,) = check((), (FEE, PARCEL), ("今天停水，请储水", honest))
    assert (fault.severity, fault.code, fault.pattern_id) == ("error", "benign-hit", "parcel")
    assert honest[:20] in fault.message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("您的快递在中转站破损，现主动三倍理赔，请添加理赔专员{weixin}办理。", "no slot {weixin}"),
        ("您的快递在中转站破损，现主动三倍理赔，请添加理赔专员{wechat} {phone}办理。", "side by side"),
        (
            "您的快递{number}在{place}中转站破损，{date}前主动三倍理赔{amount}，请添加理赔专员{wechat}办理。",
            "5 slots",
        ),
        ("您的快递{number}破损，请添加理赔{wechat}办理。", "13 Chinese"),
        ("您的快递{number}在中转站{place}已经破损了{amount}请加{wechat}办理赔付", "no stretch of 8"),
        ("Your parcel {number} is held", "0 Chinese"),
    ],
)
def test_a_bad_slot_is_told_in_words(text: str, told: str) -> None:
    assert any(told in fault for fault in slot_problems(text))
    assert (BAD_SLOT, "p") in codes(check((), [replace(PARCEL, pattern_id="p", text=text)], ()))


@pytest.mark.parametrize(
    "text",
    [
        FEE.text,
        PARCEL.text,
        "Your parcel {number} is held at customs, pay the fee of {amount} at {link} today",
    ],
)
def test_a_useful_text_has_no_fault(text: str) -> None:
    assert list(slot_problems(text)) == []


def test_a_pattern_without_a_hook_is_warned_of_only() -> None:
    calm = replace(FEE, text="您的养老资格已经被人冒用，名下所有待遇将在今晚全部停发，后果由您本人承担。")
    assert [(x.severity, x.code) for x in check((), [calm], ())] == [("warning", "no-hook")]


def test_a_pattern_that_its_own_example_does_not_reach_is_an_error() -> None:
    advice = replace(
        FEE, text="【反诈提醒】骗子冒充快递客服，谎称三倍理赔，请勿添加所谓理赔专员{wechat}，谨防上当。"
    )
    found = check((), [advice], ())
    assert ("own-example", "fee") in codes(found)
    assert any("suggested" in x.message and "advice" in x.message for x in found)


def test_a_thin_type_is_an_error_and_few_cues_are_a_warning() -> None:
    found = check([replace(BIZ, cues=("一",))], [FEE], ())
    assert [(x.severity, x.code) for x in found] == [
        ("error", "few-patterns"), ("error", "no-voice"), ("warning", "few-cues"),
    ]  # fmt: skip
    assert "chat, call, forward" in found[1].message


def test_what_is_given_twice_is_an_error() -> None:
    found = check([BIZ, BIZ], [FEE, replace(PARCEL, pattern_id="fee")], ())
    assert {("id-twice", "fee"), ("type-twice", "")} <= set(codes(found))


def test_an_added_pattern_answers_for_itself_alone() -> None:
    thin = replace(PARCEL, text="您的快递{number}破损，请添加理赔{wechat}办理。")
    assert check_added(FEE, [thin], EVERYDAY) == []
    assert codes(check_added(replace(FEE, pattern_id="again"), [FEE], EVERYDAY))[0] == (
        "near-duplicate",
        "again",
    )


KIN = [
    FEE,
    PARCEL,
    replace(FEE, pattern_id="fee-2", text=FEE.text.replace("我处", "我这里")),
    replace(FEE, pattern_id="fee-3", text="通知：" + FEE.text + "各位相互转告，过时不候。"),
    replace(PARCEL, pattern_id="parcel", title="同一编号"),
    replace(PARCEL, pattern_id="short", text="您的快递{number}破损，请添加理赔{wechat}办理。"),
    replace(
        PARCEL, pattern_id="calm", text="您的养老资格已经被人冒用，名下所有待遇将在今晚全部停发，后果自负。"
    ),
    replace(FEE, pattern_id="advice", text=f"【反诈提醒】骗子谎称：{FEE.text}切勿相信，谨防上当。"),
]
HONEST = ("今天停水，请储水", example(PARCEL.text), example(FEE.text) + "以上为骗局，请勿扫码付款")


@given(st.permutations(KIN), st.integers(0, len(KIN) - 1))
@settings(max_examples=15, deadline=None)
def test_one_pattern_has_the_faults_that_a_check_of_all_finds_in_it(kin: list[Pattern], first: int) -> None:
    *others, added = kin[first:]
    whole = [x for x in check((), [*others, added], HONEST) if x.pattern_id == added.pattern_id]
    assert check_added(added, others, HONEST) == whole


def test_one_pattern_is_compared_with_the_others_not_they_with_one_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared, cdist = list[int](), process.cdist

    def counted(queries: list[str], choices: list[str], **options: Any) -> Any:
        compared.append(len(queries) * len(choices))
        return cdist(queries, choices, **options)

    monkeypatch.setattr(process, "cdist", counted)
    others = [replace(FEE, pattern_id=f"f{n}") for n in range(30)]
    assert len(check_added(PARCEL, others, ())) == 0
    assert compared == [31, 31]


def test_an_empty_library_has_no_fault() -> None:
    assert check((), (), EVERYDAY) == []
