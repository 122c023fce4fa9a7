"""Residents' groups on WeCom (客户群): a task for the owner of many groups, who taps once in the client.

Nothing is shown before the tap. The platform has no idempotency key, but it can be asked which tasks there
are.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta

from broadcast.channels.access_tokens import TenantApp, TokenStore
from broadcast.channels.base import Created, Progress, SendResult, SendStatus, Task
from broadcast.channels.http.client import HttpClient
from broadcast.channels.platform_codes import Kind, Platform, code_of, meaning
from broadcast.channels.text_truncation import truncate
from broadcast.channels.wecom_api import URL, WecomApi
from fenghuo import clock
from fenghuo.domain.channels import WECOM_CUSTOMER_GROUP

SKEW_S = 60.0
"""How far the platform's clock may be behind ours."""
LONGEST_SPAN = timedelta(days=30)
"""Of the records that can be asked for at once."""
MOST_PAGES = 200
_TAPPED, _SENT, _BY_ONESELF = 2, 1, 1
_REFUSALS = {2: "the platform says that the group is not reachable", 3: "the group's quota is used up"}


class WecomCustomerGroup:
    """Makes tasks and asks for them. ``credentials`` are the tenant's apps by name."""

    name = WECOM_CUSTOMER_GROUP.name
    most_chats = WECOM_CUSTOMER_GROUP.max_chats

    def __init__(
        self, http: HttpClient, credentials: Mapping[str, TenantApp], tokens: TokenStore, url: str = URL
    ) -> None:
        self._api = WecomApi(http, credentials, tokens, url)

    def per_second(self, credential: str) -> float:
        """Calls a second: 150,000 an hour is the tightest of WeCom's limits for one tenant and interface."""
        return 40.0

    async def create(self, task: Task) -> Created:
        """Make the task once. After a timeout, a server's error or "busy" it may stand all the same:
        UNKNOWN."""
        if not 0 < len(task.chats) <= self.most_chats:
            return Created(SendResult(SendStatus.REFUSED, f"a task is for 1 to {self.most_chats} groups"))
        try:
            text = truncate(task.text, WECOM_CUSTOMER_GROUP.max_bytes)
        except ValueError as error:
            return Created(SendResult(SendStatus.REFUSED, str(error)))
        asked = {
            "chat_type": "group", "sender": task.sender, "chat_id_list": list(task.chats),
            "text": {"content": text},
        }  # fmt: skip
        sent, said = await self._call(task, "add_msg_template", asked)
        if sent.verdict is not SendStatus.SHOWN:
            busy = code_of(Platform.WECOM, said)
            maybe = busy is not None and meaning(Platform.WECOM, busy).kind is Kind.RETRY
            return Created(SendResult(SendStatus.UNKNOWN, sent.reason) if maybe else sent)
        refused = frozenset(x for x in _list(said, "fail_list") if isinstance(x, str)) & set(task.chats)
        task_id = said.get("msgid")
        if isinstance(task_id, str) and task_id:
            return Created(SendResult(SendStatus.WAITING), task_id, refused)
        if refused == set(task.chats):
            return Created(
                SendResult(SendStatus.REFUSED, "the platform takes none of the groups"), refused=refused
            )
        return Created(SendResult(SendStatus.UNKNOWN, "the task was made without an id"))

    async def find(self, task: Task, since: datetime) -> Created:
        """The task with this sender and this very text, made since ``since``.

        The platform does not say who made a task that came over the interface, so each task of that text is
        asked for its owner. Two tasks of one owner with one text cannot be told apart, and are UNKNOWN.
        """
        now = clock.now()
        begin = max(since - timedelta(seconds=SKEW_S), now - LONGEST_SPAN)
        asked = {
            "chat_type": "group", "start_time": int(begin.timestamp()),
            "end_time": int((now + timedelta(seconds=SKEW_S)).timestamp()), "filter_type": 2, "limit": 100,
        }  # fmt: skip
        try:
            text = truncate(task.text, WECOM_CUSTOMER_GROUP.max_bytes)
            rows = [row async for row in self._pages(task, "get_groupmsg_list_v2", asked, "group_msg_list")]
            alike = [str(row["msgid"]) for row in rows if _may_be(row, task.sender, text, begin)]
            ours = [task_id for task_id in alike if await self._owned(task, task_id)]
        except ValueError as error:
            return Created(SendResult(SendStatus.REFUSED, str(error)))
        except _NotAsked as stopped:
            return Created(stopped.sent)
        if len(ours) > 1:
            return Created(
                SendResult(SendStatus.UNKNOWN, f"the platform has {len(ours)} tasks like this one")
            )
        if ours:
            return Created(SendResult(SendStatus.WAITING), ours[0])
        return Created(SendResult(SendStatus.REFUSED, "the platform has no such task"))

    async def progress(self, task: Task, task_id: str) -> Progress:
        """The owner first, then the groups: so when the owner had tapped, the groups' outcomes are all
        there."""
        try:
            owner = await self._owner(task, task_id)
            if owner is None:
                return Progress(False, why="the platform does not know the task or its owner")
            asked = {"msgid": task_id, "userid": task.sender, "limit": 1000}
            rows = [row async for row in self._pages(task, "get_groupmsg_send_result", asked, "send_list")]
        except _NotAsked as stopped:
            return Progress(False, why=stopped.sent.reason)
        wanted, tapped = set(task.chats), owner.get("status") == _TAPPED
        chats: dict[str, tuple[SendResult, datetime]] = {}
        for row in rows:
            chat, outcome = row.get("chat_id"), _outcome(row.get("status"))
            if isinstance(chat, str) and chat in wanted and outcome is not None:
                chats[chat] = (
                    outcome,
                    _time(row.get("send_time")) or _time(owner.get("send_time")) or clock.now(),
                )
        return Progress(True, chats, tapped)

    async def remind(self, task: Task, task_id: str) -> SendResult:
        """Have the platform remind the owner, at most three times in 24 hours."""
        return (await self._call(task, "remind_groupmsg_send", {"msgid": task_id}))[0]

    async def cancel(self, task: Task, task_id: str) -> SendResult:
        """Stop what is not sent yet; safe to repeat."""
        return (await self._call(task, "cancel_groupmsg_send", {"msgid": task_id}))[0]

    async def aclose(self) -> None:
        await self._api.aclose()

    async def _owned(self, task: Task, task_id: str) -> bool:
        return await self._owner(task, task_id) is not None

    async def _owner(self, task: Task, task_id: str) -> Mapping[str, object] | None:
        """The row of the task's sender; None if the task is not the sender's."""
        asked = {"msgid": task_id, "limit": 1000}
        rows = [row async for row in self._pages(task, "get_groupmsg_task", asked, "task_list")]
        return next((row for row in rows if row.get("userid") == task.sender), None)

    async def _pages(
        self, task: Task, path: str, asked: Mapping[str, object], rows: str
    ) -> AsyncIterator[Mapping[str, object]]:
        """Every row of every page. Raises _NotAsked at the first page that is not to be had."""
        cursor = ""
        for _ in range(MOST_PAGES):
            sent, said = await self._call(task, path, {**asked, "cursor": cursor})
            if sent.verdict is not SendStatus.SHOWN:
                raise _NotAsked(sent)
            for row in _list(said, rows):
                if isinstance(row, dict):
                    yield row
            following = said.get("next_cursor")
            if not isinstance(following, str) or not following:
                return
            cursor = following
        raise _NotAsked(SendResult(SendStatus.UNKNOWN, f"more than {MOST_PAGES} pages of {path}"))

    async def _call(
        self, task: Task, path: str, asked: Mapping[str, object]
    ) -> tuple[SendResult, Mapping[str, object]]:
        return await self._api.call(task.credential, f"externalcontact/{path}", asked)


