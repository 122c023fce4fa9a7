"""The laws of matching against the library."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.live_library import seed_patterns
from fenghuo.demo.district import EVERYDAY as REPORTED
from fenghuo.demo.district import KNOWN, NOVEL, SIGHTING, everyday
from patterns.data.everyday_messages import EVERYDAY
from patterns.matching import Library
from patterns.model import Pattern, Verdict
from patterns.signals.verdict_rules import NEAR_COPY, bands
from patterns.text.normalise import NORMALISER
from patterns.text.slots import example, filled

SEEDED = tuple(seed_patterns())
LIBRARY = Library(SEEDED, "seeds")
EXAMPLES = tuple(example(pattern.text) for pattern in SEEDED)
FORWARD = "刚收到的，是真的吗？"
BANK = Pattern(
    "bank",
    "OTHER",
    "bank",
    "【{org}银行】您的手机银行今日停用，请登录 {link} 更新资料并填写卡号和密码，以免冻结账户。",
)


def match(text: str, library: Library = LIBRARY) -> Verdict:
    (verdict,) = library.match([text])
    return verdict


# ---------------------------------------------------------------- what is known


def test_a_pattern_is_known_by_its_example_and_by_its_own_text() -> None:
    for texts in (EXAMPLES, [filled(pattern.text) for pattern in SEEDED]):
        wrong = [
            f"{pattern.pattern_id}: {v}"
            for pattern, v in zip(SEEDED, LIBRARY.match(texts), strict=True)
            if (v.pattern_id, v.band, v.reasons) != (pattern.pattern_id, "known", ())
        ]
        assert wrong == []


def test_a_reworded_flight_scam_is_known() -> None:
    verdict = match(KNOWN)
    assert verdict.band == "known" and verdict.reasons == ()
    assert verdict.pattern_id is not None and verdict.pattern_id.startswith("seed-ticket")


def test_a_disguised_text_is_known() -> None:
    verdict = match(
        "【ETC中心】您的ＥＴＣ認証将于今\u200b日失效，为不影响通行请登陆 ｅtc.example.org 重新认证。"
    )
    assert verdict.band == "known"
    assert verdict.pattern_id is not None and verdict.pattern_id.startswith("seed-etc")


@pytest.mark.parametrize(
    "value", ["https://a1.evil.top/x", "hxxps://a1[.]evil[.]top", "a1点evil点top", "ａ１.evil.top"]
)
def test_the_values_of_slots_do_not_matter(value: str) -> None:
    verdict = match(BANK.text.format(org="江南", link=value), Library([BANK]))
    assert verdict.band == "known"


def test_talk_around_a_forward_does_not_hide_it_and_the_evidence_leaves_the_talk_out() -> None:
    before, after = "各位邻居，孩子他爸刚收到这个，是真的吗？", "有谁遇到过，我该怎么办啊，急急急"
    found = LIBRARY.match([before + text + after for text in EXAMPLES])
    exact = 0
    for pattern, text, verdict in zip(SEEDED, EXAMPLES, found, strict=True):
        assert (verdict.pattern_id, verdict.band) == (pattern.pattern_id, "known")
        assert verdict.evidence is not None
        start, end = verdict.evidence[0] - len(before), verdict.evidence[1] - len(before + text)
        assert min(len(text), len(text) + end) - max(0, start) >= len(text) / 2, pattern.pattern_id
        assert start >= -len(before) * 2 / 3 and end <= len(after) * 2 / 3, pattern.pattern_id
        exact += abs(start) <= 3 and abs(end) <= 3
    assert exact >= 0.85 * len(SEEDED)


def test_a_forward_that_was_cut_off_stays_known() -> None:
    found = LIBRARY.match([text[: len(text) * 7 // 10] for text in EXAMPLES])
    right = [(v.pattern_id, v.band) == (p.pattern_id, "known") for p, v in zip(SEEDED, found, strict=True)]
    assert right.count(False) <= 0.02 * len(right)
    assert (
        match(FORWARD + BANK.text.format(org="江南", link="k3.example.com")[:30], Library([BANK])).band
        == "known"
    )


def test_a_short_piece_that_follows_the_pattern_letter_by_letter_is_known_below_the_score_for_it() -> None:
    verdict = match("今日停用，请登录 k3.example.com 更新", Library([BANK]))
    assert verdict.band == "known" and bands(1).suggested <= verdict.score < bands(1).known


# ---------------------------------------------------------------- what is not


@pytest.mark.parametrize("text", [*NOVEL, SIGHTING])
def test_the_expired_company_record_is_new_to_the_seeds(text: str) -> None:
    verdict = match(text)
    assert (verdict.band, verdict.evidence, verdict.reasons) == ("none", None, ())
    assert verdict.pattern_id is not None and 0 < verdict.score < 30, "the best is told all the same"


@pytest.mark.parametrize(
    "text", [*REPORTED, "收到", "好", "", "🙂", "110", "您的快递已到驿站，凭取件码12-3-4567领取"]
)
def test_an_everyday_message_is_not_flagged(text: str) -> None:
    assert match(text).band == "none"


def test_no_everyday_message_is_flagged() -> None:
    texts = [*EVERYDAY, *map(everyday, range(200))]
    flagged = [text for text, v in zip(texts, LIBRARY.match(texts), strict=True) if v.band != "none"]
    assert flagged == []


# ---------------------------------------------------------------- reasons


BANKING = "【江南银行】您的手机银行今日停用，"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"反诈提醒：收到“{BANKING}请登录 k3.example.com 更新资料并填写卡号和密码”，都是诈骗", "advice"),
        (f"{BANKING}请登录 www.icbc.com.cn 更新资料，以免冻结账户。", "known_good"),
        (f"{BANKING}请到营业厅更新资料，以免冻结账户。", "known_good"),
        (f"{BANKING}请勿填写卡号和密码更新资料，以免冻结账户。", "refused"),
        (f"{BANKING}更新资料以免冻结账户，给您带来不便，敬请谅解，感谢支持。", "no_hook"),
        ("登录 k3.example.com 更新资料并填写，大家今天有人收到手机银行这个没有呀", "likeness"),
    ],
)
def test_a_likeness_that_is_not_known_has_its_reason(text: str, reason: str) -> None:
    verdict = match(text, Library([BANK]))
    assert (verdict.pattern_id, verdict.band, verdict.reasons) == ("bank", "suggested", (reason,)), (
        verdict.score
    )
    assert verdict.evidence is not None


def test_a_warning_that_quotes_a_scam_is_never_known() -> None:
    found = LIBRARY.match([f"反诈提醒：近日有居民收到“{text}”这都是诈骗，请拨打96110" for text in EXAMPLES])
    assert [v.pattern_id for v in found] == [pattern.pattern_id for pattern in SEEDED]
    assert {(v.band, v.reasons) for v in found} == {("suggested", ("advice",))}


def test_a_quotation_beside_a_word_of_warning_is_advice_and_beside_a_question_is_none() -> None:
    quoted = BANK.text.format(org="江南", link="k3.example.com")
    warned = match(f"大家谨防，我姨收到“{quoted}”，她没理", Library([BANK]))
    assert (warned.band, warned.reasons) == ("suggested", ("advice",))
    assert match(f"大家谨防，我姨收到“{quoted}”，这是不是真的", Library([BANK])).band == "known"
    assert match(f"“谨防上当”{quoted}", Library([BANK])).band == "known", "what is quoted is not the scam"


def test_a_whole_in_another_order_is_more_than_its_shared_bits() -> None:
    pattern = Pattern("a", "X", "t", "亲，您预约的理疗床垫今晚截止，补交尾款三百，货到付清，找老吴登记")
    pieces = pattern.text.split("，")
    ordered, mixed = "，".join(pieces[:4]), "，".join(pieces[3::-1])
    library = Library([pattern])
    assert match(ordered, library).score > match(mixed, library).score


def test_a_near_copy_as_a_whole_that_leads_nowhere_is_no_scam_unless_it_is_in_disguise() -> None:
    said = "师傅在吗，阳台的旧纱窗给你了，{}，今晚饭后都可以来搬，楼下大门没有锁"
    library = Library([Pattern("a", "X", "t", said.format("先转三十块定金，扫我的收款码"))])
    plain = said.format("自己来拿就可以") + "，路上慢一点，慢一点啊"
    honest = match(plain, library)
    assert honest.reasons == ("no_hook",) and honest.score >= NEAR_COPY
    assert match(plain.replace("师", "师\u200b\u200b").replace("饭", "\u200b饭"), library).band == "known"


def test_a_few_latin_words_that_lead_nowhere_are_known_only_as_a_near_copy() -> None:
    library = Library([Pattern("a", "X", "t", "I found your number, who is this please")])
    assert match("I lost your number, who is this please", library).band == "known"
    alike = match("who is this please, your name", library)
    assert alike.reasons == ("likeness",) and alike.score >= bands(1).known


# ---------------------------------------------------------------- the size of the library


def chance(count: int) -> list[Pattern]:
    """Made-up patterns: pieces of everyday messages in random order, with a hook."""
    random = Random(count)

    def piece() -> str:
        text = random.choice(EVERYDAY)
        at = random.randrange(max(1, len(text) - 5))
        return text[at : at + 5]

    return [
        Pattern(f"c{n}", "X", "t", "".join(piece() for _ in range(random.randint(4, 12))) + "加微信")
        for n in range(count)
    ]


def test_a_larger_library_asks_for_no_less() -> None:
    sizes = range(0, 3_000, 37)
    assert all(bands(a).known <= bands(b).known for a, b in pairwise(sizes))
    assert all(bands(a).suggested <= bands(b).suggested for a, b in pairwise(sizes))


@pytest.mark.parametrize("size", [800, 2_000, 5_000])
def test_a_larger_library_makes_no_chance_likeness_known(size: int) -> None:
    honest = [
        json.loads(line)["text"]
        for path in sorted((Path(__file__).parents[2] / "quality" / "near_misses").glob("*.jsonl"))
        for line in path.open(encoding="utf-8")
    ]
    larger = Library([*SEEDED, *chance(size - len(SEEDED))])
    known = [v.pattern_id for v in larger.match(honest) if v.band == "known"]
    assert known == []


def test_a_question_about_a_scam_is_no_advice() -> None:
    assert match(f"警官，这是不是诈骗？{EXAMPLES[0]}").band == "known"


def test_only_what_is_suggested_has_reasons_and_only_none_has_no_evidence() -> None:
    texts = [
        json.loads(line)["text"]
        for path in sorted((Path(__file__).parents[2] / "quality").glob("*/*.jsonl"))
        for line in path.open(encoding="utf-8")
    ]
    for text, v in zip(texts, LIBRARY.match(texts), strict=True):
        assert (len(v.reasons) == 1) == (v.band == "suggested")
        assert (v.evidence is None) == (v.band == "none")
        assert v.evidence is None or 0 <= v.evidence[0] < v.evidence[1] <= len(text)
        assert (v.normaliser, v.library) == (NORMALISER, LIBRARY.version)


# ---------------------------------------------------------------- the library


def test_an_empty_library_knows_nothing() -> None:
    library = Library()
    assert len(library) == 0
    assert match("任何文字都可以", library)[:5] == (None, 0.0, "none", None, ())
    assert library.match([]) == []


def test_what_is_held_can_be_asked_for() -> None:
    assert len(LIBRARY) == len(SEEDED)
    assert all(LIBRARY.get(pattern.pattern_id) == pattern for pattern in SEEDED)
    assert LIBRARY.get("nobody") is None
    assert LIBRARY.hooks("nobody") == frozenset()
    assert Library([BANK]).hooks("bank") == {"link", "secret"}


def test_a_verdict_comes_with_the_pattern_that_it_names() -> None:
    texts = [*EXAMPLES[:5], *NOVEL, "收到", ""]
    matched = LIBRARY.matched(texts)
    assert [verdict for verdict, _ in matched] == LIBRARY.match(texts)
    assert [p.pattern_id if p else None for _, p in matched] == [v.pattern_id for v, _ in matched]


def test_more_texts_than_are_matched_in_one_go_are_matched_alike() -> None:
    texts = [*EXAMPLES, *EVERYDAY[:700]]
    assert LIBRARY.match(texts) == [verdict for text in texts for verdict in LIBRARY.match([text])]


def test_the_version_depends_on_the_patterns_and_not_on_their_order() -> None:
    forward, backward = Library(SEEDED), Library(reversed(SEEDED))
    assert forward.version == backward.version != Library(SEEDED[1:]).version
    forward.retire(SEEDED[0].pattern_id)
    assert forward.version == Library(SEEDED[1:]).version
    assert forward.get(SEEDED[0].pattern_id) is None and len(forward) == len(SEEDED) - 1
    forward.add(SEEDED[0])
    assert forward.version == backward.version
    assert LIBRARY.version == f"seeds+{backward.version}"


def test_the_version_depends_on_ids_and_texts() -> None:
    one = Library([Pattern("a", "X", "t", "转账")]).version
    assert one == Library([Pattern("a", "Y", "u", "转账")]).version
    assert one != Library([Pattern("b", "X", "t", "转账")]).version
    assert one != Library([Pattern("a", "X", "t", "转帐")]).version


def test_a_pattern_without_an_id_is_refused() -> None:
    with pytest.raises(ValueError, match="an id"):
        Library([replace(SEEDED[0], pattern_id="")])


def test_retiring_nobody_and_changing_nothing_changes_nothing() -> None:
    library = Library(SEEDED[:3])
    version = library.version
    library.retire("nobody")
    library.change(())
    library.add(SEEDED[1])
    assert (library.version, len(library)) == (version, 3)


def test_of_two_with_one_id_the_later_counts() -> None:
    library = Library([Pattern("a", "X", "t", EXAMPLES[0]), Pattern("a", "X", "t", EXAMPLES[40])])
    assert len(library) == 1
    assert match(EXAMPLES[0], library).band == "none"
    assert match(EXAMPLES[40], library).band == "known"


def test_a_retired_pattern_matches_nothing_and_a_replaced_one_its_new_text() -> None:
    library, first = Library(SEEDED), SEEDED[0]
    library.retire(first.pattern_id)
    assert match(EXAMPLES[0], library).pattern_id != first.pattern_id
    library.add(Pattern(first.pattern_id, "BIZ", "new", NOVEL[0]))
    found = library.match(NOVEL)
    assert [(v.pattern_id, v.band) for v in found] == [(first.pattern_id, "known")] * 3
    assert match(EXAMPLES[0], library).pattern_id != first.pattern_id


def test_patterns_that_came_and_went_leave_no_trace() -> None:
    library = Library(SEEDED[:20])
    library.change(SEEDED[20:60], [pattern.pattern_id for pattern in SEEDED[:10]])
    library.change(SEEDED[:10], [pattern.pattern_id for pattern in SEEDED[20:60]])
    assert library.match(EXAMPLES[:60]) == Library(SEEDED[:20]).match(EXAMPLES[:60])


@given(st.permutations(SEEDED[:12]), st.integers(0, 12))
@settings(max_examples=10, deadline=None)
def test_the_order_of_adding_changes_no_verdict(order: list[Pattern], at: int) -> None:
    library = Library(order[:at])
    library.change(order[at:])
    assert library.match(EXAMPLES[:20]) == Library(SEEDED[:12]).match(EXAMPLES[:20])


@given(st.text(max_size=80) | st.text(st.characters(), max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_text_gets_a_verdict(text: str) -> None:
    verdict = match(text)
    assert 0 <= verdict.score <= 100
    assert verdict.evidence is None or 0 <= verdict.evidence[0] <= verdict.evidence[1] <= len(text)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=4))
@settings(max_examples=30, deadline=None)
def test_any_text_can_be_a_pattern(texts: list[str]) -> None:
    library = Library([Pattern(f"p{n}", "X", "t", text) for n, text in enumerate(texts)])
    assert len(library.match([*texts, *EXAMPLES[:2]])) == len(texts) + 2
