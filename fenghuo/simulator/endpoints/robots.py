"""Robots in groups: the webhooks of WeCom, DingTalk and Feishu. Refusals are HTTP 200 with an error code.

Not simulated: pictures, files, voice and cards. The response says so.
"""

import base64
import hashlib
import hmac
from typing import Any

from fenghuo import clock
from fenghuo.domain.channels import DINGTALK, FEISHU, WECOM_ROBOT
from fenghuo.simulator.endpoints.endpoint import Endpoint
from fenghuo.simulator.endpoints.wecom_codes import fine, refuse
from fenghuo.simulator.platform import SimulatedPlatform
from fenghuo.simulator.requests import PlatformError, PlatformRequest, PlatformResponse
from fenghuo.simulator.roster import SimulatedRobot

HOUR_MS = 3_600_000
TEXT_BYTES, MARKDOWN_BYTES = 2048, 4096
BODY_BYTES = 20_000
DEBUG_PER_MINUTE = 5


def wecom(platform: SimulatedPlatform, request: PlatformRequest) -> PlatformResponse:
    """POST /cgi-bin/webhook/send?key=: text, markdown, markdown_v2, news."""
    robot = _robot(platform, WECOM_ROBOT.name, request.query.get("key", ""), gone=93000)
    _admit(robot, request, 60020)
    most_a_minute = DEBUG_PER_MINUTE if request.query.get("debug") else None
    if not platform.take(WECOM_ROBOT.name, robot.key, most_a_minute):
        raise PlatformError(45009)
    fields = request.fields()
    if fields is None:
        raise PlatformError(40008, "the body is no JSON object")
    if request.escaped():
        raise PlatformError(40033)
    text, most = _wecom_text(fields)
    if not text.strip():
        raise PlatformError(44004)
    if len(text.encode()) > most:
        raise PlatformError(40058, f"content exceed max length {most}")
    platform.show(robot.group_id, text, WECOM_ROBOT.name)
    return fine()


def _wecom_text(fields: dict[str, Any]) -> tuple[str, int]:
    """(text that the group reads, its limit in bytes)."""
    kind = fields.get("msgtype")
    if kind not in ("text", "markdown", "markdown_v2", "news"):
        raise PlatformError(40008, "the simulator shows text, markdown, markdown_v2 and news")
    part = fields.get(kind)
    if kind != "news":
        text = part.get("content") if isinstance(part, dict) else None
        return text if isinstance(text, str) else "", TEXT_BYTES if kind == "text" else MARKDOWN_BYTES
    articles = part.get("articles") if isinstance(part, dict) else None
    if not isinstance(articles, list) or not 1 <= len(articles) <= 8:
        raise PlatformError(40058, "1 to 8 articles")
    shown = (f"{a.get('title', '')} {a.get('url', '')}" for a in articles if isinstance(a, dict))
    return "\n".join(shown), BODY_BYTES


def dingtalk(platform: SimulatedPlatform, request: PlatformRequest) -> PlatformResponse:
    """POST /robot/send?access_token=&timestamp=&sign=: text and markdown."""
    robot = _robot(platform, DINGTALK.name, request.query.get("access_token", ""), gone=300001)
    _admit(robot, request, 310000)
    if robot.secret:
        _dingtalk_sign(robot, request)
    if not platform.take(DINGTALK.name, robot.key):
        raise PlatformError(130101)
    fields = request.fields()
    if fields is None:
        raise PlatformError(40035)
    if len(request.body) > BODY_BYTES:
        raise PlatformError(460101)
    text = _dingtalk_text(fields)
    if not text.strip():
        raise PlatformError(400105)
    _keyword(robot, text, 310000)
    platform.show(robot.group_id, text, DINGTALK.name)
    return fine()


def _dingtalk_text(fields: dict[str, Any]) -> str:
    kind = fields.get("msgtype")
    part = fields.get(kind) if kind in ("text", "markdown") else None
    return str(part.get("content" if kind == "text" else "text", "")) if isinstance(part, dict) else ""


