"""The laws of matching against the library."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import patterns
from patterns.background import EVERYDAY
from patterns.library import parse_patterns
from patterns.matching import Library
from patterns.model import Pattern

SEEDS = Path(patterns.__file__).parent / "seeds"
SEEDED = tuple(
    p
    for f in sorted(SEEDS.glob("*.toml"))
    if f.name != "types.toml"
    for p in parse_patterns(f.read_text(encoding="utf-8"))
)
LIBRARY = Library(SEEDED, "seeds")
FLIGHT = "【航空】您乘坐的航班因机械故障已取消，请速联系客服办理退改签并领取300元误工补偿，改签需核验银行卡。"
NEW_VARIANTS = (
    "【工商通知】您的企业法人信息已到期，请于今日24时前登录 gs-nianjian.example.com "
    "完成认证，逾期将列入经营异常名录。",
    "刚收到的，是真的吗？【工商提醒】贵公司法亻人信息到期，请"
    "今日24时前登陆 gs-nj.example.net 完成认証，逾期列入经营异常名录",
    "[市场监管]尊敬的负责人：您企业法人信息已经到期，"
    "请在今日２４时前登录 gsnj.example.org 完成认证，逾期将被列入经营异常名录！退订回T",
)


@pytest.mark.parametrize("pattern", SEEDED, ids=lambda p: p.pattern_id)
def test_a_pattern_is_known_by_its_own_text(pattern: Pattern) -> None:
    (verdict,) = LIBRARY.match([pattern.text])
    assert (verdict.pattern_id, verdict.verdict) == (pattern.pattern_id, "known")


def test_a_reworded_flight_scam_is_known() -> None:
    (verdict,) = LIBRARY.match([FLIGHT])
    assert verdict.verdict == "known"
    assert verdict.pattern_id is not None and verdict.pattern_id.startswith("seed-ticket")


def test_talk_around_a_forward_does_not_hide_it_and_the_evidence_leaves_the_talk_out() -> None:
    before, after = "各位邻居，孩子他爸刚收到这个，是真的吗？", "有谁遇到过，我该怎么办啊，急急急"
    raw = before + SEEDED[0].text + after
    (verdict,) = LIBRARY.match([raw])
    assert (verdict.pattern_id, verdict.verdict) == (SEEDED[0].pattern_id, "known")
    assert verdict.evidence is not None
    start, end = verdict.evidence
    assert abs(start - len(before)) <= 3 and abs(end - len(raw) + len(after)) <= 3


@pytest.mark.parametrize("text", NEW_VARIANTS)
def test_the_expired_company_record_is_new_to_the_seeds(text: str) -> None:
    (verdict,) = LIBRARY.match([text])
    assert verdict.verdict == "none" and verdict.evidence is None


@pytest.mark.parametrize(
    "text", [*EVERYDAY, "收到", "好", "", "🙂", "110", "您的快递已到驿站，凭取件码12-3-4567领取"]
)
def test_everyday_messages_are_not_flagged(text: str) -> None:
    assert LIBRARY.match([text])[0].verdict == "none"


def test_a_police_notice_that_quotes_a_scam_is_never_known() -> None:
    (verdict,) = LIBRARY.match([f"反诈提醒：近日有居民收到“{FLIGHT}”这都是诈骗，请拨打96110"])
    assert verdict.verdict != "known" and verdict.pattern_id is not None


def test_a_disguised_text_is_known_and_its_indicators_are_found() -> None:
    raw = "【ETC中心】您的ＥＴＣ認証将于今\u200b日失效，为不影响通行请登陆 ｅtc.example.org 重新认证。"
    (verdict,) = LIBRARY.match([raw])
    assert verdict.verdict == "known"
    assert [(e.kind, e.value) for e in verdict.indicators] == [("url", "etc.example.org")]


def test_the_best_pattern_and_score_are_told_even_without_a_verdict() -> None:
    (verdict,) = LIBRARY.match([NEW_VARIANTS[0]])
    assert verdict.verdict == "none" and verdict.pattern_id is not None and 0 < verdict.score < 40


def test_the_version_depends_on_the_patterns_and_not_on_their_order() -> None:
    forward, backward = Library(SEEDED), Library(reversed(SEEDED))
    assert forward.version == backward.version
    forward.retire(SEEDED[0].pattern_id)
    assert forward.version != backward.version
    assert forward.get(SEEDED[0].pattern_id) is None and len(forward) == len(SEEDED) - 1
    forward.add(SEEDED[0])
    assert forward.version == backward.version


def test_a_retired_pattern_matches_nothing_and_a_replaced_one_its_new_text() -> None:
    library = Library(SEEDED)
    first = SEEDED[0]
    library.retire(first.pattern_id)
    assert library.match([first.text])[0].pattern_id != first.pattern_id
    library.add(Pattern(first.pattern_id, "BIZ", "new", NEW_VARIANTS[0]))
    assert library.match([NEW_VARIANTS[2]])[0].pattern_id == first.pattern_id
    assert library.match([NEW_VARIANTS[2]])[0].verdict == "known"


@given(st.permutations(SEEDED[:12]))
@settings(max_examples=10, deadline=None)
def test_the_order_of_adding_changes_no_verdict(order: list[Pattern]) -> None:
    texts = [p.text for p in SEEDED[:20]]
    assert Library(order).match(texts) == Library(SEEDED[:12]).match(texts)


def test_an_empty_library_knows_nothing() -> None:
    (verdict,) = Library([]).match(["任何文字都可以"])
    assert (verdict.pattern_id, verdict.score, verdict.verdict) == (None, 0.0, "none")


@given(st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_text_gets_a_verdict(text: str) -> None:
    (verdict,) = LIBRARY.match([text])
    assert 0 <= verdict.score <= 100
    assert verdict.evidence is None or 0 <= verdict.evidence[0] <= verdict.evidence[1] <= len(text)
