"""The room's composition root: builds the clients and channels and lays out the stages."""

from collections.abc import Mapping

from broadcast.channels.base import Channel
from broadcast.channels.sandbox import Sandbox
from broadcast.channels.webhook import Webhook
from broadcast.outcome import Completion
from broadcast.plan import Planner
from broadcast.quota import Quota
from broadcast.replies import Replies
from broadcast.retries import Retries
from broadcast.sender import Sender
from fenghuo import topics
from fenghuo.runtime import Room, open_desk, open_transport
from fenghuo.settings import Settings
from fenghuo.stores.desk import Desk
from fenghuo.transport.pipeline import Stage

ROOM = "broadcast"


def build(settings: Settings) -> Room:
    """The room, not yet connected."""
    desk = open_desk(settings)
    transport = open_transport(settings, ROOM, desk)
    channels = open_channels(settings, desk)
    return Room(
        name=ROOM,
        settings=settings,
        desk=desk,
        transport=transport,
        port=settings.broadcast_port,
        host=settings.health_host,
        stages=stages(desk, settings, channels),
        loops=[Retries(desk, transport).run],
    )


def open_channels(settings: Settings, desk: Desk) -> dict[str, Channel]:
    """Every channel this process can send through, by name."""
    sandbox = Sandbox(desk.client, desk.keys, settings.sandbox_per_s)
    webhook = Webhook(
        settings.webhook_secret.get_secret_value(), settings.webhook_per_s, settings.webhook_timeout_s,
        settings.webhook_private,
    )  # fmt: skip
    return {sandbox.name: sandbox, webhook.name: webhook}


def stages(desk: Desk, settings: Settings, channels: Mapping[str, Channel]) -> list[Stage]:
    """Every stage of the room."""
    sender = Sender(desk, Quota(desk.client, desk.keys), channels, settings)
    return [
        Stage(
            room=ROOM, name="plan", topic=topics.ALERTS_RELEASED, batch=10,
            handle=Planner(desk).on_alerts_released,
        ),
        Stage(
            room=ROOM, name="send", topic=topics.DELIVERIES_REQUESTED, batch=100,
            handle=sender.on_deliveries_requested,
        ),
        Stage(
            room=ROOM, name="outcome", topic=topics.RECEIPTS_RECORDED, batch=500, projects_input=True,
            handle=Completion(desk).on_receipts_recorded,
        ),
        Stage(
            room=ROOM, name="reply", topic=topics.REPLIES_REQUESTED,
            handle=Replies(desk, channels).on_replies_requested,
        ),
    ]  # fmt: skip
