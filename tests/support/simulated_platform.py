"""A simulated platform for the tests: over real HTTP, with a clock that stands until it is turned."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from fenghuo.domain.calendar import CHINA
from fenghuo.simulator import faults, roster
from fenghuo.simulator.clock import SimClock
from fenghuo.simulator.platform import SimulatedPlatform
from fenghuo.simulator.server import application

NOON = datetime(2026, 3, 2, 12, tzinfo=CHINA)
ROSTER: dict[str, Any] = {
    "corps": [{"name": "district", "corpid": "ww1", "secret": "corp-secret"}],
    "owners": [{"userid": "zhang", "profile": "quick"}, {"userid": "li", "profile": "never"}],
    "chats": [
        {"chat_id": f"wr{n}", "owner": "zhang" if n < 4 else "li", "group_id": f"c{n}", "members": 100}
        for n in range(1, 6)
    ],
    "robots": [
        {"channel": "wecom_robot", "key": "k1", "group_id": "r1"},
        {"channel": "dingtalk", "key": "d1", "group_id": "r2", "secret": "SECabc"},
        {"channel": "dingtalk", "key": "d2", "group_id": "r3", "keywords": ["预警"]},
        {"channel": "feishu", "key": "f1", "group_id": "r4", "secret": "demo"},
        {"channel": "feishu", "key": "f2", "group_id": "r5", "keywords": ["预警"]},
        {"channel": "wecom_robot", "key": "k9", "group_id": "r9", "ips": ["192.0.2.1"]},
        {"channel": "dingtalk", "key": "d9", "group_id": "r9", "ips": ["192.0.2.1"]},
        {"channel": "feishu", "key": "f9", "group_id": "r9", "ips": ["192.0.2.1"]},
    ],
    "hooks": ["h1", "h2"],
    "webhook_secret": "hook-secret",
    "groups": [{"group_id": "h1", "members": 300, "name": "东街商户群"}, {"group_id": "h2", "members": 100}],
    "officers": [{"person_id": "wang", "password": "p"}],
}


class ManualClock:
    """A clock's tick that a test turns by hand."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


class Simulation:
    """A running simulation and a client of it."""

    def __init__(
        self, platform: SimulatedPlatform, watch: ManualClock, session: aiohttp.ClientSession, url: str
    ) -> None:
        self.platform = platform
        self.watch = watch
        self.session = session
        self.url = url

    async def post(self, path: str, body: Any, **headers: str) -> dict[str, Any]:
        """The JSON that ``path`` answers with 200; ``body`` is bytes or is written as JSON, unescaped."""
        status, said = await self.ask(path, body, **headers)
        assert status == 200, said
        return said

    async def ask(self, path: str, body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        async with self.session.post(self.url + path, data=data, headers=headers) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str) -> dict[str, Any]:
        async with self.session.get(self.url + path) as answer:
            said: dict[str, Any] = await answer.json()
            return said

    async def hook(
        self, group: str, body: Any, event: str = "e1", *, secret: str = "hook-secret", age_s: int = 0,
        place: str = "hook",
    ) -> tuple[int, dict[str, Any]]:  # fmt: skip
        """A signed post to the generic webhook."""
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        stamp = str(int(time.time()) - age_s)
        sign = hmac.new(secret.encode(), f"{stamp}.".encode() + data, hashlib.sha256).hexdigest()
        headers = {"X-Event-Id": event, "X-Timestamp": stamp, "X-Signature": sign}
        return await self.ask(f"/{place}/{group}", data, **headers)

    async def dingtalk(self, body: Any, *, age_s: int = 0, secret: str = "SECabc") -> dict[str, Any]:
        """A signed post to the robot d1."""
        stamp = str(int((time.time() - age_s) * 1000))
        digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
        sign = base64.b64encode(digest).decode().replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
        return await self.post(f"/robot/send?access_token=d1&timestamp={stamp}&sign={sign}", body)

    async def feishu(self, text: str, *, age_s: int = 0, secret: str = "demo") -> dict[str, Any]:
        """A signed text to the robot f1."""
        stamp = str(int(time.time() - age_s))
        digest = hmac.new(f"{stamp}\n{secret}".encode(), b"", hashlib.sha256).digest()
        signed = {"timestamp": stamp, "sign": base64.b64encode(digest).decode()}
        body = {**signed, "msg_type": "text", "content": {"text": text}}
        return await self.post("/open-apis/bot/v2/hook/f1", body)

    async def token(self) -> str:
        """An access token of the roster's corp."""
        said = await self.get("/cgi-bin/gettoken?corpid=ww1&corpsecret=corp-secret")
        assert said["errcode"] == 0, said
        return str(said["access_token"])

    async def wecom(self, name: str, body: Any, token: str | None = None) -> dict[str, Any]:
        """A call of WeCom's customer API."""
        given = await self.token() if token is None else token
        return await self.post(f"/cgi-bin/externalcontact/{name}?access_token={given}", body)

    async def mass_send(self, sender: str = "zhang", *chats: str, text: str = "预警") -> str:
        """The msgid of a new task for ``chats``, or for all that the sender has."""
        asked: dict[str, Any] = {"chat_type": "group", "sender": sender, "text": {"content": text}}
        said = await self.wecom("add_msg_template", {**asked, "chat_id_list": chats} if chats else asked)
        assert said["errcode"] == 0, said
        return str(said["msgid"])

    def got(self, group_id: str) -> list[str]:
        """The texts that a group has seen, oldest first."""
        delivered = self.platform.delivered
        return [delivered.texts[shown.text_sha].text for shown in delivered.groups.get(group_id, ())]


@asynccontextmanager
async def simulation(
    said: dict[str, Any] | None = None, wrong: dict[str, Any] | None = None, seed: int = 1
) -> AsyncIterator[Simulation]:
    """A simulation with the roster ROSTER (or ``said``) at noon; ``watch.at`` is its time in seconds."""
    watch = ManualClock()
    platform = SimulatedPlatform(SimClock(starts_at=NOON, tick=watch), seed=seed)
    platform.use(roster.read(ROSTER if said is None else said))
    platform.faults = faults.read(wrong or {})
    async with served(application(platform)) as url, aiohttp.ClientSession() as session:
        yield Simulation(platform, watch, session, url)


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """The URL at which ``app`` is served meanwhile."""
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0.1)
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()
