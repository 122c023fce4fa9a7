"""WeCom's server API for customer groups: tokens, mass sends, chats. Errors are HTTP 200 with an errcode.

Shapes as in developer.work.weixin.qq.com, documents 91039, 92135, 96355, 97610, 97611, 93414, 96338.
"""

import re
import secrets
from collections.abc import Callable
from typing import Any

from fenghuo.simulator.mass_send import CHANNEL, DISPATCH_S, Task
from fenghuo.simulator.platform import Platform
from fenghuo.simulator.requests import Answer, Call, Endpoint, Wrong
from fenghuo.simulator.roster import Corp
from fenghuo.simulator.wecom_codes import fine, refuse

MOST_CHATS = 2000
MOST_ATTACHMENTS = 9
MOST_BYTES = 4000
MONTH_S = 31 * 86_400
ATTACHMENTS = frozenset({"image", "link", "miniprogram", "video", "file"})
_USERID = re.compile(r"[A-Za-z0-9][\w.@-]{0,63}", re.ASCII)
Work = Callable[[Platform, Corp, dict[str, Any]], Answer]


def gettoken(platform: Platform, call: Call) -> Answer:
    """An access token for corpid and corpsecret; the same one while it lives."""
    corp = platform.corps.get(call.query.get("corpid", ""))
    if corp is None:
        raise Wrong(40013)
    given = call.query.get("corpsecret", "")
    if corp.name in platform.faults.dead_credentials or not secrets.compare_digest(
        given.encode(), corp.secret.encode()
    ):
        raise Wrong(40001)
    text, left_s = platform.give_token(corp, secrets.token_urlsafe(48))
    return fine(access_token=text, expires_in=max(1, int(left_s)))


def add_msg_template(platform: Platform, corp: Corp, asked: dict[str, Any]) -> Answer:
    """Give one owner a task for some of their chats."""
    text, owner = _content(asked), asked.get("sender")
    if asked.get("chat_type") != "group":
        raise Wrong(40035, "only chat_type group is simulated")
    if not isinstance(owner, str) or not _USERID.fullmatch(owner):
        raise Wrong(40003)
    if owner not in platform.owners:
        raise Wrong(60111)
    own = platform.chats_of.get((corp.name, owner), [])
    wanted = asked.get("chat_id_list", own)
    if not isinstance(wanted, list):
        raise Wrong(40035, "chat_id_list is a list")
    if len(wanted) > MOST_CHATS:
        raise Wrong(40058, f"chat_id_list exceeds {MOST_CHATS}")
    if not all(isinstance(chat, str) for chat in wanted):
        raise Wrong(40035, "a chat id is a string")
    known = set(own)
    good = tuple(dict.fromkeys(chat for chat in wanted if chat in known))
    if not good:
        raise Wrong(41048)
    task = platform.tasks.create(corp, owner, good, text)
    return fine(fail_list=[chat for chat in wanted if chat not in known], msgid=task.msgid)


def _content(asked: dict[str, Any]) -> str:
    said = asked.get("text")
    text = said.get("content", "") if isinstance(said, dict) else ""
    attached = asked.get("attachments", [])
    if not isinstance(text, str) or not isinstance(attached, list):
        raise Wrong(40035)
    if not text and not attached:
        raise Wrong(44004)
    if len(text.encode()) > MOST_BYTES:
        raise Wrong(45002)
    if len(attached) > MOST_ATTACHMENTS:
        raise Wrong(40058, f"more than {MOST_ATTACHMENTS} attachments")
    if not all(isinstance(x, dict) and str(x.get("msgtype")) in ATTACHMENTS for x in attached):
        raise Wrong(40008)
    return text or "[附件]"


