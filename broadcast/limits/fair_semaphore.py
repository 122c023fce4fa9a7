"""How many messages may be under way."""

import asyncio
from collections import deque


class FairSemaphore:
    """``free`` turns, which are taken some at a time, first come first served, and given back one by one."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, count: int) -> None:
        """Return once there are ``count`` (no more than there are at all) for us."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((count, turn))
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._serve()
            else:
                self.give(count)
            raise

    def give(self, count: int) -> None:
        """Give ``count`` back."""
        self._free += count
        self._serve()

    def _serve(self) -> None:
        while self._waiting:
            count, turn = self._waiting[0]
            if not turn.done():
                if count > self._free:
                    return
                self._free -= count
                turn.set_result(None)
            self._waiting.popleft()
