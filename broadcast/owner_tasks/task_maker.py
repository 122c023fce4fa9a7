"""Creates the tasks that owners tap: one call for all the groups of an owner.

A task is created once: after a crash or a timeout the platform is asked for it before it is created again.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from broadcast.channels.base import Created, SendResult, SendStatus, TaskChannel
from broadcast.deliveries.eligibility import (
    Conditions,
    Postponement,
    Refusal,
    Superseded,
    hold_back,
    open_way,
    when_halted,
)
from broadcast.deliveries.receipts import (
    as_delivery,
    attempt_receipt,
    backoff_s,
    receipt,
    superseded_receipt,
    to_be_tried,
    withheld_receipt,
)
from broadcast.deliveries.requests import require_all
from broadcast.limits.circuit_breaker import Breakers
from broadcast.limits.last_look import LastLook
from broadcast.limits.rate_limiter import RateLimiter
from broadcast.owner_tasks.task_attempt import TaskAttempt, task_changed
from fenghuo import clock
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.routing import route
from fenghuo.domain.taps import Tappers
from fenghuo.errors import Refused
from fenghuo.security.sealing import unseal
from fenghuo.settings import Settings

LATE = timedelta(seconds=1)
STILL_COMING = timedelta(seconds=5)
"""So long after a request was cut off it may still reach the platform: before, "no such task" proves
nothing."""
EARLIER = timedelta(minutes=5)
"""How far the platform's clock may lie behind ours when it is asked for a task."""
_NEVER_CREATED = Created(SendResult(SendStatus.REFUSED, "never made"))
Decision = Refusal | Postponement | Superseded


