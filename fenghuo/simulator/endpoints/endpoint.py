"""What an endpoint of a simulated platform is: its address, its answer, and how it refuses."""

from collections.abc import Callable
from dataclasses import dataclass

from fenghuo.simulator.platform import SimulatedPlatform
from fenghuo.simulator.requests import PlatformError, PlatformRequest, PlatformResponse


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of a platform. ``way`` names it for faults; ``target`` is whom a call is about."""

    way: str
    method: str
    path: str
    answer: Callable[[SimulatedPlatform, PlatformRequest], PlatformResponse]
    """May raise Wrong."""
    target: Callable[[PlatformRequest], str]
    refuse: Callable[[int, PlatformRequest, str], PlatformResponse]
    """The answer that carries an error code, with a detail."""
    busy: int
    """The code of "too fast"."""

    def reply(self, platform: SimulatedPlatform, request: PlatformRequest) -> PlatformResponse:
        """The answer to ``call``, whether it is taken or refused."""
        try:
            return self.answer(platform, request)
        except PlatformError as wrong:
            return self.refuse(wrong.code, request, str(wrong))
