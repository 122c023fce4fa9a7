"""What the tests of the HTTP client share: names that resolve as a test says, and short ways to ask."""

import socket

from broadcast.channels.base import SendResult, SendStatus
from broadcast.channels.http.address_guard import SocketAddress
from broadcast.channels.http.client import HttpClient, HttpResponse


class Names:
    """Knows some names; each answer is the next of its list, the last again and again. Counts what it is
    asked."""

    def __init__(self, **names: list[list[str]]) -> None:
        self.names = {name.replace("_", "."): answers for name, answers in names.items()}
        self.asked = 0

    async def __call__(self, host: str, port: int) -> list[SocketAddress]:
        self.asked += 1
        if host not in self.names:
            raise OSError("no such name")
        answers = self.names[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (x, port, 0, 0)) if ":" in x
            else (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (x, port)) for x in found
        ]  # fmt: skip


async def posted(client: HttpClient, url: str) -> HttpResponse | SendResult:
    try:
        return await client.post(url, b"{}")
    finally:
        await client.aclose()


def verdict(outcome: HttpResponse | SendResult) -> SendStatus:
    assert isinstance(outcome, SendResult)
    return outcome.verdict


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])
