"""The console's composition root: builds the clients, wires pages to them, changes nothing."""

import secrets
from typing import Any

import httpx
from litestar import Litestar
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import CacheControlHeader
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.static_files import create_static_files_router

from console import (
    acting,
    alerts,
    channels,
    clusters,
    correcting,
    directory,
    doors,
    editing,
    failures,
    handling,
    live,
    mine,
    progress,
    public,
    queue,
    report,
    todo,
    wall,
)
from console.house import House
from console.pages import STATIC
from console.viewer import SessionMiddleware
from fenghuo.runtime import Room, open_desk, open_transport
from fenghuo.settings import Settings
from fenghuo.stores.auth import Auth

NAME = "console"
PAGES: Any = (
    doors, queue, clusters, correcting, alerts, acting, editing, progress, channels, wall, report,
    handling, todo, mine, directory, live, public,
)  # fmt: skip
BODY_LIMIT = 128 * 1024
"""Bytes of a form (percent-encoded Chinese has 9 a character); a report's may have more."""


def build(settings: Settings) -> Room:
    """The room, with its pages; nothing is sent before it is started."""
    desk = open_desk(settings)
    transport = open_transport(settings, NAME, desk)
    house = House(
        settings=settings,
        desk=desk,
        transport=transport,
        auth=Auth(desk.client, desk.keys),
        intake=open_intake(settings),
    )
    room = Room(
        name=NAME,
        settings=settings,
        desk=desk,
        transport=transport,
        host=settings.console_host,
        port=settings.console_port,
        asgi=web(house),
    )
    house.started = lambda: room.started
    return room


def open_intake(settings: Settings) -> httpx.AsyncClient:
    """A client of the intake; it keeps no connection, so that none is left open at the end."""
    return httpx.AsyncClient(
        base_url=settings.intake_url or f"http://127.0.0.1:{settings.intake_port}",
        headers={"authorization": f"Bearer {settings.intake_token.get_secret_value()}"},
        timeout=8,
        trust_env=False,
        limits=httpx.Limits(max_keepalive_connections=0),
    )


def web(house: House) -> Any:
    """The pages as an ASGI application."""
    settings = house.settings
    csrf = CSRFConfig(
        secret=settings.secret_key.get_secret_value() or secrets.token_urlsafe(32),
        cookie_name="fenghuo_csrf",
        cookie_httponly=True,
        cookie_samesite="lax",
        cookie_secure=settings.console_secure_cookies,
    )
    static = create_static_files_router(
        "/static", [STATIC], cache_control=CacheControlHeader(max_age=31_536_000, public=True, immutable=True)
    )
    return Litestar(
        [static, *[handler for module in PAGES for handler in module.HANDLERS]],
        before_request=todo.counting(house),
        csrf_config=csrf,
        dependencies={"house": Provide(lambda: house, sync_to_thread=False)},
        exception_handlers=failures.HANDLERS,
        middleware=[DefineMiddleware(SessionMiddleware, sessions=house.sessions, desk=house.desk)],
        openapi_config=None,
        request_max_body_size=BODY_LIMIT,
        logging_config=None,
    )
