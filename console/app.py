"""The console's composition root: builds the clients and the web application."""

import secrets
import time
from collections.abc import Callable
from typing import Any

import httpx
from litestar import Litestar
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import CacheControlHeader
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.static_files import create_static_files_router

from console import live_updates, sandbox_wall
from console.alerts import actions, delivery_progress, editor, halted_channels
from console.alerts import pages as alert_pages
from console.clusters import corrections
from console.clusters import pages as cluster_pages
from console.directory import pages as directory_pages
from console.public import pages as public_pages
from console.reports import queue, report_form, urgent
from console.todo import api as todo_api
from console.todo import my_groups
from console.todo import pages as todo_pages
from console.web import error_pages, login
from console.web.authentication import SessionMiddleware
from console.web.dependencies import Dependencies
from console.web.rendering import STATIC
from fenghuo.runtime.room import Room, open_desk, open_transport
from fenghuo.security.passwords import Auth
from fenghuo.settings import Settings

NAME = "console"
PAGES: Any = (
    login, queue, cluster_pages, corrections, alert_pages, actions, editor, delivery_progress,
    halted_channels, sandbox_wall, report_form, urgent, todo_pages, todo_api, my_groups, directory_pages,
    live_updates, public_pages,
)  # fmt: skip
BODY_LIMIT = 128 * 1024
"""Bytes of a form; percent-encoded Chinese has 9 a character. The form of a report may be larger."""


def build(settings: Settings, tick: Callable[[], float] = time.monotonic) -> Room:
    """The room and its pages. Nothing is published before the room is started.

    ``tick`` is the clock, in seconds, by which cached answers age.
    """
    desk = open_desk(settings)
    transport = open_transport(settings, NAME, desk)
    deps = Dependencies(
        settings=settings,
        desk=desk,
        transport=transport,
        auth=Auth(desk.client, desk.keys),
        intake=open_intake(settings),
        tick=tick,
    )
    room = Room(
        name=NAME,
        settings=settings,
        desk=desk,
        transport=transport,
        host=settings.console_host,
        port=settings.console_port,
        asgi=web_application(deps),
    )
    deps.started = lambda: room.started
    return room


def open_intake(settings: Settings) -> httpx.AsyncClient:
    """An HTTP client of the intake, without keep-alive, so that no connection is left open at the end."""
    return httpx.AsyncClient(
        base_url=settings.intake_url or f"http://127.0.0.1:{settings.intake_port}",
        headers={"authorization": f"Bearer {settings.intake_token.get_secret_value()}"},
        timeout=8,
        trust_env=False,
        limits=httpx.Limits(max_keepalive_connections=0),
    )


def web_application(deps: Dependencies) -> Any:
    """The web application (ASGI)."""
    settings = deps.settings
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
        before_request=todo_pages.pending_count_hook(deps),
        csrf_config=csrf,
        dependencies={"deps": Provide(lambda: deps, sync_to_thread=False)},
        exception_handlers=error_pages.HANDLERS,
        middleware=[DefineMiddleware(SessionMiddleware, sessions=deps.sessions, desk=deps.desk)],
        openapi_config=None,
        request_max_body_size=BODY_LIMIT,
        logging_config=None,
    )
