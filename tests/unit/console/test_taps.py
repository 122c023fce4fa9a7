"""Taps from devices and forms: the time of a tap, and what a button asks for."""

from datetime import timedelta

import pytest

from console.todo.taps import MAX_TAPS, clamp_tap_time, tap_request_from_form
from console.web.submission import BadForm
from fenghuo import clock

FIELDS = {"press_id": "a" * 32, "alert_id": "a1", "version": "2", "kind": "warning"}


def test_the_time_of_a_tap_is_believed_as_far_as_it_can_be_true() -> None:
    now = clock.now()
    ago = {h: now - timedelta(hours=h) for h in (1, 3, 25)}
    clamped = [
        clamp_tap_time(clock.to_ms(at), now, ago[3]) for at in (ago[1], ago[25], now + timedelta(seconds=9))
    ]
    assert clamped == [ago[1], now, now]
    assert clamp_tap_time(clock.to_ms(now - timedelta(hours=5)), now, ago[3]) == ago[3], (
        "not before the release"
    )
    assert clamp_tap_time(0, now, ago[3]) == clamp_tap_time(-(10**30), now, ago[3]) == now


@pytest.mark.parametrize(
    ("button", "group_ids", "undo", "already"),
    [
        ("all", ["g1", "g2"], False, False),
        ("some", ["g2"], False, False),
        ("one:g3", ["g3"], False, False),
        ("undo:g3", ["g3"], True, False),
        ("already", ["g1", "g2"], False, True),
    ],
)
def test_a_button_taps_for_its_groups(button: str, group_ids: list[str], undo: bool, already: bool) -> None:
    found = tap_request_from_form(FIELDS | {"do": button}, ticked=["g2"], listed=["g1", "g2"])
    assert found is not None
    assert [x.group_id for x in found.taps] == group_ids
    assert {(x.alert_id, x.version, x.kind) for x in found.taps} == {("a1", 2, "warning")}
    assert (found.undo, found.already) == (undo, already)


@pytest.mark.parametrize("button", ["some", "already"])
def test_a_button_without_groups_asks_for_nothing(button: str) -> None:
    assert tap_request_from_form(FIELDS | {"do": button}, ticked=[], listed=[]) is None


@pytest.mark.parametrize("wrong", [{"do": ""}, {"do": "one:"}, {"kind": "x"}, {"press_id": "x"}])
def test_a_form_that_no_page_sends_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(BadForm):
        tap_request_from_form(FIELDS | {"do": "all"} | wrong, ticked=[], listed=["g1"])


def test_one_request_has_at_most_so_many_taps() -> None:
    listed = [f"g{n}" for n in range(MAX_TAPS + 1)]
    found = tap_request_from_form(FIELDS | {"do": "all"}, ticked=[], listed=listed)
    assert found is not None
    assert len(found.taps) == MAX_TAPS
