"""What the forecast promises: figures that come true as often as they say, whatever officers are like."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenghuo.forecast import HORIZON_S, Escalation, Forecast, Pace, Reach, forecast
from fenghuo.habits import NIGHT_LOG, Todo, is_night

STEPS = Escalation(deputy_s=900, station_s=2400)
ALONE = Escalation(deputy_s=None, station_s=None)
PACES = {"webhook": Pace(per_s=10, answer_s=0.5)}


# ---- officers as they might be: a simulation that knows nothing of the forecast


@dataclass
class Officer:
    median_s: float
    spread: float
    never: float
    night: float

    def delay(self, chance: random.Random, hour: float, day: float = 1.0) -> float:
        """Seconds until the tap; inf for never."""
        if chance.random() < self.never:
            return math.inf
        slow = self.night if hour >= 22 or hour < 7 else 1.0
        return self.median_s * slow * day * math.exp(chance.gauss(0, self.spread))


class District:
    """40 officers in 8 stations with 3 to 40 groups each; every fifth is the deputy of the four before."""

    def __init__(self, seed: int, median_s: float) -> None:
        self.chance = random.Random(seed)
        night = self.chance.uniform(2.5, 6)
        self.officers = {f"p{n}": self._officer(median_s, night) for n in range(40)}
        self.officers |= {f"s{n}": Officer(median_s, 0.7, 0.02, 1.5) for n in range(8)}
        self.groups = [
            Reach(
                f"g{n}.{k}",
                self.chance.randint(20, 490),
                "relay",
                f"p{n}",
                f"p{n // 5 * 5 + 4}",
                f"s{n // 5}",
            )
            for n in range(40)
            for k in range(self.chance.randint(3, 40))
        ]

    def _officer(self, median_s: float, night: float) -> Officer:
        never = 1.0 if self.chance.random() < 0.04 else self.chance.uniform(0, 0.1)
        median_s *= math.exp(self.chance.gauss(0, 0.7))
        return Officer(median_s, self.chance.uniform(0.5, 1.3), never, night)

    def habits(self, past: int) -> dict[str, list[Todo]]:
        """``past`` to-dos each, at all hours; an untapped one is closed after six hours."""
        made: dict[str, list[Todo]] = {}
        for name, officer in self.officers.items():
            for _ in range(past):
                hour = self.chance.uniform(0, 24)
                delay = officer.delay(self.chance, hour, self._day())
                made.setdefault(name, []).append(Todo(min(delay, 21_600), delay <= 21_600, hour))
        return made

    def _day(self) -> float:
        return math.exp(self.chance.gauss(0, 0.2))

    def broadcast(self, hour: float) -> dict[str, float]:
        """Seconds from the release at which each group has the warning."""
        day = self._day()
        delays = {name: officer.delay(self.chance, hour, day) for name, officer in self.officers.items()}
        return {
            group.group_id: min(
                delays[group.owner],
                STEPS.deputy_s + delays[group.deputy],  # type: ignore[operator]
                STEPS.station_s + delays[group.station],  # type: ignore[operator]
            )
            for group in self.groups
        }

    def reached(self, times: dict[str, float], percent: int) -> float:
        """When ``percent`` of residents had it."""
        total, sums = sum(group.members for group in self.groups), 0
        for group in sorted(self.groups, key=lambda group: times[group.group_id]):
            sums += group.members
            if sums * 100 >= total * percent:
                return times[group.group_id]
        return math.inf


def told(groups: Sequence[Reach], habits: dict[str, list[Todo]], hour: float, **seen: object) -> Forecast:
    return forecast(groups, habits, escalation=STEPS, paces=PACES, at_hour=hour, **seen)  # type: ignore[arg-type]


RUNS = 100
USUAL_S = 360


def in_bounds(past: int, hour: float, elapsed_s: float = 0) -> dict[int, float]:
    """The share of RUNS districts, whose usual medians differ, in which the truth lay between low and high."""
    hits = {50: 0, 90: 0}
    runs = dict.fromkeys(hits, 0)
    for seed in range(RUNS):
        district = District(seed, USUAL_S * math.exp(random.Random(seed).gauss(0, 0.6)))
        habits = district.habits(past)
        times = district.broadcast(hour)
        covered = {group for group, s in times.items() if s <= elapsed_s}
        found = told(district.groups, habits, hour, elapsed_s=elapsed_s, covered=covered)
        for time in found.times[:2]:
            truth = district.reached(times, time.percent)
            if truth > elapsed_s:
                runs[time.percent] += 1
                hits[time.percent] += (time.low_s or math.inf) <= truth <= (time.high_s or math.inf)
    return {percent: hits[percent] / max(runs[percent], 1) for percent in hits}


@pytest.mark.parametrize("past", [0, 5, 30])
@pytest.mark.parametrize("hour", [10.0, 23.0])
def test_four_times_in_five_the_truth_lies_between_low_and_high(past: int, hour: float) -> None:
    shares = in_bounds(past, hour)
    print("calibration", past, hour, shares)
    assert all(0.7 <= share <= 0.9 for share in shares.values()), shares


@pytest.mark.parametrize("past", [0, 5, 30])
def test_that_holds_too_once_ten_minutes_of_the_broadcast_are_seen(past: int) -> None:
    share = in_bounds(past, 10.0, elapsed_s=600)[90]
    print("live", past, share)
    assert 0.7 <= share <= 0.92