def get_groupmsg_list_v2(platform: Platform, corp: Corp, asked: dict[str, Any]) -> Answer:
    """The mass sends of a span of at most a month."""
    start, end = asked.get("start_time"), asked.get("end_time")
    if not isinstance(start, int) or not isinstance(end, int) or not 0 <= end - start <= MONTH_S:
        raise Wrong(40035, "start_time and end_time are seconds, at most a month apart")
    if asked.get("chat_type") != "group" or asked.get("filter_type", 2) not in (0, 1, 2):
        raise Wrong(40035, "chat_type or filter_type")
    creator = asked.get("creator")
    mine = [] if asked.get("filter_type") == 1 else platform.tasks.of(corp)
    listed = [
        _listed(platform, task)
        for task in mine
        if start <= _seconds(platform, task.created_s) <= end and creator in (None, "", task.owner)
    ]
    page, following = _page(listed, asked, most=100, usual=50)
    return fine(next_cursor=following, group_msg_list=page)


def _listed(platform: Platform, task: Task) -> dict[str, Any]:
    entry = {
        "msgid": task.msgid, "creator": task.owner, "create_time": _seconds(platform, task.created_s),
        "create_type": 0, "text": {"content": task.text}, "attachments": [],
    }  # fmt: skip
    if platform.faults.withhold_creator:
        del entry["creator"]
    return entry


def get_groupmsg_task(platform: Platform, corp: Corp, asked: dict[str, Any]) -> Answer:
    """Whether the owner has tapped."""
    task = _asked_about(platform, corp, asked)
    entry: dict[str, Any] = {"userid": task.owner, "status": 0 if task.sent_s is None else 2}
    if task.sent_s is not None:
        entry["send_time"] = _seconds(platform, task.sent_s)
    page, following = _page([entry], asked, most=1000, usual=500)
    return fine(next_cursor=following, task_list=page)


def get_groupmsg_send_result(platform: Platform, corp: Corp, asked: dict[str, Any]) -> Answer:
    """What became of each chat, once the owner has tapped; before that nothing is listed."""
    task = _asked_about(platform, corp, asked)
    if asked.get("userid") != task.owner:
        raise Wrong(60111)
    at = None if task.sent_s is None else _seconds(platform, task.sent_s)
    results = [
        {"chat_id": chat, "userid": task.owner, "status": status, "send_time": at}
        for chat, status in task.results
    ]
    page, following = _page(results, asked, most=1000, usual=500)
    return fine(next_cursor=following, send_list=page)


def remind_groupmsg_send(platform: Platform, corp: Corp, asked: dict[str, Any]) -> Answer:
    """Remind the owner, at most three times a day."""
    task = _task(platform, corp, asked)
    if not platform.tasks.remind(task):
        raise Wrong(45009, "a message is reminded of at most 3 times in 24 hours")
    return fine()


def cancel_groupmsg_send(platform: Platform, corp: Corp, asked: dict[str, Any]) -> Answer:
    """Stop what was not sent yet; what was stays sent."""
    _task(platform, corp, asked).cancelled = True
    return fine()


def groupchat_list(platform: Platform, corp: Corp, asked: dict[str, Any]) -> Answer:
    """The chats of some owners, or of all."""
    given = asked.get("owner_filter") or {}
    owners = given.get("userid_list", []) if isinstance(given, dict) else None
    if not isinstance(owners, list) or asked.get("status_filter", 0) not in (0, 1, 2, 3):
        raise Wrong(40035)
    if len(owners) > 100:
        raise Wrong(40058, "userid_list exceeds 100")
    if not owners and len(platform.owners) > 1000:
        raise Wrong(81017)
    chats = [
        {"chat_id": chat.chat_id, "status": 0}
        for chat in platform.roster.chats
        if platform.corp_of(chat) is corp and (not owners or chat.owner in owners)
    ]
    page, following = _page(chats if asked.get("status_filter", 0) == 0 else [], asked, most=1000, usual=1000)
    return fine(group_chat_list=page, next_cursor=following)


def groupchat_get(platform: Platform, corp: Corp, asked: dict[str, Any]) -> Answer:
    """One chat with its owner; residents have no names here."""
    chat = platform.chats.get(str(asked.get("chat_id", "")))
    if chat is None or platform.corp_of(chat) is not corp:
        raise Wrong(40050)
    residents = [
        {"userid": f"wm{chat.chat_id}{n:04d}", "type": 2, "join_scene": 3} for n in range(chat.members)
    ]
    known = {
        "chat_id": chat.chat_id, "name": chat.name, "owner": chat.owner, "create_time": 1_700_000_000,
        "notice": "", "member_list": [{"userid": chat.owner, "type": 1, "join_scene": 1}, *residents],
        "admin_list": [], "member_version": "simulation",
    }  # fmt: skip
    return fine(group_chat=known)


