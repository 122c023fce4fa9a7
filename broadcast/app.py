"""The room's composition root: builds the clients and channels and lays out the stages."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from broadcast.channels.access_tokens import RedisTokens
from broadcast.channels.apprise import Apprise
from broadcast.channels.base import MessageChannel, TaskChannel
from broadcast.channels.dingtalk import Dingtalk
from broadcast.channels.feishu import Feishu
from broadcast.channels.http.client import HttpClient
from broadcast.channels.http.proxy import Proxy
from broadcast.channels.http.tls import load_trust
from broadcast.channels.relay import Relay
from broadcast.channels.sandbox import Sandbox
from broadcast.channels.webhook import Webhook
from broadcast.channels.wecom_app import WecomApp
from broadcast.channels.wecom_customer_group import WecomCustomerGroup
from broadcast.channels.wecom_robot import WecomRobot
from broadcast.completion import Completion
from broadcast.limits.circuit_breaker import FailureWindow
from broadcast.limits.rate_limiter import RateLimiter
from broadcast.owner_tasks.task_maker import TaskMaker
from broadcast.owner_tasks.task_poller import TaskPoller, is_from_poller
from broadcast.people.notices import NoticeSender
from broadcast.people.reminders import LOOK_EVERY_S, Reminders
from broadcast.people.replies import Replies
from broadcast.people.taps import Taps
from broadcast.planning.part_writer import PartWriter
from broadcast.planning.planner import Planner
from broadcast.sending.answer_journal import AnswerJournal
from broadcast.sending.retry_loop import RetryLoop
from broadcast.sending.sender import Sender
from fenghuo import topics
from fenghuo.desk.desk import Desk
from fenghuo.domain.channels import BY_USER_ID, GROUP_CHANNELS
from fenghuo.runtime.room import Room, open_desk, open_transport
from fenghuo.security.credentials import Credential, load_credentials
from fenghuo.settings import Settings
from fenghuo.transport.stage import Stage

ROOM = "broadcast"


@dataclass(frozen=True, slots=True)
class Channels:
    """Every channel that this process has, by name."""

    direct: Mapping[str, MessageChannel]
    tasks: Mapping[str, TaskChannel]
    by_user_id: Mapping[str, str]
    """Channels that reach a person by the user id, with the credential to do so."""

    @property
    def to_groups(self) -> Mapping[str, MessageChannel]:
        """Those of ``direct`` that reach groups."""
        return {name: x for name, x in self.direct.items() if name in GROUP_CHANNELS}


def build(settings: Settings) -> Room:
    """The room, not yet connected."""
    desk = open_desk(settings)
    transport = open_transport(settings, ROOM, desk)
    channels = open_channels(settings, desk)
    poller, journal = TaskPoller(desk, transport, channels.tasks, settings), AnswerJournal(desk)
    return Room(
        name=ROOM,
        settings=settings,
        desk=desk,
        transport=transport,
        port=settings.broadcast_port,
        host=settings.health_host,
        stages=stages(desk, settings, channels, journal),
        loops=[
            RetryLoop(desk, transport).run,
            poller.run,
            poller.run_recalls,
            Reminders(desk, transport, settings, min(LOOK_EVERY_S, settings.remind_s[0] / 10)).run,
        ],
        closing=[
            journal.wait_idle,
            *(channel.aclose for channel in channels.direct.values()),
            *(channel.aclose for channel in channels.tasks.values()),
        ],
    )


def open_channels(settings: Settings, desk: Desk) -> Channels:
    """The channels; none connects before it sends."""
    credentials = load_credentials(settings.credentials_file)
    client = partial(
        HttpClient,
        settings.webhook_timeout_s,
        trust=load_trust(settings.ca_file),
        proxy=Proxy(settings.http_proxy, settings.no_proxy) if settings.http_proxy else None,
    )
    webhooks = client(
        at_once=settings.webhook_at_once,
        per_host=settings.webhook_at_once_per_host,
        reuse=True,
        allow_private=settings.webhook_private,
    )
    hooks = {name: x.secret for name, x in credentials.items() if x.channel == Webhook.name}
    secrets = {"": settings.webhook_secret.get_secret_value(), **hooks}
    tokens = RedisTokens(desk.client, desk.keys.token)
    direct: list[MessageChannel] = [
        Relay(),
        Sandbox(desk.client, desk.keys, settings.sandbox_per_s),
        Webhook(webhooks, secrets, settings.webhook_per_s),
        WecomRobot(client(), settings.wecom_url),
        Dingtalk(client(), settings.dingtalk_url),
        Feishu(client(), settings.feishu_url),
        Apprise(settings.webhook_per_s, settings.webhook_timeout_s, allow_private=settings.webhook_private),
        WecomApp(client(), credentials, tokens, settings.wecom_url),
    ]
    tasks: list[TaskChannel] = [
        WecomCustomerGroup(client(), credentials, tokens, settings.wecom_url),
    ]
    by_user_id = apps_by_channel(credentials.values())
    return Channels({x.name: x for x in direct}, {x.name: x for x in tasks}, by_user_id)


def apps_by_channel(credentials: Iterable[Credential]) -> dict[str, str]:
    """The credential of each channel that reaches persons by their user ids; a channel with several has
    none: then each person's ``notify`` names one."""
    found: dict[str, list[str]] = {}
    for x in credentials:
        if x.channel in BY_USER_ID:
            found.setdefault(x.channel, []).append(x.name)
    return {channel: names[0] for channel, names in found.items() if len(names) == 1}


def stages(desk: Desk, settings: Settings, channels: Channels, journal: AnswerJournal) -> list[Stage]:
    """Every stage of the room."""
    rate_limiter = RateLimiter(desk.client, desk.keys)
    window = FailureWindow(settings.halt_failures, settings.halt_share)
    maker = TaskMaker(desk, rate_limiter, channels.tasks, settings)
    sender = Sender(desk, rate_limiter, channels.to_groups, maker, journal, window, settings)
    return [
        Stage(
            room=ROOM, name="plan", topic=topics.ALERTS_RELEASED, batch=10,
            handle=Planner(desk, settings).on_alerts_released,
        ),
        Stage(
            room=ROOM, name="part", topic=topics.PARTS_PLANNED, batch=1,
            handle=PartWriter(desk).on_parts_planned,
        ),
        Stage(
            room=ROOM, name="send", topic=topics.DELIVERIES_REQUESTED, batch=1000,
            handle=sender.on_deliveries_requested,
        ),
        Stage(
            room=ROOM, name="outcome", topic=topics.RECEIPTS_RECORDED, batch=500,
            fold_input=is_from_poller,
            handle=Completion(desk).on_receipts_recorded,
        ),
        Stage(
            room=ROOM, name="channel", topic=topics.CHANNELS_CHANGED, fold_input=True,
            handle=window.on_channels_changed,
        ),
        Stage(
            room=ROOM, name="reply", topic=topics.REPLIES_REQUESTED,
            handle=Replies(desk, rate_limiter, channels.direct).on_replies_requested,
        ),
        Stage(
            room=ROOM, name="tap", topic=topics.TAPS_MADE, batch=500,
            handle=Taps(desk, settings.undo_s).on_taps_made,
        ),
        Stage(
            room=ROOM, name="notice", topic=topics.NOTICES_REQUESTED, batch=50, fold_input=True,
            handle=NoticeSender(desk, channels.direct, channels.by_user_id, settings).on_notices_requested,
        ),
    ]  # fmt: skip
