"""Robots of WeCom groups (消息推送): for officers' and grid workers' groups; the key is the only secret."""

from broadcast.channels.http.client import HttpClient
from broadcast.channels.platform_codes import Platform
from broadcast.channels.robot import Robot
from fenghuo.domain.channels import WECOM_ROBOT

URL = "https://qyapi.weixin.qq.com"


class WecomRobot(Robot):
    """Posts text messages. WeCom takes 20 a minute from a robot; one less, so that no jitter makes 21 of
    them."""

    name = WECOM_ROBOT.name
    platform = Platform.WECOM
    per_minute = 19
    most_bytes = WECOM_ROBOT.max_bytes

    def __init__(self, http: HttpClient, url: str = URL) -> None:
        super().__init__(http, url)

    def address(self, key: str) -> str:
        return f"{self._url}/cgi-bin/webhook/send"

    def params(self, key: str, secret: str, at_ms: int) -> dict[str, str]:
        return {"key": key}

    def body(self, text: str, secret: str, at_ms: int) -> dict[str, object]:
        return {"msgtype": "text", "text": {"content": text}}
