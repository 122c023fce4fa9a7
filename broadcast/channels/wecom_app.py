"""Messages of a WeCom app (应用消息) to one person, by the user id: a way to notify people, not to groups.

The platform drops silently what a person gets beyond 30 messages a minute or 1,000 an hour, and takes no
idempotency key: a repeat is a second message.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from broadcast.channels.access_tokens import TenantApp, TokenStore
from broadcast.channels.base import Message, SendResult, SendStatus, each
from broadcast.channels.http.client import HttpClient
from broadcast.channels.platform_codes import Platform, code_of
from broadcast.channels.text_truncation import truncate
from broadcast.channels.wecom_api import URL, WecomApi
from fenghuo.domain.channels import WECOM_APP, WECOM_USER_ID

NOBODY_VALID = 81013
"""No recipient is known to the platform and in the app's visible range: with one recipient, that one."""


class AppCredential(TenantApp, Protocol):
    """An app that may send messages."""

    @property
    def agentid(self) -> int: ...


class WecomApp:
    """Sends texts; a message's target is the person's user id, its credential an app's."""

    name = WECOM_APP.name
    idempotent = WECOM_APP.idempotent
    most_bytes = WECOM_APP.max_bytes
    together = 1

    def __init__(
        self, http: HttpClient, credentials: Mapping[str, AppCredential], tokens: TokenStore, url: str = URL
    ) -> None:
        self._credentials = credentials
        self._api = WecomApi(http, credentials, tokens, url)

    def per_second(self, credential: str) -> float:
        """Messages a second: 150,000 an hour is WeCom's tightest limit for a tenant's interface."""
        return 40.0

    async def send(self, messages: Sequence[Message]) -> list[SendResult]:
        """Try each message once, all at the same time; the outcomes in the same order."""
        return await each(self._send, messages)

    async def aclose(self) -> None:
        await self._api.aclose()

    async def _send(self, message: Message) -> SendResult:
        if not re.fullmatch(WECOM_USER_ID, message.target):
            return SendResult(SendStatus.REFUSED, "the target is no user id")  # "@all" would reach everybody
        app = self._credentials.get(message.credential)
        if app is not None and not app.agentid:
            return SendResult(SendStatus.MISCONFIGURED, f"the credential {message.credential} has no agentid")
        try:
            text = truncate(message.text, self.most_bytes)
        except ValueError as error:
            return SendResult(SendStatus.REFUSED, str(error))
        asked = {
            "touser": message.target, "msgtype": "text", "agentid": app.agentid if app else 0,
            "text": {"content": text},
        }  # fmt: skip
        return _judged(*await self._api.call(message.credential, "message/send", asked))


def _judged(sent: SendResult, said: Mapping[str, object]) -> SendResult:
    """What became of a message to one person: code 0 may still name the person as one who did not get it."""
    if said.get("unlicenseduser") and sent.verdict is SendStatus.SHOWN:
        return SendResult(SendStatus.REFUSED, "the person has no licence for messages of apps")
    invalid = said.get("invaliduser") and sent.verdict is SendStatus.SHOWN
    if invalid or code_of(Platform.WECOM, said) == NOBODY_VALID:
        return SendResult(SendStatus.REFUSED, "no such user id, or the app is not visible to the person")
    return sent
