"""The rate limit of reports: a token bucket for each sender, in this process."""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class _Bucket:
    left: float
    at_s: float


class RateLimit:
    """``per_minute`` for each name, refilled steadily; ``clock`` is monotonic, in seconds."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def wait_s(self, name: str) -> int:
        """Take a token of ``name``: 0 if there is one, else the whole seconds until there is."""
        now = self._clock()
        bucket = self._buckets.setdefault(name, _Bucket(self.per_minute, now))
        gained = (now - bucket.at_s) * self.per_minute / 60
        bucket.left, bucket.at_s = min(bucket.left + gained, self.per_minute), now
        if bucket.left >= 1:
            bucket.left -= 1
            return 0
        return math.ceil((1 - bucket.left) * 60 / self.per_minute - 1e-6)  # 1.0000001 s is a rounding error
