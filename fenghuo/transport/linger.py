"""Linger: bundles the requests of concurrent tasks, and delays none that comes alone."""

import asyncio


class Linger:
    """Releases all waiting tasks together once in ``every_s``; a task without a predecessor goes on at once.

    No task waits longer than ``every_s``.
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._next_at = 0.0

    async def pause(self) -> None:
        """Return at once, or at the next release."""
        now, turn = asyncio.get_running_loop().time(), self._next_at
        if now >= turn:
            self._next_at = now + self._every_s
            return
        await asyncio.sleep(turn - now)
        if self._next_at == turn:
            self._next_at = turn + self._every_s
