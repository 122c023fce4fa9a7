"""No body, however odd, makes the simulator fail: it is answered in the platform's own shape."""

import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenghuo.simulator import roster
from fenghuo.simulator.clock import SimClock
from fenghuo.simulator.endpoints import robots, webhooks, wecom
from fenghuo.simulator.endpoints.endpoint import Endpoint
from fenghuo.simulator.platform import SimulatedPlatform
from fenghuo.simulator.requests import PlatformRequest
from tests.support.simulated_platform import NOON, ROSTER, ManualClock

ENDPOINTS = [*wecom.ENDPOINTS, *robots.ENDPOINTS, *webhooks.ENDPOINTS]
GOOD: dict[str, Any] = {
    "chat_type": "group", "sender": "zhang", "chat_id_list": ["wr1"], "text": {"content": "预警"},
    "attachments": [{"msgtype": "link", "link": {}}], "msgid": "", "userid": "zhang", "limit": 1,
    "cursor": "c0", "start_time": 1, "end_time": 2, "creator": "zhang", "filter_type": 0, "chat_id": "wr1",
    "owner_filter": {"userid_list": ["zhang"]}, "status_filter": 0, "msgtype": "text",
    "news": {"articles": [{"title": "预警"}]}, "markdown": {"content": "预警", "text": "预警"},
    "msg_type": "post", "content": {"text": "预警", "post": {"zh_cn": {"title": "预警", "content": [[{}]]}}},
}  # fmt: skip
"""A body from which every endpoint takes what is right for it."""
WORDS = ["text", "markdown", "news", "post", "msgtype", "content", "预警", "", "\ud800"]
LEAVES = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.sampled_from(WORDS)
ODD = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=8,
)


def by_way(way: str) -> Endpoint:
    return next(endpoint for endpoint in ENDPOINTS if endpoint.way == way)


@st.composite
def bodies(draw: st.DrawFn) -> Any:
    """The good body with something odd in it, at any depth; or something odd altogether."""
    made = json.loads(json.dumps(GOOD))
    for _ in range(draw(st.integers(0, 3))):
        place = made
        while True:
            key = draw(st.sampled_from(sorted(place))) if isinstance(place, dict) else 0
            if not draw(st.booleans()) or not isinstance(place[key], dict | list) or not place[key]:
                break
            place = place[key]
        place[key] = draw(ODD)
    return draw(st.sampled_from([made, made, made, draw(ODD)]))


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
@given(body=bodies(), escaped=st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_body_is_answered(endpoint: Endpoint, body: Any, escaped: bool) -> None:
    at = SimulatedPlatform(SimClock(starts_at=NOON, tick=ManualClock()), seed=1)
    at.use(roster.read(ROSTER))
    corp = at.corps["ww1"]
    token = at.give_token(corp, "token")[0] if "externalcontact" in endpoint.path else "d2"
    at.mass_sends.create(corp, "zhang", ("wr1",), "预警")
    raw = json.dumps(body, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    stamp = str(int(time.time()))
    sign = hmac.new(b"hook-secret", f"{stamp}.".encode() + raw, hashlib.sha256).hexdigest()
    headers = {"X-Timestamp": stamp, "X-Signature": sign, "X-Event-Id": "e1"}
    name = {"/hook/{name}": "h1", "/notice/{name}": "wang"}.get(endpoint.path, "f2")
    call = PlatformRequest({"key": "k1", "access_token": token}, headers, raw, "127.0.0.1", name)
    answer = endpoint.reply(at, call)
    assert isinstance(endpoint.target(call), str)
    assert {"errcode", "code", "ok"} & answer.body.keys()
    assert json.dumps(answer.body, ensure_ascii=False).encode()
    assert all(text.text.encode() for text in at.delivered.texts.values())


@pytest.mark.parametrize(("text", "taken"), [("\\ud83d\\udd25", True), ("\\ud83d", False)])
def test_half_of_a_surrogate_pair_is_no_text(text: str, taken: bool) -> None:
    at = SimulatedPlatform(SimClock(starts_at=NOON, tick=ManualClock()), seed=1)
    at.use(roster.read(ROSTER))
    raw = f'{{"msgtype":"text","text":{{"content":"预警{text}"}}}}'.encode()
    answer = by_way("dingtalk").reply(at, PlatformRequest({"access_token": "d2"}, {}, raw, "127.0.0.1"))
    assert answer.taken == taken
