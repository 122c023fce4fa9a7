"""The rate limit of a platform for one sender: a sliding window, and a block after it. Pure."""

from collections import deque


class SlidingWindow:
    """At most ``most`` in any ``window_s``; a sender that exceeds it is blocked for ``block_s``."""

    def __init__(self, most: int, window_s: float, block_s: float = 0.0) -> None:
        self.most = most
        self.window_s = window_s
        self.block_s = block_s
        self._taken: dict[str, deque[float]] = {}
        self._blocked_until: dict[str, float] = {}

    def take(self, key: str, now_s: float, most: int | None = None) -> bool:
        """Count one message of ``key``; False if it is limited. ``most``: a lower limit for this request."""
        if now_s < self._blocked_until.get(key, now_s):
            return False
        taken = self._taken.setdefault(key, deque())
        while taken and taken[0] <= now_s - self.window_s:
            taken.popleft()
        if len(taken) >= (most or self.most):
            self._blocked_until[key] = now_s + self.block_s
            return False
        taken.append(now_s)
        return True
