"""WeCom's error codes and messages, as its documentation words them."""

from typing import Any

from fenghuo.simulator.requests import PlatformRequest, PlatformResponse

MESSAGES = {
    -1: "system busy",
    40001: "invalid credential",
    40003: "invalid userid",
    40008: "invalid message type",
    40013: "invalid corpid",
    40014: "invalid access_token",
    40033: "invalid charset, use raw utf-8 instead of \\uxxxx escapes",
    40035: "invalid parameter",
    40050: "invalid chatid",
    40056: "invalid agentid",
    40058: "invalid request parameter",
    40096: "invalid external userid",
    41001: "access_token missing",
    41048: "no customer to send to",
    41063: "group message is being dispatched",
    42001: "access_token expired",
    44004: "empty content",
    45002: "content size out of limit",
    45009: "api freq out of limit",
    45033: "api concurrent out of limit",
    48002: "api forbidden for this app",
    60011: "no privilege to access/modify contact/party/agent",
    60020: "not allow to access from your ip",
    60111: "userid not found",
    81013: "user & party & tag all invalid",
    81017: "too many owners, an owner_filter is needed",
    84061: "no external contact relation",
    84074: "no permission for this customer",
    93000: "invalid webhook url, or the robot was removed",
    93004: "robot is disabled",
    93008: "robot is not in the group",
}


def fine(**fields: Any) -> PlatformResponse:
    """The response to a successful request."""
    return PlatformResponse({"errcode": 0, "errmsg": "ok", **fields}, taken=True)


def refuse(code: int, request: PlatformRequest, detail: str = "") -> PlatformResponse:
    """The response for the error ``code``; WeCom returns it with HTTP 200."""
    message = MESSAGES.get(code, "error") + (f": {detail}" if detail else "")
    about = f"hint: [simulation], from ip: {request.address}, more info at"
    page = f"https://open.work.weixin.qq.com/devtool/query?e={code}"
    return PlatformResponse({"errcode": code, "errmsg": f"{message}, {about} {page}"})
