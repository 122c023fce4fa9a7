"""Who counts, what is doubtful, and how urgent a cluster is: the laws of consumers/credibility.py."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.credibility import (
    NEW_REPORTERS,
    ONE_REPORTER,
    counted_reporters,
    credibility_flags,
    danger,
    is_new,
    tier_of,
)
from fenghuo.domain import events as e
from tests.support.builders import NOON, settings

SETTINGS = settings()


def member(n: int, minutes: float = 0, **changes: Any) -> e.Member:
    made = e.Member(
        report_id=f"r{n}", reporter=f"who{n}", town="东湖镇", at=NOON + timedelta(minutes=minutes)
    )
    return msgspec.structs.replace(made, **changes)


MEMBERS = st.builds(
    lambda n, who, minutes, town, new: member(n, minutes, reporter=f"who{who}", town=town, new=new),
    st.integers(0, 10**6),
    st.integers(0, 6),
    st.integers(0, 90),
    st.sampled_from(["", "东湖镇", "西山镇", "南河镇"]),
    st.booleans(),
)


LISTS = st.lists(MEMBERS, max_size=30, unique_by=lambda m: m.report_id)


def score(members: list[e.Member], worst: int = 50) -> int:
    return danger(counted_reporters(members, SETTINGS), worst, SETTINGS, suspicious=True)


def test_a_new_reporter_counts_again_at_another_place_or_another_time() -> None:
    burst = [member(n, new=True) for n in range(20)]
    assert len(counted_reporters(burst, SETTINGS)) == SETTINGS.burst_weight
    elsewhere = member(20, new=True, town="西山镇")
    other_group = member(21, new=True, group_id="g1")
    later = member(22, minutes=11, new=True)
    assert (
        len(counted_reporters([*burst, elsewhere, other_group, later], SETTINGS)) == SETTINGS.burst_weight + 3
    )
    assert len(counted_reporters([*burst, member(23), member(24)], SETTINGS)) == SETTINGS.burst_weight + 2


@given(LISTS, st.integers(0, 100))
def test_danger_stays_between_0_and_1000_whatever_the_order(members: list[e.Member], worst: int) -> None:
    assert 0 <= score(members, worst) <= 1000
    assert score(members, worst) == score(members[::-1], worst)


@given(st.lists(MEMBERS, min_size=1, max_size=12), st.integers(0, 12), st.integers(0, 30))
def test_danger_never_falls_by_a_person_a_town_or_fresher_news(
    members: list[e.Member], back: int, fresher: int
) -> None:
    counted = counted_reporters(members, SETTINGS)
    base = danger(counted, 50, SETTINGS, suspicious=True)
    latest = max(m.at for m in counted)
    more = member(99, at=latest - timedelta(minutes=back))
    assert danger([*counted, more], 50, SETTINGS, suspicious=True) >= base
    moved = [*counted[1:], msgspec.structs.replace(counted[0], town="没有过的镇")]
    if sum(m.town == counted[0].town for m in counted) > 1:
        assert danger(moved, 50, SETTINGS, suspicious=True) >= base
    sooner = [msgspec.structs.replace(m, at=min(latest, m.at + timedelta(minutes=fresher))) for m in counted]
    assert danger(sooner, 50, SETTINGS, suspicious=True) >= base


@given(st.lists(MEMBERS, min_size=1, max_size=20))
def test_repeating_oneself_changes_nothing(members: list[e.Member]) -> None:
    known = [msgspec.structs.replace(m, new=False) for m in members]
    latest = max(m.at for m in known)
    again = [msgspec.structs.replace(m, report_id=f"again{n}", at=latest) for n, m in enumerate(known)]
    assert score([*known, *again]) == score(known)


def test_what_is_not_suspicious_stays_calm() -> None:
    assert danger([member(n) for n in range(50)], 100, SETTINGS, suspicious=False) == 10


def from_towns(*suspicions: float, **changes: Any) -> list[e.Member]:
    """Reports with these suspicions, each by somebody else from a town of its own."""
    return [member(n, suspicion=x, town=f"镇{n}", **changes) for n, x in enumerate(suspicions)]


@pytest.mark.parametrize(
    ("members", "tier"),
    [
        (from_towns(2.0, 2.0, 2.0), "draft"),
        (from_towns(2.0, 2.0), "watch"),
        (from_towns(2.0), "watch"),
        (from_towns(0.1), "none"),
        (from_towns(-0.2, -0.2), "watch"),
        (from_towns(-2.0, -2.0, -2.0), "none"),
        (from_towns(-2.0, -2.0, -2.0, cue_points=11), "watch"),
        (from_towns(3.0, -3.0, -3.0), "none"),
        (from_towns(2.0, 2.0, 2.0, reporter="the same"), "watch"),
        ([member(n, suspicion=2.0, new=True) for n in range(9)], "watch"),
        (from_towns(-2.0, -2.0, -2.0, evidence=0.5), "watch"),
    ],
    ids=[
        "three_people", "two_people", "one_person", "one_who_is_unsure", "two_who_are_unsure", "harmless",
        "bulk_adverts", "one_odd_text_among_honest_ones", "one_person_again", "new_accounts_at_once",
        "cues_without_words",
    ],
)  # fmt: skip
def test_what_the_team_is_shown_follows_the_words_the_cues_and_the_people(
    members: list[e.Member], tier: str
) -> None:
    assert tier_of(members, SETTINGS) == tier


def test_what_is_just_short_of_a_draft_drafts_once_more_people_and_towns_report_it() -> None:
    assert tier_of([member(n, suspicion=0.0) for n in range(3)], SETTINGS) == "watch"
    assert tier_of(from_towns(*[0.0] * 3), SETTINGS) == "draft"
    assert tier_of([member(n, suspicion=0.0) for n in range(5)], SETTINGS) == "draft"


def test_people_and_towns_alone_never_draft_what_is_harmless() -> None:
    assert tier_of(from_towns(*[-1.5] * 200), SETTINGS) == "none"


def test_a_report_that_no_judge_has_seen_counts_by_its_marks() -> None:
    marked = [member(n, suspicious=True, town=f"镇{n}") for n in range(3)]
    short = [member(n, borderline=True, town=f"镇{n}") for n in range(3)]
    assert [tier_of(x, SETTINGS) for x in (marked, short, [member(n) for n in range(3)])] == [
        "draft", "draft", "none",
    ]  # fmt: skip


def test_the_scale_is_what_the_settings_say() -> None:
    ten = [member(n, town=f"镇{n % 4}", minutes=n * 2.9) for n in range(10)]
    assert 400 < score(ten, 0) < 600


@pytest.mark.parametrize(("count", "marked"), [(4, []), (5, [ONE_REPORTER])])
def test_one_person_is_doubted_from_the_fifth_report_on(count: int, marked: list[str]) -> None:
    members = [member(n, reporter="the same") for n in range(count)]
    assert credibility_flags(members, members[-1], SETTINGS) == marked


@pytest.mark.parametrize(("apart", "marked"), [(1, [NEW_REPORTERS]), (5, [])])
def test_new_reporters_are_doubted_when_they_come_together(apart: int, marked: list[str]) -> None:
    members = [member(n, minutes=n * apart, new=True) for n in range(8)]
    assert credibility_flags(members, members[-1], SETTINGS) == marked


def test_known_reporters_together_are_not_doubted() -> None:
    members = [member(n) for n in range(30)]
    assert credibility_flags(members, members[-1], SETTINGS) == []


def test_new_is_who_was_first_heard_of_within_a_day_or_never() -> None:
    day = 86_400_000
    assert is_new(day, None, SETTINGS)
    assert is_new(day, 1, SETTINGS)
    assert not is_new(day, 0, SETTINGS)
