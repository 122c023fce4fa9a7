"""Notifies a person that groups wait for a tap. Reads notices.requested, and puts them on the desk.

Best effort: one attempt, for a few seconds, by the person's own channel (``Person.notify``), or else by the
user id through the tenant's app. A person without either, or who is not reached, still finds the groups on
the to-do page, and the next level is notified in time.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence

from broadcast.channels.base import Message, MessageChannel
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.channels import TAPPED_HERE
from fenghuo.domain.delivery import LedgerRow
from fenghuo.errors import Refused
from fenghuo.security.sealing import unseal
from fenghuo.settings import Settings
from fenghuo.transport.stage import Outcome

log = logging.getLogger(__name__)
SEND_S = 6.0
"""A notice that has not gone out within this long is given up."""
AT_ONCE = 20

_TAP = {
    "todo": "有 {n} 个群等您转发{what}：{title}。",
    "remind": "提醒：还有 {n} 个群等您转发{what}：{title}。",
    "deputy": "群主还没有转发，请您代发 {n} 个群的{what}：{title}。",
    "station": "本所还有 {n} 个群没有转发{what}：{title}。",
}
_ELSEWHERE = "企业微信里有 {n} 个群的{what}任务等您点“发送”：{title}。"


class NoticeSender:
    """Sends each notice once: one that is on the desk already has been sent."""

    def __init__(
        self,
        desk: Desk,
        channels: Mapping[str, MessageChannel],
        by_user_id: Mapping[str, str],
        settings: Settings,
    ) -> None:
        self._desk = desk
        self._channels = channels
        self._by_user_id = by_user_id
        self._key = settings.secret_key.get_secret_value()
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._page = f"{settings.public_url.rstrip('/')}/todo" if settings.public_url else ""

    async def on_notices_requested(self, events: Sequence[e.Event]) -> Outcome:
        notices = list({x.event_id: x for x in events if isinstance(x, e.NoticeRequested)}.values())
        made = await self._desk.notices.recorded(notices)
        notices = [x for x in notices if x.event_id not in made]
        releases = {(x.alert_id, x.version, x.kind) for x in notices}
        ledgers = {key: await self._desk.deliveries.ledger(*key) for key in releases}
        groups = await self._desk.directory.groups() if notices else {}
        going = []
        for x in notices:
            rows = rows_of(x, ledgers[x.alert_id, x.version, x.kind], groups)
            message, channel = await self._message(x, rows)
            if message is not None:
                going.append(self._send(channel, message))
        await asyncio.gather(*going)
        return Outcome()

    async def _message(
        self, x: e.NoticeRequested, rows: Mapping[str, LedgerRow]
    ) -> tuple[Message | None, str]:
        """The message and its channel; None where there is no way, or nothing waits any more."""
        person = await self._desk.directory.person(x.person_id)
        way = way_to(person, self._by_user_id) if person is not None else None
        if way is None or way.channel not in self._channels:
            return None, ""
        release = await self._desk.releases.get(x.alert_id, x.version)
        text = text_of(x, rows, release.title if release else "", self._page)
        if not text:
            return None, ""
        try:
            target, secret = unseal(way.target, self._key), unseal(way.secret, self._key)
        except Refused:
            log.warning("a person's notify address cannot be unsealed", extra={"person": x.person_id})
            return None, ""
        message = Message(
            idempotency_key=x.event_id, group_id=x.person_id, target=target, secret=secret,
            credential=way.credential, kind="notice", subject=x.alert_id, text=text, severity=x.severity,
        )  # fmt: skip
        return message, way.channel

    async def _send(self, name: str, message: Message) -> None:
        """Try it once; a failure is only logged, without the address."""
        try:
            async with self._gate, asyncio.timeout(SEND_S):
                [sent] = await self._channels[name].send([message])
            why = "" if sent.may_have_arrived else sent.reason or sent.verdict
        except Exception as error:
            why = type(error).__name__
        if why:
            log.warning(
                "a notice did not go out", extra={"person": message.group_id, "channel": name, "why": why}
            )


def way_to(person: e.Person, by_user_id: Mapping[str, str]) -> e.Binding | None:
    """How ``person`` is notified: the person's own way, else by the user id. ``by_user_id``: the channels
    that reach a person so, with their credentials. None: not at all. Pure."""
    if person.notify is not None or not person.userid:
        return person.notify
    ways = (e.Binding(channel=x, target=person.userid, credential=name) for x, name in by_user_id.items())
    return next(ways, None)


def rows_of(
    x: e.NoticeRequested, ledger: Mapping[str, LedgerRow], groups: Mapping[str, e.Group]
) -> dict[str, LedgerRow]:
    """The rows that a notice is about: its own groups', and for a first notice all of the owner's, since more
    may have begun to wait meanwhile. Pure."""
    group_ids = set(x.group_ids)
    if x.level == "todo":
        group_ids |= {g for g in ledger if g in groups and groups[g].owner == x.person_id}
    return {g: ledger[g] for g in sorted(group_ids & ledger.keys())}


def text_of(x: e.NoticeRequested, rows: Mapping[str, LedgerRow], title: str, page: str) -> str:
    """The notice's text about the groups that still wait by ``rows``; empty if none does. Pure."""
    waiting = [row.channel for row in rows.values() if row.state is e.DeliveryState.WAITING]
    here = sum(channel in TAPPED_HERE for channel in waiting)
    words = {"what": "更正" if x.kind == "correction" else "预警", "title": title}
    parts = []
    if here:
        open_page = f"打开 {page}" if page else "请打开烽火的“待办”"
        parts.append(_TAP[x.level].format(n=here, **words) + open_page)
    if len(waiting) > here:
        parts.append(_ELSEWHERE.format(n=len(waiting) - here, **words))
    return "【烽火】" + "\n".join(parts) if parts else ""
