"""Replies to people who reported, in the group they reported from. Reads replies.requested; writes nothing.

The reply is on the desk already, where the reporter's own page finds it; here it is sent to the group, on
channels that carry replies. Replies from before a restart are sent late rather than not at all. Alerts go
first: replies take only what alerts leave of a channel's rate.
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
    """Sends one reply for each report and kind: the channel ignores a repeated idempotency key."""

    def __init__(self, desk: Desk, rate_limiter: RateLimiter, channels: Mapping[str, MessageChannel]) -> None:
        self._desk = desk
        self._rate_limiter = rate_limiter
        self._channels = channels
        self._sent_keys: set[str] = set()
        """Keys sent of a batch that alerts interrupted: it is tried again as a whole."""

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
        self._sent_keys.clear()
        return Outcome()

    async def _send(self, channel: MessageChannel, messages: Sequence[Message]) -> None:
        """Raises Transient when alerts have kept the channel busy for PATIENCE_S; what was sent by then is
        not sent again."""
        began = time.monotonic()
        waiting = [x for x in messages if x.idempotency_key not in self._sent_keys]
        while waiting:
            bucket = breaker_key(channel.name, "")
            taken, wait_s = await self._rate_limiter.take(
                bucket, channel.per_second(""), len(waiting), after_alerts=True
            )
            if taken:
                await channel.send(waiting[:taken])
                self._sent_keys |= {x.idempotency_key for x in waiting[:taken]}
            waiting = waiting[taken:]
            if waiting and time.monotonic() - began + wait_s > PATIENCE_S:
                raise Transient(f"alerts go first on {channel.name}")
            if waiting:
                await asyncio.sleep(wait_s)


def _message(x: e.ReplyRequested, group: e.Group) -> Message:
    return Message(
        idempotency_key=e.derive_id("reply", x.report_id, x.kind), group_id=group.group_id,
        target=group.target,
        kind="reply", subject=x.report_id, text=x.text, severity="moderate",
    )  # fmt: skip
