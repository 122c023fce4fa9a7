"""What the platforms' error codes mean, as data. A platform answers HTTP 200 to most refusals: the body
decides."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto

from broadcast.channels.base import SendResult, SendStatus
from broadcast.channels.http.client import TRY_AGAIN, HttpResponse


class Platform(StrEnum):
    WECOM = "wecom"
    DINGTALK = auto()
    FEISHU = auto()


class Kind(StrEnum):
    """What a code asks for.

    DONE: nothing. RETRY: the same again, a few times. THROTTLED: we were too fast; wait. TOKEN: a new access
    token, then the same at once. PERMANENT: nothing, this group or text never will. CONFIGURATION: a person
    mends the credential. NOT_YET: the platform is still at it; ask again. UNKNOWN: a code that is in no
    document we have.
    """

    DONE = "done"
    RETRY = "retry"
    THROTTLED = "throttled"
    TOKEN = "token"  # noqa: S105
    PERMANENT = "permanent"
    CONFIGURATION = "configuration"
    NOT_YET = "not yet"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Meaning:
    """One code: what it asks for, in words, and the wait (seconds) and number of tries that the platform
    names."""

    kind: Kind
    text: str
    wait_s: float | None = None
    most_tries: int | None = None


_W, _D, _F = Platform.WECOM, Platform.DINGTALK, Platform.FEISHU
_FIXED = {Kind.RETRY: (5.0, 3), Kind.NOT_YET: (10.0, None)}
_THROTTLED_S = {_W: 60.0, _D: 600.0, _F: 60.0}
"""How long a platform stays shut: WeCom's and Feishu's windows are a minute, DingTalk punishes with ten."""


def _row(platform: Platform, kind: Kind, text: str) -> Meaning:
    if kind is Kind.THROTTLED:
        return Meaning(kind, text, _THROTTLED_S[platform])
    return Meaning(kind, text, *_FIXED.get(kind, (None, None)))


TABLE: Mapping[tuple[Platform, int], Meaning] = {
    (platform, code): _row(platform, kind, text)
    for platform, code, kind, text in (
        (_W, 0, Kind.DONE, "ok"),
        (_W, -1, Kind.RETRY, "the platform is busy"),
        (_W, 40001, Kind.CONFIGURATION, "the secret is wrong"),
        (_W, 40003, Kind.PERMANENT, "no such user id"),
        (_W, 40008, Kind.PERMANENT, "the message type or the JSON is not valid"),
        (_W, 40013, Kind.CONFIGURATION, "no such corp id"),
        (_W, 40014, Kind.TOKEN, "the access token is not valid"),
        (_W, 40033, Kind.PERMANENT, "the request has escaped characters"),
        (_W, 40035, Kind.PERMANENT, "the parameters are not valid"),
        (_W, 40050, Kind.PERMANENT, "no such group chat"),
        (_W, 40056, Kind.CONFIGURATION, "no such agent id"),
        (_W, 40058, Kind.PERMANENT, "a parameter is not valid or too long"),
        (_W, 40096, Kind.PERMANENT, "no such external contact"),
        (_W, 41001, Kind.TOKEN, "the access token is missing"),
        (_W, 41048, Kind.PERMANENT, "nobody to send to"),
        (_W, 41063, Kind.NOT_YET, "the task is still being handed out"),
        (_W, 42001, Kind.TOKEN, "the access token has expired"),
        (_W, 44004, Kind.PERMANENT, "the text is empty"),
        (_W, 45002, Kind.PERMANENT, "the text is too long"),
        (_W, 45009, Kind.THROTTLED, "too many calls"),
        (_W, 45033, Kind.THROTTLED, "too many calls at once"),
        (_W, 48002, Kind.CONFIGURATION, "the app may not call this interface"),
        (_W, 60011, Kind.CONFIGURATION, "the app may not see this member"),
        (_W, 60020, Kind.CONFIGURATION, "our IP is not on the app's list"),
        (_W, 60111, Kind.PERMANENT, "the user id does not exist"),
        (_W, 81013, Kind.CONFIGURATION, "nobody of them is in the app's scope"),
        (_W, 81017, Kind.PERMANENT, "too many owners to list without naming them"),
        (_W, 84061, Kind.PERMANENT, "the member does not have this contact"),
        (_W, 84074, Kind.PERMANENT, "the member may not use contacts"),
        (_W, 93000, Kind.PERMANENT, "the robot's key is wrong or the robot was removed"),
        (_W, 93004, Kind.PERMANENT, "the robot is disabled"),
        (_W, 93008, Kind.PERMANENT, "the robot is not in the group"),
        (_W, 95018, Kind.PERMANENT, "the conversation does not allow sending now"),
        (_D, 0, Kind.DONE, "ok"),
        (_D, -1, Kind.RETRY, "the platform is busy"),
        (_D, 40035, Kind.PERMANENT, "the parameters are not valid"),
        (_D, 130101, Kind.THROTTLED, "more than 20 messages in a minute"),
        (_D, 300001, Kind.PERMANENT, "the robot's token does not exist"),
        (_D, 310000, Kind.CONFIGURATION, "the robot's signature, keyword or IP list does not match"),
        (_D, 400013, Kind.PERMANENT, "the group was dissolved"),
        (_D, 400101, Kind.PERMANENT, "the robot's token does not exist"),
        (_D, 400102, Kind.PERMANENT, "the robot is disabled"),
        (_D, 400105, Kind.PERMANENT, "the message type is not supported, or the text is empty"),
        (_D, 400106, Kind.PERMANENT, "the robot is not in the group"),
        (_D, 410100, Kind.THROTTLED, "too many messages"),
        (_D, 430101, Kind.PERMANENT, "the platform holds a link in the text for unsafe"),
        (_D, 430102, Kind.PERMANENT, "the platform holds the text for improper"),
        (_D, 430103, Kind.PERMANENT, "the platform holds a picture for improper"),
        (_D, 430104, Kind.PERMANENT, "the platform holds the content for improper"),
        (_D, 460101, Kind.PERMANENT, "the text is too long"),
        (_F, 0, Kind.DONE, "ok"),
        (_F, 9499, Kind.PERMANENT, "bad request"),
        (_F, 11232, Kind.THROTTLED, "too many messages, or the platform is crowded at the full or half hour"),
        (_F, 19001, Kind.PERMANENT, "the robot's token is wrong or the robot was removed"),
        (_F, 19021, Kind.CONFIGURATION, "the signature does not match, or our clock is off"),
        (_F, 19022, Kind.CONFIGURATION, "our IP is not on the robot's list"),
        (_F, 19024, Kind.CONFIGURATION, "the robot's keyword is not in the text"),
    )
}
_NAMES = {_W: ("errcode",), _D: ("errcode",), _F: ("code", "StatusCode")}
_VERDICTS = {
    Kind.DONE: SendStatus.SHOWN, Kind.RETRY: SendStatus.RETRY, Kind.THROTTLED: SendStatus.RETRY,
    Kind.TOKEN: SendStatus.RETRY, Kind.NOT_YET: SendStatus.RETRY, Kind.PERMANENT: SendStatus.REFUSED,
    Kind.CONFIGURATION: SendStatus.MISCONFIGURED, Kind.UNKNOWN: SendStatus.UNKNOWN,
}  # fmt: skip
_CONTRADICTION = SendResult(SendStatus.UNKNOWN, "the answer contradicts itself")


def meaning(platform: Platform, code: int) -> Meaning:
    """What ``code`` means; of kind UNKNOWN when it is not in the table."""
    return TABLE.get((platform, code), Meaning(Kind.UNKNOWN, "a code that no document of ours has"))


def code_of(platform: Platform, body: Mapping[str, object]) -> int | None:
    """The code that a platform's answer carries; None when it has none. Codes are whole numbers, never
    text."""
    codes = _codes(platform, body)
    return next((x for x in codes if x), codes[0] if codes else None)


def judge(platform: Platform, body: Mapping[str, object]) -> SendResult:
    """What a platform's answer (its JSON object, empty when it had none) says became of the message."""
    codes = _codes(platform, body)
    if not codes:
        return SendResult(SendStatus.UNKNOWN, "the answer did not say whether it was shown")
    doubted = any(body.get(name) is False for name in ("ok", "success"))
    if (any(codes) and not all(codes)) or (doubted and not any(codes)):
        return _CONTRADICTION
    found = meaning(platform, codes[0])
    if found.kind is Kind.DONE:
        return SendResult(SendStatus.SHOWN)
    return SendResult(
        _VERDICTS[found.kind],
        f"{codes[0]}: {found.text}",
        found.wait_s,
        throttled=found.kind is Kind.THROTTLED,
    )


def judge_answer(platform: Platform, answer: HttpResponse) -> SendResult:
    """As ``judge``, for a whole HTTP answer: an error of the server's leaves it open, whatever its body
    says; any other status that is no success is told apart by the body's code, if it has one."""
    if answer.status in TRY_AGAIN:
        reason, throttled = f"HTTP {answer.status}", answer.status == 429
        return SendResult(SendStatus.RETRY, reason, answer.retry_after_s, throttled=throttled)
    if answer.status >= 500:
        return SendResult(SendStatus.UNKNOWN, f"HTTP {answer.status}")
    body = answer.json_object()
    if not 200 <= answer.status < 300 and not code_of(platform, body):
        return SendResult(SendStatus.REFUSED, f"HTTP {answer.status}")
    return judge(platform, body)


def _codes(platform: Platform, body: Mapping[str, object]) -> list[int]:
    return [x for name in _NAMES[platform] if type(x := body.get(name)) is int]
