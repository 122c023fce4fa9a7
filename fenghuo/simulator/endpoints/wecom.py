"""WeCom's server API: tokens, mass sends, chats, an app's messages. Errors are HTTP 200 with an errcode.

Shapes as in developer.work.weixin.qq.com, documents 91039, 92135, 96355, 97610, 97611, 93414, 96338, 90236.
"""

import re
import secrets
from collections.abc import Callable
from typing import Any

from fenghuo.domain.channels import WECOM_APP
from fenghuo.simulator.endpoints.endpoint import Endpoint
from fenghuo.simulator.endpoints.wecom_codes import fine, refuse
from fenghuo.simulator.mass_send import CHANNEL, DISPATCH_S, MassSend
from fenghuo.simulator.platform import SimulatedPlatform
from fenghuo.simulator.requests import PlatformError, PlatformRequest, PlatformResponse
from fenghuo.simulator.roster import Corp

MOST_CHATS = 2000
MOST_ATTACHMENTS = 9
MOST_BYTES = 4000
MONTH_S = 31 * 86_400
ATTACHMENTS = frozenset({"image", "link", "miniprogram", "video", "file"})
_USERID = re.compile(r"[A-Za-z0-9][\w.@-]{0,63}", re.ASCII)
WecomHandler = Callable[[SimulatedPlatform, Corp, dict[str, Any]], PlatformResponse]


def gettoken(platform: SimulatedPlatform, request: PlatformRequest) -> PlatformResponse:
    """An access token for corpid and corpsecret; the same one until it expires."""
    corp = platform.corps.get(request.query.get("corpid", ""))
    if corp is None:
        raise PlatformError(40013)
    given = request.query.get("corpsecret", "")
    if corp.name in platform.faults.dead_credentials or not secrets.compare_digest(
        given.encode(), corp.secret.encode()
    ):
        raise PlatformError(40001)
    text, left_s = platform.give_token(corp, secrets.token_urlsafe(48))
    return fine(access_token=text, expires_in=max(1, int(left_s)))


def add_msg_template(platform: SimulatedPlatform, corp: Corp, fields: dict[str, Any]) -> PlatformResponse:
    """Give one owner a task for some of their chats."""
    text, owner = _content(fields), fields.get("sender")
    if fields.get("chat_type") != "group":
        raise PlatformError(40035, "only chat_type group is simulated")
    if not isinstance(owner, str) or not _USERID.fullmatch(owner):
        raise PlatformError(40003)
    if owner not in platform.owners:
        raise PlatformError(60111)
    own = platform.chats_of.get((corp.name, owner), [])
    wanted = fields.get("chat_id_list", own)
    if not isinstance(wanted, list):
        raise PlatformError(40035, "chat_id_list is a list")
    if len(wanted) > MOST_CHATS:
        raise PlatformError(40058, f"chat_id_list exceeds {MOST_CHATS}")
    if not all(isinstance(chat, str) for chat in wanted):
        raise PlatformError(40035, "a chat id is a string")
    known = set(own)
    good = tuple(dict.fromkeys(chat for chat in wanted if chat in known))
    if not good:
        raise PlatformError(41048)
    task = platform.mass_sends.create(corp, owner, good, text)
    return fine(fail_list=[chat for chat in wanted if chat not in known], msgid=task.msgid)


def _content(fields: dict[str, Any]) -> str:
    part = fields.get("text")
    text = part.get("content", "") if isinstance(part, dict) else ""
    attached = fields.get("attachments", [])
    if not isinstance(text, str) or not isinstance(attached, list):
        raise PlatformError(40035)
    if not text and not attached:
        raise PlatformError(44004)
    if len(text.encode()) > MOST_BYTES:
        raise PlatformError(45002)
    if len(attached) > MOST_ATTACHMENTS:
        raise PlatformError(40058, f"more than {MOST_ATTACHMENTS} attachments")
    if not all(isinstance(x, dict) and str(x.get("msgtype")) in ATTACHMENTS for x in attached):
        raise PlatformError(40008)
    return text or "[附件]"


def get_groupmsg_list_v2(platform: SimulatedPlatform, corp: Corp, fields: dict[str, Any]) -> PlatformResponse:
    """The mass sends of a period of at most a month."""
    start, end = fields.get("start_time"), fields.get("end_time")
    if not isinstance(start, int) or not isinstance(end, int) or not 0 <= end - start <= MONTH_S:
        raise PlatformError(40035, "start_time and end_time are seconds, at most a month apart")
    if fields.get("chat_type") != "group" or fields.get("filter_type", 2) not in (0, 1, 2):
        raise PlatformError(40035, "chat_type or filter_type")
    creator = fields.get("creator")
    tasks = [] if fields.get("filter_type") == 1 else platform.mass_sends.of(corp)
    listed = [
        _listed(platform, task)
        for task in tasks
        if start <= _seconds(platform, task.created_s) <= end and creator in (None, "", task.owner)
    ]
    page, following = _page(listed, fields, most=100, usual=50)
    return fine(next_cursor=following, group_msg_list=page)


