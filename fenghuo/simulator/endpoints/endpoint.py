"""What an endpoint of a simulated platform is: its address, its answer, and how it refuses."""

from collections.abc import Callable
from dataclasses import dataclass

from fenghuo.simulator.platform import SimulatedPlatform
from fenghuo.simulator.requests import PlatformError, PlatformRequest, PlatformResponse


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of a platform. ``way`` names it for faults; ``target`` is what a request is about."""

    way: str
    method: str
    path: str
    answer: Callable[[SimulatedPlatform, PlatformRequest], PlatformResponse]
    """May raise PlatformError."""
    target: Callable[[PlatformRequest], str]
    refuse: Callable[[int, PlatformRequest, str], PlatformResponse]
    """The response for an error code, with a detail."""
    busy: int
    """The error code for "too fast"."""

    def reply(self, platform: SimulatedPlatform, request: PlatformRequest) -> PlatformResponse:
        """The response to ``request``, accepted or refused."""
        try:
            return self.answer(platform, request)
        except PlatformError as wrong:
            return self.refuse(wrong.code, request, str(wrong))
