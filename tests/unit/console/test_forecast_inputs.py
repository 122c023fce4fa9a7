"""What the console tells the forecast of groups, persons and channels."""

from collections.abc import Sequence
from datetime import timedelta

from console.alerts.forecast_inputs import (
    escalation_of,
    forecast_for,
    forecast_names,
    hour_of,
    past_todos,
    rates_of,
)
from fenghuo.clock import to_ms
from fenghuo.desk.deliveries import TapTime
from fenghuo.domain.channels import GROUP_CHANNELS
from fenghuo.domain.events import Group, Person
from fenghuo.domain.forecast import Arrival
from fenghuo.domain.response_times import PastTodo
from tests.support.builders import DISTRICT, NOON, Role, content, group, settings

TOLD = settings()
CONTENT = content(channels=("relay", "webhook"))


def by(groups: Sequence[Group]) -> dict[str, str]:
    """Each group's own channel, by group id."""
    return {x.group_id: x.channel for x in groups}


def test_a_release_is_one_to_do_that_appeared_when_its_groups_began_to_wait() -> None:
    at = to_ms(NOON)
    taps = [
        TapTime(at, "g1", "a1", 1, "warning", 60),
        TapTime(at + 5000, "g2", "a1", 1, "warning", 80),
        TapTime(at + 9000, "g1", "a2", 1, "warning", 600),
    ]
    first, second = past_todos(taps)
    assert first == PastTodo(open_s=70.0, tapped=True, hour=hour_of(NOON - timedelta(seconds=60)))
    assert second.open_s == 600.0


def test_hours_are_chinas() -> None:
    assert hour_of(NOON) == 12.0


def test_owners_deputies_and_duty_accounts_are_asked_for() -> None:
    duty = Person(
        person_id="d1", name="值班", role=Role.OFFICER, district=DISTRICT, station="东湖所", duty=True
    )
    other = Person(person_id="o9", name="别人", role=Role.OFFICER, district=DISTRICT, station="东湖所")
    found = forecast_names([group(1, owner="o1", deputy="o2"), group(2)], {"d1": duty, "o9": other})
    assert found == {"o1": "o1", "o2": "o2", "d1": "东湖所"}


def test_severe_warnings_are_passed_on_sooner() -> None:
    severe, moderate = escalation_of(TOLD, "severe"), escalation_of(TOLD, "moderate")
    assert (severe.deputy_s, severe.station_s) == TOLD.remind_s[1:]
    assert (moderate.deputy_s, moderate.station_s) == TOLD.remind_moderate_s[1:]


def test_a_halted_channel_and_a_refused_group_reach_nobody() -> None:
    groups = [group(n, channel="webhook") for n in range(10)]
    assert "webhook" not in rates_of(TOLD, {"webhook"})
    asked = {"todos_by_person": {}, "settings": TOLD, "released_at": NOON}
    halted = forecast_for(groups, by(groups), CONTENT, halted={"webhook"}, **asked)  # type: ignore[arg-type]
    assert {x.median_s for x in halted.times} == {None}
    lost = {x.group_id for x in groups[:3]}
    some = forecast_for(groups, by(groups), CONTENT, halted=(), lost=lost, **asked)  # type: ignore[arg-type]
    assert [x.median_s is None for x in some.times] == [False, True, True]


def test_every_channel_but_the_officers_relay_takes_its_time_to_send() -> None:
    rates = rates_of(TOLD, ())
    assert rates.keys() == set(GROUP_CHANNELS) - {"relay"}
    assert rates["sandbox"].per_s == TOLD.sandbox_per_s and rates["webhook"].per_s == TOLD.webhook_per_s
    assert len({rates[x] for x in set(GROUP_CHANNELS) - {"relay", "sandbox", "webhook"}}) == 1


def test_what_is_done_by_now_is_reached_and_the_rest_comes_later() -> None:
    groups = [group(n, channel="relay", owner=f"o{n}") for n in range(20)]
    done = {x.group_id: Arrival(60.0, x.owner) for x in groups[:12]}
    half, most, _ = forecast_for(
        groups,
        by(groups),
        CONTENT,
        todos_by_person={},
        settings=TOLD,
        halted=(),
        released_at=NOON,
        elapsed_s=300.0,
        arrived=done,
    ).times
    assert half.median_s == half.low_s == half.high_s == 60.0
    assert most.median_s is None or most.median_s > 300.0


def test_what_the_quiet_hours_hold_is_foretold_from_their_end() -> None:
    groups = [group(n, channel="webhook") for n in range(10)]
    asked = {"todos_by_person": {}, "settings": TOLD, "halted": (), "released_at": NOON + timedelta(hours=11)}
    night_s = 8 * 3600.0

    def at(**changes: object) -> list[float | None]:
        text = content(channels=("webhook",), **({"severity": "moderate"} | changes))
        return [x.median_s for x in forecast_for(groups, by(groups), text, **asked).times]  # type: ignore[arg-type]

    assert all(x is not None and night_s <= x < night_s + 60 for x in at())
    assert all(x is not None and x < 60 for x in at(severity="severe"))
    assert at(expires_at=NOON + timedelta(hours=18)) == [None, None, None]


def test_what_was_reached_before_the_night_stays_reached_and_the_rest_waits_for_the_morning() -> None:
    groups = [group(n, channel="webhook") for n in range(10)]
    done = {x.group_id: Arrival(9 * 3600.0) for x in groups[:6]}
    half, most, _ = forecast_for(
        groups, by(groups), content(channels=("webhook",), severity="moderate"), todos_by_person={},
        settings=TOLD,
        halted=(), released_at=NOON + timedelta(hours=11), elapsed_s=9.5 * 3600, arrived=done,
    ).times  # fmt: skip
    assert half.median_s == 9 * 3600.0
    assert most.median_s is not None and most.median_s > 9.5 * 3600
