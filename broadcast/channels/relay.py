"""Groups that no platform reaches: a person copies the text from the to-do page into the group and says so
there."""

from collections.abc import Sequence

from broadcast.channels.base import Message, SendResult, SendStatus
from fenghuo.domain.channels import RELAY


class Relay:
    """Nothing leaves: each message waits for a person's tap."""

    name = RELAY.name
    idempotent = RELAY.idempotent
    together = 500

    def __init__(self, per_second: float = 10_000) -> None:
        self._per_second = per_second

    def per_second(self, credential: str) -> float:
        """How many to-dos may be made in a second."""
        return self._per_second

    async def send(self, messages: Sequence[Message]) -> list[SendResult]:
        """WAITING for each."""
        return [SendResult(SendStatus.WAITING)] * len(messages)

    async def aclose(self) -> None:
        return None
