"""Calls of WeCom's server API by the apps of a tenant, each with an access token."""

import json
from collections.abc import Mapping

from broadcast.channels.access_tokens import TenantApp, Tokens, TokenStore
from broadcast.channels.base import SendResult, SendStatus
from broadcast.channels.http.client import HttpClient
from broadcast.channels.platform_codes import Kind, Platform, code_of, judge_answer, meaning
from fenghuo.errors import Unavailable

URL = "https://qyapi.weixin.qq.com"


class WecomApi:
    """``credentials`` are the apps by name; ``url`` is the platform's, where an app names none."""

    def __init__(
        self, http: HttpClient, credentials: Mapping[str, TenantApp], tokens: TokenStore, url: str = URL
    ) -> None:
        self._http = http
        self._credentials = credentials
        self._url = url
        self._tokens = Tokens(http, tokens, url)

    async def call(
        self, name: str, path: str, asked: Mapping[str, object]
    ) -> tuple[SendResult, Mapping[str, object]]:
        """One call by the app ``name``: what came of it (SHOWN: the platform took it), and its answer's body.

        An access token that the platform refuses is fetched anew once, and the call repeated.
        """
        credential = self._credentials.get(name)
        if credential is None:
            return SendResult(SendStatus.MISCONFIGURED, f"there is no credential {name!r}"), {}
        url = f"{credential.url or self._url}/cgi-bin/{path}"
        body = json.dumps(asked, ensure_ascii=False).encode()
        refused = ""
        try:
            while True:
                token = await self._tokens.get(name, credential, refused)
                if isinstance(token, SendResult):
                    return token, {}
                answer = await self._http.post(url, body, params={"access_token": token})
                if isinstance(answer, SendResult):
                    return answer, {}
                said = answer.json_object()
                code = code_of(Platform.WECOM, said)
                stale = code is not None and meaning(Platform.WECOM, code).kind is Kind.TOKEN
                if refused or not stale:
                    return judge_answer(Platform.WECOM, answer), said
                refused = token
        except Unavailable as error:
            return SendResult(SendStatus.RETRY, f"no access token: {error}"), {}

    async def aclose(self) -> None:
        await self._http.aclose()