def _task(platform: Platform, corp: Corp, asked: dict[str, Any]) -> Task:
    task = platform.tasks.find(asked.get("msgid"), corp)
    if task is None:
        raise Wrong(40035, "no such msgid")
    return task


def _asked_about(platform: Platform, corp: Corp, asked: dict[str, Any]) -> Task:
    task = _task(platform, corp, asked)
    if platform.clock.now_s() < task.created_s + DISPATCH_S:
        raise Wrong(41063)
    return task


def _page(rows: list[Any], asked: dict[str, Any], *, most: int, usual: int) -> tuple[list[Any], str]:
    """The rows that limit and cursor ask for, and the cursor of what follows."""
    limit, cursor = asked.get("limit", usual), asked.get("cursor") or "c0"
    if not isinstance(limit, int) or not 1 <= limit <= most:
        raise Wrong(40035, f"limit is 1 to {most}")
    if not isinstance(cursor, str) or not re.fullmatch(r"c\d{1,9}", cursor):
        raise Wrong(40035, "no such cursor")
    start = int(cursor[1:])
    return rows[start : start + limit], f"c{start + limit}" if start + limit < len(rows) else ""


def _seconds(platform: Platform, at_s: float) -> int:
    return platform.clock.real_ms(at_s) // 1000


def _entered(work: Work, name: str) -> Callable[[Platform, Call], Answer]:
    """``work`` behind the checks of every call: token, rate, JSON, charset."""

    def answer(platform: Platform, call: Call) -> Answer:
        corp = _corp(platform, call.query.get("access_token", ""))
        if not platform.take(CHANNEL, f"{corp.name}/{name}"):
            raise Wrong(45009)
        asked = call.fields()
        if asked is None:
            raise Wrong(40008, "the body is no JSON object")
        if call.escaped():
            raise Wrong(40033)
        platform.tasks.settle()
        return work(platform, corp, asked)

    return answer


def _corp(platform: Platform, given: str) -> Corp:
    """Whose the access token is."""
    token = platform.tokens.get(given)
    if token is None:
        raise Wrong(40014 if given else 41001)
    corp = platform.by_name.get(token.corp)
    if corp is None or corp.name in platform.faults.dead_credentials:
        raise Wrong(40014)
    if platform.lives_s(token) <= 0:
        raise Wrong(42001)
    return corp


def _endpoint(work: Work, path: str) -> Endpoint:
    name = path.replace("/", "_") if path.startswith("groupchat") else path
    return Endpoint(
        way=f"{CHANNEL}/{name}", method="POST", path=f"/cgi-bin/externalcontact/{path}",
        answer=_entered(work, name), target=_target, refuse=refuse, busy=45009,
    )  # fmt: skip


def _target(call: Call) -> str:
    """Whom the call is about, so that faults do not depend on the order of calls."""
    asked = call.fields() or {}
    return str(asked.get("msgid") or asked.get("sender") or asked.get("chat_id") or "")


ENDPOINTS = [
    Endpoint(f"{CHANNEL}/gettoken", "GET", "/cgi-bin/gettoken", gettoken,
             lambda call: call.query.get("corpid", ""), refuse, 45009),
    _endpoint(add_msg_template, "add_msg_template"),
    _endpoint(get_groupmsg_list_v2, "get_groupmsg_list_v2"),
    _endpoint(get_groupmsg_task, "get_groupmsg_task"),
    _endpoint(get_groupmsg_send_result, "get_groupmsg_send_result"),
    _endpoint(remind_groupmsg_send, "remind_groupmsg_send"),
    _endpoint(cancel_groupmsg_send, "cancel_groupmsg_send"),
    _endpoint(groupchat_list, "groupchat/list"),
    _endpoint(groupchat_get, "groupchat/get"),
]  # fmt: skip