def _dingtalk_sign(robot: SimulatedRobot, request: PlatformRequest) -> None:
    stamp = request.query.get("timestamp", "")
    digest = hmac.new(robot.secret.encode(), f"{stamp}\n{robot.secret}".encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(base64.b64encode(digest), request.query.get("sign", "").encode()):
        raise PlatformError(310000, "sign not match")
    if not _within_an_hour(stamp, 1):
        raise PlatformError(310000, "invalid timestamp")


def _dingtalk(code: int, _call: PlatformRequest, detail: str) -> PlatformResponse:
    usual = {
        130101: "send too fast, exceed 20 times per minute", 300001: "token is not exist",
        310000: "ip or keywords", 40035: "invalid parameter: json",
        400105: "unsupported msgtype or empty content", 460101: "message too long",
    }  # fmt: skip
    return PlatformResponse({"errcode": code, "errmsg": detail or usual.get(code, "error")})


def feishu(platform: SimulatedPlatform, request: PlatformRequest) -> PlatformResponse:
    """POST /open-apis/bot/v2/hook/TOKEN: text and post, signed in the body."""
    robot = _robot(platform, FEISHU.name, request.name, gone=19001)
    fields = request.fields()
    if fields is None or len(request.body) > BODY_BYTES:
        raise PlatformError(9499)
    _admit(robot, request, 19022)
    if robot.secret and not _feishu_signed(robot, fields):
        raise PlatformError(19021)
    if not (platform.take(f"{FEISHU.name}/second", robot.key) and platform.take(FEISHU.name, robot.key)):
        raise PlatformError(11232)
    text = _feishu_text(fields)
    if not text.strip():
        raise PlatformError(9499)
    _keyword(robot, text, 19024)
    platform.show(robot.group_id, text, FEISHU.name)
    done = {"code": 0, "msg": "success", "data": {}, "StatusCode": 0, "StatusMessage": "success"}
    return PlatformResponse(done, taken=True)


def _feishu_signed(robot: SimulatedRobot, fields: dict[str, Any]) -> bool:
    stamp, sign = str(fields.get("timestamp", "")), str(fields.get("sign", ""))
    digest = hmac.new(f"{stamp}\n{robot.secret}".encode(), b"", hashlib.sha256).digest()
    right = hmac.compare_digest(base64.b64encode(digest), sign.encode())
    return right and _within_an_hour(stamp, 1000)


def _feishu_text(fields: dict[str, Any]) -> str:
    content = fields.get("content")
    if not isinstance(content, dict):
        return ""
    if fields.get("msg_type") == "text":
        return str(content.get("text", ""))
    if fields.get("msg_type") != "post":
        return ""
    return "\n".join(_post_lines(content.get("post")))


def _post_lines(post: Any) -> list[str]:
    """Title and lines of every language of a rich text."""
    found: list[str] = []
    for body in post.values() if isinstance(post, dict) else ():
        if isinstance(body, dict) and isinstance(body.get("content"), list):
            found += [str(body["title"])] if body.get("title") else []
            found += [_line(line) for line in body["content"] if isinstance(line, list)]
    return found


def _line(pieces: list[Any]) -> str:
    return "".join(str(piece.get("text", "")) for piece in pieces if isinstance(piece, dict))


def _feishu(code: int, _call: PlatformRequest, detail: str) -> PlatformResponse:
    messages = {
        9499: "Bad Request", 11232: "frequency limited", 19001: "incoming webhook access token invalid",
        19021: "sign match fail or timestamp is not within one hour from current time",
        19022: "Ip Not Allowed", 19024: "Key Words Not Found",
    }  # fmt: skip
    return PlatformResponse({"code": code, "msg": detail or messages.get(code, "error"), "data": {}})


def _robot(platform: SimulatedPlatform, channel: str, key: str, *, gone: int) -> SimulatedRobot:
    """The robot of that key. Raises PlatformError(gone) if there is none, or it was revoked."""
    robot = platform.robots.get((channel, key))
    if robot is None or platform.revoked(channel, key):
        raise PlatformError(gone)
    return robot


def _admit(robot: SimulatedRobot, request: PlatformRequest, code: int) -> None:
    if robot.ips and request.address not in robot.ips:
        raise PlatformError(code, "ip not in whitelist" if code == 310000 else "")


def _keyword(robot: SimulatedRobot, text: str, code: int) -> None:
    if robot.keywords and not any(word in text for word in robot.keywords):
        raise PlatformError(code, "keywords not in content" if code == 310000 else "")


def _within_an_hour(stamp: str, unit_ms: int) -> bool:
    """Whether ``stamp`` (in units of ``unit_ms``) is within an hour of the real time."""
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 16:
        return False
    return abs(int(stamp) * unit_ms - clock.to_ms(clock.now())) <= HOUR_MS


ENDPOINTS = [
    Endpoint(WECOM_ROBOT.name, "POST", "/cgi-bin/webhook/send", wecom,
             lambda request: request.query.get("key", ""), refuse, 45009),
    Endpoint(DINGTALK.name, "POST", "/robot/send", dingtalk,
             lambda request: request.query.get("access_token", ""), _dingtalk, 130101),
    Endpoint(FEISHU.name, "POST", "/open-apis/bot/v2/hook/{name}", feishu,
             lambda request: request.name, _feishu, 11232),
]  # fmt: skip
