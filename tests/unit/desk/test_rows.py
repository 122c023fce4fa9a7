"""The desk's typed rows: what is written to Redis is read back as it was."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.desk.alerts import Sighting
from fenghuo.desk.deliveries import TapTime, WallEntry, WarnedGroup
from fenghuo.desk.notices import Escalation, SentNotice
from fenghuo.desk.order_outcomes import OrderOutcome
from fenghuo.desk.releases import decode_latest, encode_latest
from fenghuo.desk.surges import PatternMatch
from fenghuo.domain import events as e
from fenghuo.domain.delivery import LatestRelease

ids = st.text(st.characters(exclude_characters="|", exclude_categories=["Cs"]), min_size=1)
texts = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.integers(0, 2**41)
kinds = st.sampled_from(get_args(e.TextKind))


@given(st.builds(PatternMatch, numbers, ids, ids, st.none() | ids, texts))
def test_a_match_is_read_as_it_was_written(match: PatternMatch) -> None:
    assert PatternMatch.decode(match.encode().encode(), float(match.at_ms)) == match


@given(numbers, ids, ids, ids)
def test_a_match_that_an_earlier_release_wrote_without_a_group_is_read(
    at_ms: int, report_id: str, reporter: str, town: str
) -> None:
    found = PatternMatch.decode(f"{report_id}|{reporter}|{town}".encode(), float(at_ms))
    assert found == PatternMatch(at_ms, report_id, reporter, None, town)


@given(st.builds(Sighting, ids, texts))
def test_a_sighting_is_read_as_it_was_written(sighting: Sighting) -> None:
    assert Sighting.decode(sighting.encode().encode()) == sighting


@given(st.builds(WarnedGroup, ids, ids, ids, kinds))
def test_a_warned_group_is_read_as_it_was_written(warned: WarnedGroup) -> None:
    assert WarnedGroup.decode(warned.encode().encode()) == warned


@given(st.builds(TapTime, numbers, ids, ids, numbers, kinds, numbers))
def test_a_tap_is_read_as_it_was_written(tap: TapTime) -> None:
    assert TapTime.decode(tap.encode().encode(), float(tap.at_ms)) == tap


@given(st.builds(SentNotice, ids, ids, numbers, kinds))
def test_a_notice_is_read_as_it_was_written(notice: SentNotice) -> None:
    assert SentNotice.decode(notice.encode().encode()) == notice


@given(st.builds(Escalation, texts, ids))
def test_an_escalation_is_read_as_it_was_written(escalation: Escalation) -> None:
    assert Escalation.decode(escalation.encode().encode()) == escalation


@given(st.builds(WallEntry, ids, texts))
def test_an_entry_of_the_wall_is_read_as_it_was_written(entry: WallEntry) -> None:
    assert WallEntry.decode(entry.encode().encode()) == entry


@pytest.mark.parametrize("change", ["approved", "updated", "recalled", "expired"])
def test_a_latest_release_is_read_as_it_was_written(change: str) -> None:
    latest = LatestRelease(12, change)
    assert decode_latest(encode_latest(latest).encode()) == latest


@given(st.builds(OrderOutcome, ids, texts))
def test_an_outcome_is_read_as_it_was_written(outcome: OrderOutcome) -> None:
    _, code, _, message = outcome.encode()
    assert OrderOutcome.decode(code.encode(), message.encode()) == outcome