class TaskMaker:
    """Creates tasks. What comes of each is receipts for its groups, and how the task stands from now on."""

    def __init__(
        self,
        desk: Desk,
        rate_limiter: RateLimiter,
        channels: Mapping[str, TaskChannel],
        settings: Settings,
    ) -> None:
        self._desk = desk
        self._rate_limiter = rate_limiter
        self._channels = channels
        self._settings = settings
        self._quiet_hours = settings.quiet_from, settings.quiet_to
        self._key = settings.secret_key.get_secret_value()

    async def make(
        self,
        request: e.TaskRequested,
        release: e.Release,
        breakers: Breakers,
        last_look: LastLook,
        *,
        late: bool = False,
    ) -> list[e.Event]:
        """Create the task unless the ledger says that it exists. ``breakers`` and ``last_look`` are those of
        its batch; ``late``: the batch has no time left for it."""
        rows = await self._rows(request, last_look)
        wanted = [x for x in request.group_ids if to_be_tried(as_delivery(request, x), rows.get(x))]
        if not wanted:
            return []
        groups = await self._desk.directory.groups_by_id(wanted)
        require_all(wanted, groups)
        tappers = await self._desk.directory.tappers(groups.values())
        chats, receipts = self._chats(request, release, [groups[x] for x in wanted], tappers, rows)
        if not chats:
            return receipts
        some = groups[next(iter(chats))]
        sender = tappers.owner_userid(some)
        attempt = TaskAttempt(request, release, groups, tappers, chats, rows, sender)
        return receipts + await self._attempt(attempt, breakers, last_look, late=late)

    async def _rows(self, request: e.TaskRequested, last_look: LastLook) -> dict[str, LedgerRow]:
        """The ledger's rows of the task's groups."""
        x = request
        rows = await self._desk.deliveries.of_groups(x.alert_id, x.version, x.kind, x.group_ids)
        return {k: last_look.corrected(as_delivery(x, k), row) for k, row in rows.items()}

    def _chats(
        self,
        request: e.TaskRequested,
        release: e.Release,
        groups: Sequence[e.Group],
        tappers: Tappers,
        rows: Mapping[str, LedgerRow],
    ) -> tuple[dict[str, str], list[e.Event]]:
        """The groups' ids on the platform; receipts of the groups that have no open way to there."""
        chats: dict[str, str] = {}
        receipts: list[e.Event] = []
        for group in groups:
            chat = self._chat(request.channel, group, release, tappers)
            if isinstance(chat, str):
                chats[group.group_id] = chat
                continue
            row = rows.get(group.group_id)
            receipts.append(
                withheld_receipt(
                    chat,
                    as_delivery(request, group.group_id),
                    clock.now(),
                    may_have_arrived=row is not None and row.may_have_arrived,
                )
            )
        return chats, receipts

    def _chat(self, channel: str, group: e.Group, release: e.Release, tappers: Tappers) -> str | Refusal:
        way = open_way(channel, group, release, tappers, self._channels)
        if isinstance(way, Refusal):
            return way
        try:
            return unseal(way.target, self._key)
        except Refused as error:
            return Refusal(str(error), route(group, release, tappers, after=channel).channel)

    async def _attempt(
        self, attempt: TaskAttempt, breakers: Breakers, last_look: LastLook, *, late: bool
    ) -> list[e.Event]:
        held = self._held_back(attempt, breakers, last_look)
        if held:
            return held
        if late:
            return self._postpone(attempt, "rate", clock.now() + LATE)
        channel = self._channels[attempt.request.channel]
        per_second = channel.per_second(attempt.request.credential)
        taken, wait_s = await self._rate_limiter.take(attempt.breaker, per_second, 1)
        if not taken:
            return self._postpone(attempt, "rate", clock.now() + timedelta(seconds=max(0.2, wait_s)))
        if (cut_off_at := attempt.cut_off_at) is not None and clock.now() < cut_off_at + STILL_COMING:
            return self._postpone(attempt, "", cut_off_at + STILL_COMING, reason="its answer was lost")
        departures = attempt.departures()
        await last_look.mark_and_look(departures)
        superseded = last_look.stops(departures[0].request)
        created = await self._find_or_create(channel, attempt, may_create=not superseded)
        if superseded and created.sent.verdict is SendStatus.REFUSED:
            now = clock.now()
            return [
                superseded_receipt(attempt.delivery(x), now, may_have_arrived=False) for x in attempt.chats
            ]
        return self._settle(attempt, created, breakers)

    def _held_back(self, attempt: TaskAttempt, breakers: Breakers, last_look: LastLook) -> list[e.Event]:
        """The events of a task that is not to be created now; none: create it."""
        conditions = Conditions(
            now=clock.now(), latest=last_look.latest(attempt.request.alert_id),
            open_breaker=breakers.open_name(attempt.breaker), quiet_hours=self._quiet_hours,
        )  # fmt: skip
        decisions: dict[str, Decision] = {}
        for group_id in attempt.chats:
            decision = hold_back(
                attempt.delivery(group_id), attempt.release, conditions,
                next_channel=attempt.next_channel(group_id), may_have_arrived=attempt.may_have_arrived,
            )  # fmt: skip
            if decision is None or (isinstance(decision, Superseded) and attempt.may_have_arrived):
                return []  # a task that may exist is looked for, so that the poller can cancel it
            decisions[group_id] = decision
        return self._withhold(attempt, decisions)

    async def _find_or_create(
        self, channel: TaskChannel, attempt: TaskAttempt, *, may_create: bool
    ) -> Created:
        """The task as an earlier attempt created it, or as it is created now; REFUSED when it does not exist
        and must not be created."""
        found = _NEVER_CREATED
        if attempt.may_have_arrived:
            found = await channel.find(attempt.task(), attempt.release.approved_at - EARLIER)
            if await self._is_of_another(found.task_id, attempt.request.task_id):
                found = _NEVER_CREATED
        if found.sent.verdict is not SendStatus.REFUSED or not may_create:
            return found
        return await channel.create(attempt.task())

    async def _is_of_another(self, platform_id: str, task_id: str) -> bool:
        """Whether the platform's task is one that we created for other groups of the same owner."""
        tasks = (await self._desk.deliveries.open_tasks()).values() if platform_id else ()
        return any(x.platform_id == platform_id and x.task_id != task_id for x in tasks)

    def _settle(self, attempt: TaskAttempt, created: Created, breakers: Breakers) -> list[e.Event]:
        """The receipts of the task's groups, and the task as it stands."""
        now, sent = clock.now(), created.sent
        if sent.verdict is SendStatus.MISCONFIGURED:
            halted = breakers.trip(attempt.breaker, sent.reason)
            return [*halted, *self._withhold(attempt, self._when_halted(attempt, sent.reason))]
        events = breakers.record(attempt.breaker, failed=sent.failed)
        if sent.verdict is SendStatus.WAITING:
            return [*events, *self._opened(attempt, created, now)]
        failures = attempt.request.failures + sent.failed
        if sent.verdict is SendStatus.REFUSED or failures >= self._settings.delivery_attempts:
            last = SendResult(
                SendStatus.UNKNOWN if sent.verdict is SendStatus.UNKNOWN else SendStatus.REFUSED, sent.reason
            )
            return [*events, *(self._ended(attempt, x, last) for x in attempt.chats)]
        return [*events, *self._retry(attempt, sent, failures, now)]

    def _opened(self, attempt: TaskAttempt, created: Created, now: datetime) -> list[e.Event]:
        refused = [x for x, chat in attempt.chats.items() if chat in created.refused]
        waiting = [x for x in attempt.chats if x not in refused]
        unknown_group = SendResult(SendStatus.REFUSED, "the platform does not know the group")
        events: list[e.Event] = [self._ended(attempt, x, unknown_group) for x in refused]
        # without their rows: an earlier attempt's doubt is settled now, and nothing arrives before a tap
        events += [
            receipt(as_delivery(attempt.request, x), e.DeliveryState.WAITING, "", now) for x in waiting
        ]
        if waiting:
            task = attempt.open_task(waiting, now, platform_id=created.task_id)
            events.append(task_changed(task, "opened", now))
        return events

    def _retry(self, attempt: TaskAttempt, sent: SendResult, failures: int, now: datetime) -> list[e.Event]:
        """A task that was not created, or of which that is not known, is tried again later."""
        due = now + timedelta(seconds=sent.retry_after_s or backoff_s(self._settings.retry_base_s, failures))
        if sent.verdict is SendStatus.UNKNOWN:
            due = max(due, now + STILL_COMING)
        return self._postpone(
            attempt, "rate" if sent.throttled else "", due, reason=sent.reason, failures=failures,
            may_have_arrived=sent.verdict is SendStatus.UNKNOWN,
        )  # fmt: skip

    def _ended(self, attempt: TaskAttempt, group_id: str, sent: SendResult) -> e.Event:
        return attempt_receipt(
            attempt.delivery(group_id), sent, now=clock.now(), attempts=1,
            base_s=self._settings.retry_base_s, can_ask=False,
            next_channel=attempt.next_channel(group_id),
        )  # fmt: skip

    def _when_halted(self, attempt: TaskAttempt, reason: str) -> dict[str, Decision]:
        return {
            x: when_halted(
                attempt.breaker, reason,
                next_channel=attempt.next_channel(x), may_have_arrived=attempt.may_have_arrived,
            ) for x in attempt.chats
        }  # fmt: skip

    def _withhold(self, attempt: TaskAttempt, decisions: Mapping[str, Decision]) -> list[e.Event]:
        """What the rules decided for each group: some are settled or go on by another way; the task waits
        with the others."""
        now = clock.now()
        waiting = {x: decision for x, decision in decisions.items() if isinstance(decision, Postponement)}
        events: list[e.Event] = [
            withheld_receipt(decision, attempt.delivery(x), now, may_have_arrived=False)
            for x, decision in decisions.items() if x not in waiting
        ]  # fmt: skip
        if waiting:
            why = next(iter(waiting.values()))
            # the poller creates it again: no list of what waits for a resume (halted:NAME) has it
            held = why.reason.partition(":")[0]
            events += self._postpone(attempt, held, why.until or now, reason=why.reason, only=list(waiting))
        return events

    def _postpone(
        self,
        attempt: TaskAttempt,
        held: str,
        due: datetime,
        *,
        reason: str = "",
        failures: int | None = None,
        may_have_arrived: bool = False,
        only: Collection[str] | None = None,
    ) -> list[e.Event]:
        """To be created at ``due``; while its channel is halted, once that is resumed."""
        now = clock.now()
        may_have_arrived = may_have_arrived or attempt.may_have_arrived
        group_ids = list(attempt.chats if only is None else only)
        receipts = [
            receipt(
                attempt.delivery(x), e.DeliveryState.RETRYING, reason or held, now,
                failures=failures, held=held, may_have_arrived=may_have_arrived,
            ) for x in group_ids
        ]  # fmt: skip
        task = attempt.open_task(group_ids, now, due=due, failures=failures)
        return [*receipts, task_changed(task, held or "retry", now)]