def _listed(platform: SimulatedPlatform, task: MassSend) -> dict[str, Any]:
    entry = {
        "msgid": task.msgid, "creator": task.owner, "create_time": _seconds(platform, task.created_s),
        "create_type": 0, "text": {"content": task.text}, "attachments": [],
    }  # fmt: skip
    if platform.faults.withhold_creator:
        del entry["creator"]
    return entry


def get_groupmsg_task(platform: SimulatedPlatform, corp: Corp, fields: dict[str, Any]) -> PlatformResponse:
    """Whether the owner has tapped."""
    task = _asked_about(platform, corp, fields)
    entry: dict[str, Any] = {"userid": task.owner, "status": 0 if task.sent_s is None else 2}
    if task.sent_s is not None:
        entry["send_time"] = _seconds(platform, task.sent_s)
    page, following = _page([entry], fields, most=1000, usual=500)
    return fine(next_cursor=following, task_list=page)


def get_groupmsg_send_result(
    platform: SimulatedPlatform, corp: Corp, fields: dict[str, Any]
) -> PlatformResponse:
    """The result for each chat, once the owner has tapped; before that the list is empty."""
    task = _asked_about(platform, corp, fields)
    if fields.get("userid") != task.owner:
        raise PlatformError(60111)
    at = None if task.sent_s is None else _seconds(platform, task.sent_s)
    results = [
        {"chat_id": chat, "userid": task.owner, "status": status, "send_time": at}
        for chat, status in task.results
    ]
    page, following = _page(results, fields, most=1000, usual=500)
    return fine(next_cursor=following, send_list=page)


def remind_groupmsg_send(platform: SimulatedPlatform, corp: Corp, fields: dict[str, Any]) -> PlatformResponse:
    """Remind the owner, at most three times a day."""
    task = _task(platform, corp, fields)
    if not platform.mass_sends.remind(task):
        raise PlatformError(45009, "a message is reminded of at most 3 times in 24 hours")
    return fine()


def cancel_groupmsg_send(platform: SimulatedPlatform, corp: Corp, fields: dict[str, Any]) -> PlatformResponse:
    """Cancel the task unless the owner has tapped."""
    _task(platform, corp, fields).cancelled = True
    return fine()


def groupchat_list(platform: SimulatedPlatform, corp: Corp, fields: dict[str, Any]) -> PlatformResponse:
    """The chats of some owners, or of all."""
    given = fields.get("owner_filter") or {}
    owners = given.get("userid_list", []) if isinstance(given, dict) else None
    if not isinstance(owners, list) or fields.get("status_filter", 0) not in (0, 1, 2, 3):
        raise PlatformError(40035)
    if len(owners) > 100:
        raise PlatformError(40058, "userid_list exceeds 100")
    if not owners and len(platform.owners) > 1000:
        raise PlatformError(81017)
    chats = [
        {"chat_id": chat.chat_id, "status": 0}
        for chat in platform.roster.chats
        if platform.corp_of(chat) is corp and (not owners or chat.owner in owners)
    ]
    page, following = _page(
        chats if fields.get("status_filter", 0) == 0 else [], fields, most=1000, usual=1000
    )
    return fine(group_chat_list=page, next_cursor=following)


def groupchat_get(platform: SimulatedPlatform, corp: Corp, fields: dict[str, Any]) -> PlatformResponse:
    """One chat with its owner; residents have no names here."""
    chat = platform.chats.get(str(fields.get("chat_id", "")))
    if chat is None or platform.corp_of(chat) is not corp:
        raise PlatformError(40050)
    residents = [
        {"userid": f"wm{chat.chat_id}{n:04d}", "type": 2, "join_scene": 3} for n in range(chat.members)
    ]
    known = {
        "chat_id": chat.chat_id, "name": chat.name, "owner": chat.owner, "create_time": 1_700_000_000,
        "notice": "", "member_list": [{"userid": chat.owner, "type": 1, "join_scene": 1}, *residents],
        "admin_list": [], "member_version": "simulation",
    }  # fmt: skip
    return fine(group_chat=known)


