"""Simulated time of the platforms and the people, ``speed`` times as fast as real time.

What goes over the wire (timestamps, signatures, the lifetime of a token) is in real time, as the client has
it; durations (a rate limit's minute, a block, a night, an officer's delay) are simulated.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from fenghuo import clock
from fenghuo.domain.calendar import CHINA


class SimClock:
    """Simulated seconds since the start; ``starts_at`` is the local time then; None: now."""

    def __init__(
        self,
        speed: float = 1.0,
        *,
        starts_at: datetime | None = None,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        if speed <= 0:
            raise ValueError("speed is a number above 0")
        self.speed = speed
        self._tick = tick
        self._start_tick = tick()
        present = clock.now()
        self._start_ms = clock.to_ms(present)
        self._start_local = (starts_at or present).astimezone(CHINA)

    def now_s(self) -> float:
        """Simulated seconds since the start."""
        return (self._tick() - self._start_tick) * self.speed

    def real_ms(self, at_s: float) -> int:
        """The real time, in ms since the epoch, of the simulated moment ``at_s``."""
        return self._start_ms + round(at_s / self.speed * 1000)

    def sim_s(self, real_ms: int) -> float:
        """The simulated moment of a real time in ms since the epoch."""
        return (real_ms - self._start_ms) / 1000 * self.speed

    def local(self, at_s: float) -> datetime:
        """The simulated local time (China) at ``at_s``."""
        return self._start_local + timedelta(seconds=at_s)

    def second_of_day(self, at_s: float) -> float:
        """Seconds since the simulated local midnight, 0 to 86,400."""
        local = self.local(at_s)
        return local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1e6