class _NotAsked(Exception):
    """The platform could not be asked; ``sent`` says why, REFUSED never: that would read as "there is
    none"."""

    def __init__(self, sent: SendResult) -> None:
        super().__init__(sent.reason)
        self.sent = (
            SendResult(SendStatus.UNKNOWN, sent.reason) if sent.verdict is SendStatus.REFUSED else sent
        )


def _list(said: Mapping[str, object], name: str) -> Sequence[object]:
    found = said.get(name)
    return found if isinstance(found, list) else []


def _may_be(row: Mapping[str, object], sender: str, text: str, begin: datetime) -> bool:
    """Whether a record can be the task: its text and time are, and it names no other creator. What an owner
    sent on their own names them, too, and is of type 1."""
    said, made, creator = row.get("text"), _time(row.get("create_time")), row.get("creator")
    return (
        isinstance(said, dict)
        and str(said.get("content", "")).strip() == text.strip()
        and (made is None or made >= begin.replace(microsecond=0))
        and (not creator or (creator == sender and row.get("create_type") != _BY_ONESELF))
        and bool(row.get("msgid"))
    )


def _outcome(status: object) -> SendResult | None:
    if status == _SENT:
        return SendResult(SendStatus.SHOWN)
    reason = _REFUSALS.get(status) if isinstance(status, int) else None
    return None if reason is None else SendResult(SendStatus.REFUSED, reason)


def _time(seconds: object) -> datetime | None:
    """The time of a whole number of seconds, also when it is written as text; None for 0 and anything
    else."""
    try:
        whole = int(seconds) if isinstance(seconds, int | str) else 0
    except ValueError:
        return None
    return clock.from_ms(whole * 1000) if 0 < whole < 1 << 33 else None