def message_send(platform: SimulatedPlatform, corp: Corp, fields: dict[str, Any]) -> PlatformResponse:
    """A text to some persons, officers and owners by their ids; names those whom it did not reach."""
    said, given = fields.get("text"), fields.get("touser")
    text = said.get("content") if isinstance(said, dict) else None
    if fields.get("msgtype") != "text" or not isinstance(text, str):
        raise PlatformError(40008, "only msgtype text is simulated")
    if not corp.agentid or fields.get("agentid") != corp.agentid:
        raise PlatformError(40056)
    if not text:
        raise PlatformError(44004)
    wanted = [x for x in given.split("|") if x] if isinstance(given, str) else []
    known = [x for x in wanted if x in platform.people or x in platform.owners]
    if not known:
        raise PlatformError(81013)
    for person_id in known:
        if platform.take(WECOM_APP.name, f"{corp.name}/{person_id}"):  # else dropped, and nobody is told
            platform.notify(person_id)
    invalid = "|".join(x.lower() for x in wanted if x not in known)
    return fine(invaliduser=invalid, invalidparty="", invalidtag="", unlicenseduser="", msgid="simulation")


def _task(platform: SimulatedPlatform, corp: Corp, fields: dict[str, Any]) -> MassSend:
    task = platform.mass_sends.find(fields.get("msgid"), corp)
    if task is None:
        raise PlatformError(40035, "no such msgid")
    return task


def _asked_about(platform: SimulatedPlatform, corp: Corp, fields: dict[str, Any]) -> MassSend:
    task = _task(platform, corp, fields)
    if platform.clock.now_s() < task.created_s + DISPATCH_S:
        raise PlatformError(41063)
    return task


def _page(rows: list[Any], fields: dict[str, Any], *, most: int, usual: int) -> tuple[list[Any], str]:
    """(rows of the page that limit and cursor select, cursor of the next page)."""
    limit, cursor = fields.get("limit", usual), fields.get("cursor") or "c0"
    if not isinstance(limit, int) or not 1 <= limit <= most:
        raise PlatformError(40035, f"limit is 1 to {most}")
    if not isinstance(cursor, str) or not re.fullmatch(r"c\d{1,9}", cursor):
        raise PlatformError(40035, "no such cursor")
    start = int(cursor[1:])
    return rows[start : start + limit], f"c{start + limit}" if start + limit < len(rows) else ""


def _seconds(platform: SimulatedPlatform, at_s: float) -> int:
    return platform.clock.real_ms(at_s) // 1000


def _entered(
    work: WecomHandler, name: str
) -> Callable[[SimulatedPlatform, PlatformRequest], PlatformResponse]:
    """``work`` behind the checks of every request: token, rate limit, JSON, charset."""

    def answer(platform: SimulatedPlatform, request: PlatformRequest) -> PlatformResponse:
        corp = _corp(platform, request.query.get("access_token", ""))
        if not platform.take(CHANNEL, f"{corp.name}/{name}"):
            raise PlatformError(45009)
        fields = request.fields()
        if fields is None:
            raise PlatformError(40008, "the body is no JSON object")
        if request.escaped():
            raise PlatformError(40033)
        platform.mass_sends.settle()
        return work(platform, corp, fields)

    return answer


def _corp(platform: SimulatedPlatform, given: str) -> Corp:
    """The corp of the access token."""
    token = platform.tokens.get(given)
    if token is None:
        raise PlatformError(40014 if given else 41001)
    corp = platform.by_name.get(token.corp)
    if corp is None or corp.name in platform.faults.dead_credentials:
        raise PlatformError(40014)
    if platform.lives_s(token) <= 0:
        raise PlatformError(42001)
    return corp


def _endpoint(work: WecomHandler, path: str) -> Endpoint:
    name = path.replace("/", "_") if path.startswith("groupchat") else path
    return Endpoint(
        way=f"{CHANNEL}/{name}", method="POST", path=f"/cgi-bin/externalcontact/{path}",
        answer=_entered(work, name), target=_target, refuse=refuse, busy=45009,
    )  # fmt: skip


def _target(request: PlatformRequest) -> str:
    """What the request is about, so that faults do not depend on the order of requests."""
    fields = request.fields() or {}
    about = ("msgid", "sender", "chat_id", "touser")
    return str(next((fields[x] for x in about if fields.get(x)), ""))


ENDPOINTS = [
    Endpoint(f"{CHANNEL}/gettoken", "GET", "/cgi-bin/gettoken", gettoken,
             lambda request: request.query.get("corpid", ""), refuse, 45009),
    _endpoint(add_msg_template, "add_msg_template"),
    _endpoint(get_groupmsg_list_v2, "get_groupmsg_list_v2"),
    _endpoint(get_groupmsg_task, "get_groupmsg_task"),
    _endpoint(get_groupmsg_send_result, "get_groupmsg_send_result"),
    _endpoint(remind_groupmsg_send, "remind_groupmsg_send"),
    _endpoint(cancel_groupmsg_send, "cancel_groupmsg_send"),
    _endpoint(groupchat_list, "groupchat/list"),
    _endpoint(groupchat_get, "groupchat/get"),
    Endpoint(f"{WECOM_APP.name}/message_send", "POST", "/cgi-bin/message/send",
             _entered(message_send, "message_send"), _target, refuse, 45009),
]  # fmt: skip
