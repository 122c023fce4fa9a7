"""Brings together what many tasks do close behind one another, and leaves alone who comes alone."""

import asyncio


class Linger:
    """Once in ``every_s`` all who wait go on together; one whom nobody came before within it goes on at once.

    Nobody waits longer than ``every_s``.
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._next_at = 0.0

    async def pause(self) -> None:
        """Return when it is this caller's turn."""
        now, turn = asyncio.get_running_loop().time(), self._next_at
        if now >= turn:
            self._next_at = now + self._every_s
            return
        await asyncio.sleep(turn - now)
        if self._next_at == turn:
            self._next_at = turn + self._every_s
