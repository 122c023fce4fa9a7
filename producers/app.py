"""The room's composition root: the only module here that builds clients."""

import time

from fenghuo.errors import Refused
from fenghuo.runtime.room import Room, open_desk, open_transport
from fenghuo.security.passwords import Auth
from fenghuo.settings import Settings
from producers.intake import Intake
from producers.rate_limit import RateLimit
from producers.routes import web

SHORTEST_SECRET = 32


def build(settings: Settings) -> Room:
    """The room, not yet started; Refused without a secret, since pseudonyms without one hide nobody."""
    if len(settings.secret_key.get_secret_value()) < SHORTEST_SECRET:
        raise Refused(
            f"FENGHUO_SECRET_KEY needs {SHORTEST_SECRET} characters or more; `fenghuo up` makes one"
        )
    desk = open_desk(settings)
    transport = open_transport(settings, "producers", desk)
    room = Room("producers", settings, desk, transport, settings.intake_port, settings.intake_host)
    intake = Intake(
        settings,
        desk,
        transport,
        Auth(desk.client, desk.keys),
        RateLimit(settings.reports_per_minute, time.monotonic),
    )
    room.asgi = web(intake, lambda: room.started)
    return room
