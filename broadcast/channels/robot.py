"""What the group robots of WeCom, DingTalk and Feishu have in common: one POST to one address a robot.

None takes an idempotency key, and none can be asked, so a timeout stays unknown and every request has a
connection of its own.
"""

import json
import re
from collections.abc import Sequence
from typing import ClassVar

from broadcast.channels.base import Message, SendResult, SendStatus, each
from broadcast.channels.http.client import HttpClient
from broadcast.channels.platform_codes import Platform, judge_answer
from broadcast.channels.text_truncation import truncate
from fenghuo import clock

_KEY = re.compile(r"[A-Za-z0-9_-]{1,200}")


class Robot:
    """Sends texts through robots; a message's target is the robot's key."""

    name: ClassVar[str]
    platform: ClassVar[Platform]
    per_minute: ClassVar[float]
    most_bytes: ClassVar[int]
    """Of the text, in UTF-8."""
    idempotent = False
    together = 1

    def __init__(self, http: HttpClient, url: str) -> None:
        self._http = http
        self._url = url.rstrip("/")

    def per_second(self, credential: str) -> float:
        """Messages a second that one robot takes."""
        return self.per_minute / 60

    async def send(self, messages: Sequence[Message]) -> list[SendResult]:
        """Try each message once, all at the same time; the outcomes in the same order."""
        return await each(self._send, messages)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _send(self, message: Message) -> SendResult:
        if not _KEY.fullmatch(message.target):
            return SendResult(SendStatus.REFUSED, "the target is no robot's key")
        try:
            text = truncate(message.text, self.most_bytes)
        except ValueError as error:
            return SendResult(SendStatus.REFUSED, str(error))
        at_ms = clock.to_ms(clock.now())
        answer = await self._http.post(
            self.address(message.target),
            json.dumps(self.body(text, message.secret, at_ms), ensure_ascii=False).encode(),
            params=self.params(message.target, message.secret, at_ms),
        )
        return answer if isinstance(answer, SendResult) else judge_answer(self.platform, answer)

    def address(self, key: str) -> str:
        """Where to post for the robot ``key``."""
        raise NotImplementedError

    def params(self, key: str, secret: str, at_ms: int) -> dict[str, str]:
        """The address's parameters."""
        raise NotImplementedError

    def body(self, text: str, secret: str, at_ms: int) -> dict[str, object]:
        """What is posted."""
        raise NotImplementedError
