"""Answers to those who reported, in the group they reported from. Reads replies.requested; writes nothing.

The answer itself is on the desk already (where the reporter's own page finds it); here it is said in the
group, on channels that carry replies. Answers from before a restart are said late rather than not at all, and
alerts overtake them: they take only what alerts leave of a channel's rate.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence

from broadcast.channels.base import Message, MessageChannel
from broadcast.limits.circuit_breaker import breaker_key
from broadcast.limits.rate_limiter import RateLimiter
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.channels import CARRY_REPLIES
from fenghuo.errors import Transient
from fenghuo.transport.stage import Outcome

PATIENCE_S = 10.0


class Replies:
    """Says each answer once for each report and kind (the channel ignores a repeated key)."""

    def __init__(self, desk: Desk, quota: RateLimiter, channels: Mapping[str, MessageChannel]) -> None:
        self._desk = desk
        self._quota = quota
        self._channels = channels
        self._said: set[str] = set()
        """Of a batch that alerts interrupted: it is tried again as a whole."""

    async def on_replies_requested(self, events: Sequence[e.Event]) -> Outcome:
        replies = [x for x in events if isinstance(x, e.ReplyRequested) and x.place.group_id]
        groups = await self._desk.directory.groups_by_id(sorted({x.place.group_id or "" for x in replies}))
        by_channel: dict[str, list[Message]] = {}
        for x in replies:
            group = groups.get(x.place.group_id or "")
            if group is not None and group.channel in CARRY_REPLIES & self._channels.keys():
                by_channel.setdefault(group.channel, []).append(_message(x, group))
        for name, messages in by_channel.items():
            await self._send(self._channels[name], messages)
        self._said.clear()
        return Outcome()

    async def _send(self, channel: MessageChannel, messages: Sequence[Message]) -> None:
        """Raises Transient when alerts have kept the channel busy for PATIENCE_S; what was said by then is
        not said again."""
        began = time.monotonic()
        left = [x for x in messages if x.idempotency_key not in self._said]
        while left:
            bucket = breaker_key(channel.name, "")
            taken, wait_s = await self._quota.take(
                bucket, channel.per_second(""), len(left), after_alerts=True
            )
            if taken:
                await channel.send(left[:taken])
                self._said |= {x.idempotency_key for x in left[:taken]}
            left = left[taken:]
            if left and time.monotonic() - began + wait_s > PATIENCE_S:
                raise Transient(f"alerts go first on {channel.name}")
            if left:
                await asyncio.sleep(wait_s)


def _message(x: e.ReplyRequested, group: e.Group) -> Message:
    return Message(
        idempotency_key=e.derive_id("reply", x.report_id, x.kind), group_id=group.group_id,
        target=group.target,
        kind="reply", subject=x.report_id, text=x.text, severity="moderate",
    )  # fmt: skip
