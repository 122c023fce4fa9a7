"""Custom robots of DingTalk groups, signed when the robot has a secret."""

import base64
import hashlib
import hmac

from broadcast.channels.http.client import HttpClient
from broadcast.channels.platform_codes import Platform
from broadcast.channels.robot import Robot
from fenghuo.domain.channels import DINGTALK

URL = "https://oapi.dingtalk.com"


class Dingtalk(Robot):
    """Posts text messages. DingTalk takes 20 a minute from a robot and shuts it for ten minutes at the 21st;
    one less, so that no jitter makes 21 of them."""

    name = DINGTALK.name
    platform = Platform.DINGTALK
    per_minute = 19
    most_bytes = DINGTALK.max_bytes

    def __init__(self, http: HttpClient, url: str = URL) -> None:
        super().__init__(http, url)

    def address(self, key: str) -> str:
        return f"{self._url}/robot/send"

    def params(self, key: str, secret: str, at_ms: int) -> dict[str, str]:
        signed = {"timestamp": str(at_ms), "sign": signature(secret, at_ms)} if secret else {}
        return {"access_token": key} | signed

    def body(self, text: str, secret: str, at_ms: int) -> dict[str, object]:
        return {"msgtype": "text", "text": {"content": text}, "at": {"isAtAll": False}}


def signature(secret: str, at_ms: int) -> str:
    """The sign of a request made at ``at_ms`` (milliseconds), good for an hour, not yet escaped for an
    address."""
    mac = hmac.new(secret.encode(), f"{at_ms}\n{secret}".encode(), hashlib.sha256)
    return base64.b64encode(mac.digest()).decode()
