"""What keeps the questions few: a budget, and a circuit breaker that gives a sick server a rest."""

from collections import deque
from collections.abc import Callable

FAULTS = 5
"""Faults of the server in a row that open the breaker."""
SHORTEST_PAUSE_S = 30.0
LONGEST_PAUSE_S = 900.0
_MINUTE_S, _DAY_S = 60.0, 86_400.0

Tick = Callable[[], float]
"""Seconds of a clock that never goes back."""


class QuestionBudget:
    """So many questions within any minute and any 24 hours, in this process since its start."""

    def __init__(self, *, a_minute: int, a_day: int, tick: Tick) -> None:
        self._tick = tick
        self._windows = ((_MINUTE_S, deque[float](maxlen=a_minute)), (_DAY_S, deque[float](maxlen=a_day)))

    def take(self) -> bool:
        """Whether one more may be asked now; it is counted then."""
        now = self._tick()
        if any(len(asked) == asked.maxlen and asked[0] > now - span_s for span_s, asked in self._windows):
            return False
        for _, asked in self._windows:
            asked.append(now)
        return True


class CircuitBreaker:
    """Closed: all may ask. Open, after FAULTS faults in a row: nobody, for a pause that doubles each time.
    Then one may try: an answer closes it, a fault opens it again."""

    def __init__(self, tick: Tick) -> None:
        self._tick = tick
        self._faults = 0
        self._pause_s = SHORTEST_PAUSE_S
        self._open_until: float | None = None

    @property
    def is_open(self) -> bool:
        return self._open_until is not None

    def lets_through(self) -> bool:
        """Whether one may ask now; while it is open, the one that tries."""
        if self._open_until is None:
            return True
        if self._tick() < self._open_until:
            return False
        self._open_until = self._tick() + self._pause_s  # for the others, and if this one never ends
        return True

    def record(self, *, fault: bool) -> bool:
        """Count how one ended; returns whether that opened or closed the breaker."""
        if fault:
            return self._fault()
        was_open = self.is_open
        self._faults, self._pause_s, self._open_until = 0, SHORTEST_PAUSE_S, None
        return was_open

    def _fault(self) -> bool:
        was_open = self.is_open
        self._faults += 1
        if was_open:
            self._pause_s = min(LONGEST_PAUSE_S, 2 * self._pause_s)
        if was_open or self._faults >= FAULTS:
            self._open_until = self._tick() + self._pause_s
        return self.is_open and not was_open
