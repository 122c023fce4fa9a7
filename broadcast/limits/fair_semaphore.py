"""A semaphore that several places are acquired from at once, first come first served."""

import asyncio
from collections import deque


class FairSemaphore:
    """``places`` that are acquired some at a time and released one by one. Who waits for many is not
    overtaken by who asks for few."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def acquire(self, count: int) -> None:
        """Return once ``count`` places are free for the caller; ``count`` is no more than all places."""
        ready = asyncio.get_running_loop().create_future()
        self._waiting.append((count, ready))
        self._serve()
        try:
            await ready
        except asyncio.CancelledError:
            if ready.cancelled():
                self._serve()
            else:
                self.release(count)
            raise

    def release(self, count: int) -> None:
        """Give ``count`` places back."""
        self._free += count
        self._serve()

    def _serve(self) -> None:
        while self._waiting:
            count, ready = self._waiting[0]
            if not ready.done():
                if count > self._free:
                    return
                self._free -= count
                ready.set_result(None)
            self._waiting.popleft()
