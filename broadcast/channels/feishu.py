"""Custom robots of Feishu groups, signed when the robot has a secret."""

import base64
import hashlib
import hmac

from broadcast.channels.http.client import HttpClient
from broadcast.channels.platform_codes import Platform
from broadcast.channels.robot import Robot
from fenghuo.domain.channels import FEISHU

URL = "https://open.feishu.cn"


class Feishu(Robot):
    """Posts text messages. Feishu takes 5 a second and 100 a minute from a robot; evenly, the minute is the
    tighter."""

    name = FEISHU.name
    platform = Platform.FEISHU
    per_minute = 99
    most_bytes = FEISHU.max_bytes

    def __init__(self, http: HttpClient, url: str = URL) -> None:
        super().__init__(http, url)

    def address(self, key: str) -> str:
        return f"{self._url}/open-apis/bot/v2/hook/{key}"

    def params(self, key: str, secret: str, at_ms: int) -> dict[str, str]:
        return {}

    def body(self, text: str, secret: str, at_ms: int) -> dict[str, object]:
        at_s = at_ms // 1000
        signed = {"timestamp": str(at_s), "sign": signature(secret, at_s)} if secret else {}
        return signed | {"msg_type": "text", "content": {"text": text}}


def signature(secret: str, at_s: int) -> str:
    """The sign of a request made at ``at_s`` (seconds), good for an hour. The text that is usually signed is
    the key here, and nothing is signed."""
    mac = hmac.new(f"{at_s}\n{secret}".encode(), b"", hashlib.sha256)
    return base64.b64encode(mac.digest()).decode()
