"""Whether a group may still get a delivery, and where it goes instead."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from broadcast.deliveries.eligibility import (
    Conditions,
    Postponement,
    Refusal,
    Superseded,
    hold_back,
    is_superseded,
    open_way,
)
from fenghuo.domain import events as e
from fenghuo.domain.delivery import LatestRelease
from fenghuo.domain.taps import Tappers
from tests.support.builders import NOON, group, release, request


@pytest.mark.parametrize(
    ("standing", "kind", "late_s", "is_held"),
    [
        ((1, "approved"), "warning", 0, False),
        ((1, "recalled"), "warning", 0, True),
        ((1, "expired"), "warning", 0, True),
        ((2, "updated"), "warning", 0, True),
        ((1, "approved"), "warning", 25 * 3600, True),
        ((1, "approved"), "warning", 24 * 3600 - 1, False),
        ((1, "approved"), "warning", 24 * 3600, True),
        (None, "warning", 0, False),
        ((1, "recalled"), "correction", 0, False),
        ((1, "recalled"), "correction", 25 * 3600, False),
    ],
)
def test_nothing_leaves_after_recall_or_expiry_but_the_correction(
    standing: tuple[int, str] | None, kind: str, late_s: int, is_held: bool
) -> None:
    now = NOON + timedelta(seconds=late_s)
    latest = LatestRelease(*standing) if standing else None
    assert is_superseded(kind, 1, release().expires_at, latest, now) is is_held


NAME = "webhook/office"
NIGHT = NOON.replace(hour=15)
"""23:00 in China."""


def held(
    *,
    kind: e.TextKind = "warning",
    now: datetime = NOON,
    open_breaker: str = "",
    next_channel: str = "",
    may_have_arrived: bool = False,
    latest: LatestRelease | None = None,
    severity: str = "moderate",
) -> Refusal | Postponement | Superseded | None:
    """What the rules say of one delivery."""
    conditions = Conditions(now=now, latest=latest, open_breaker=open_breaker, quiet_hours=(22, 7))
    return hold_back(
        request(kind=kind), release(severity=severity), conditions,
        next_channel=next_channel, may_have_arrived=may_have_arrived,
    )  # fmt: skip


def test_nothing_holds_back_a_delivery_by_day_on_a_channel_that_works() -> None:
    assert held() is None
    assert held(latest=LatestRelease(1, "recalled")) is None, "that is for the last look, after the mark"


def test_quiet_hours_hold_back_what_is_moderate_and_no_correction() -> None:
    found = held(now=NIGHT)
    assert isinstance(found, Postponement) and found.reason == "quiet"
    assert found.until is not None and found.until > NIGHT
    assert held(now=NIGHT, severity="severe") is None
    assert held(now=NIGHT, kind="correction") is None


@pytest.mark.parametrize(
    ("next_channel", "may_have_arrived", "expected"),
    [
        ("dingtalk", False, Refusal(f"halted:{NAME}", "dingtalk")),
        ("dingtalk", True, Postponement(f"halted:{NAME}")),
        ("", False, Postponement(f"halted:{NAME}")),
    ],
)
@pytest.mark.parametrize("now", [NOON, NIGHT])
def test_what_is_halted_goes_by_another_way_unless_it_may_have_arrived(
    now: datetime, next_channel: str, may_have_arrived: bool, expected: Refusal | Postponement
) -> None:
    found = held(now=now, open_breaker=NAME, next_channel=next_channel, may_have_arrived=may_have_arrived)
    assert found == expected, "a halt comes before quiet hours"


@pytest.mark.parametrize("changes", [{"now": NIGHT}, {"open_breaker": NAME}])
def test_what_is_held_back_and_superseded_is_superseded(changes: dict[str, Any]) -> None:
    assert held(latest=LatestRelease(1, "recalled"), **changes) == Superseded()


def test_a_halted_correction_waits_although_the_alert_is_recalled() -> None:
    latest = LatestRelease(1, "recalled")
    assert held(kind="correction", open_breaker=NAME, latest=latest) == Postponement(f"halted:{NAME}")


@pytest.mark.parametrize(
    ("changes", "exercise", "expected"),
    [
        ({"gone": True}, True, Refusal("the group is gone")),
        ({}, True, Refusal("an exercise goes to the sandbox alone")),
        ({"channel": "dingtalk"}, False, Refusal("no such channel here", "dingtalk")),
        ({}, False, e.Binding(channel="webhook", target="t")),
    ],
)
def test_the_group_comes_before_the_exercise_and_the_exercise_before_the_way(
    changes: dict[str, Any], exercise: bool, expected: e.Binding | Refusal
) -> None:
    to = group(1, **({"channel": "webhook", "target": "t"} | changes))
    approved = release(channels=("webhook", "dingtalk"), exercise=exercise)
    assert open_way("webhook", to, approved, Tappers({}), {"webhook", "dingtalk"}) == expected


def test_a_channel_that_this_process_lacks_is_none() -> None:
    to = group(1, channel="webhook", target="t")
    assert open_way("webhook", to, release(), Tappers({}), {"sandbox"}) == Refusal("no such channel here")
