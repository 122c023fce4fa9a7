"""Everything else, through the apprise library: mail, Telegram, ntfy and a hundred more.

The library reads HTTP statuses only, so what it calls success is ACCEPTED, never SHOWN; and what it calls
failure may have arrived. It blocks, so it works in threads of its own.
"""

import asyncio
import logging
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

from broadcast.channels.base import Message, SendResult, SendStatus, each
from broadcast.channels.http.address_guard import is_public
from fenghuo.domain.channels import APPRISE

THIS_MACHINE = frozenset({"dbus", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"})
"""Schemes that reach nobody but the machine the sender runs on."""

NAMING_FILES = frozenset({"keyfile", "pgpkey", "subfile", "template"})
"""Parameters that have the library read a file or an address of the target's choice."""


class Apprise:
    """Sends through apprise, ``at_once`` messages at the same time; a message's target is an apprise URL.

    A target's own host is looked up before: one on a private address is refused unless ``allow_private``.
    Redirects are not followed.
    The library looks it up again, so a name whose answer changes in between gets through; where that
    matters, let only a proxy reach the network.
    """

    name = APPRISE.name
    idempotent = APPRISE.idempotent
    together = 1

    def __init__(
        self, per_second: float, timeout_s: float, *, at_once: int = 8, allow_private: bool = False
    ) -> None:
        self._per_second = per_second
        self._timeout_s = timeout_s
        self._allow_private = allow_private
        self._gate = asyncio.Semaphore(at_once)
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix=self.name)
        self._at_work: set[asyncio.Future[SendResult]] = set()

    def per_second(self, credential: str) -> float:
        """Messages a second, as the settings have it."""
        return self._per_second

    async def send(self, messages: Sequence[Message]) -> list[SendResult]:
        """Try each message once; the outcomes in the same order."""
        return await each(self._send, messages)

    async def aclose(self) -> None:
        """Wait for the threads that are still at work: the library gives up by itself."""
        await asyncio.gather(*self._at_work, return_exceptions=True)
        self._threads.shutdown(wait=False)

    async def _send(self, message: Message) -> SendResult:
        """A thread cannot be stopped: one that is late keeps its place among the ``at_once`` until it
        ends."""
        await self._gate.acquire()
        work = asyncio.get_running_loop().run_in_executor(self._threads, self._notify, message)
        self._at_work.add(work)
        work.add_done_callback(self._ended)
        try:
            return await asyncio.wait_for(asyncio.shield(work), self._timeout_s)
        except TimeoutError:
            return SendResult(SendStatus.UNKNOWN, "apprise has not answered in time")
        except Exception as error:
            return SendResult(SendStatus.UNKNOWN, f"apprise failed: {type(error).__name__}")

    def _ended(self, work: asyncio.Future[SendResult]) -> None:
        self._at_work.discard(work)
        self._gate.release()
        if not work.cancelled():
            work.exception()  # taken here too: who asked may have gone at its timeout

    def _notify(self, message: Message) -> SendResult:
        """One message in a thread of its own; whatever goes wrong before the library sends has not left."""
        library = _library()
        plugin = library.Apprise.instantiate(message.target)
        if plugin is None:
            return SendResult(SendStatus.REFUSED, "the target is no apprise URL")
        stopped = None if self._allow_private else _objection(message.target, plugin)
        if stopped is not None:
            return stopped
        plugin.redirects = False
        through = library.Apprise()
        through.add(plugin)
        if through.notify(body=message.text, body_format=library.NotifyFormat.TEXT):
            return SendResult(SendStatus.ACCEPTED)
        return SendResult(
            SendStatus.UNKNOWN, "apprise says that it failed, which does not tell whether it arrived"
        )


def _library() -> Any:
    """The library, loaded at first use since that takes a second, and kept from logging: it would name the
    target."""
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    return apprise


def _objection(target: str, plugin: Any) -> SendResult | None:
    """Why nothing is sent through ``plugin``; None if something is."""
    if plugin.schema in THIS_MACHINE:
        return SendResult(SendStatus.REFUSED, "the target is this machine itself")
    if NAMING_FILES & {name.lower() for name in parse_qs(target.partition("?")[2])}:
        return SendResult(SendStatus.REFUSED, "the target names a file to be read")
    host = _host(plugin)
    try:
        found = socket.getaddrinfo(host, None) if host else []
    except (OSError, UnicodeError):
        return SendResult(SendStatus.RETRY, "the target's name was not found")
    public = all(is_public(str(x[4][0])) for x in found)
    return None if public else SendResult(SendStatus.REFUSED, "the target is a private address")


def _host(plugin: Any) -> str:
    """The host that the target itself names; "" where the service has one place for all."""
    own = plugin.host if any("{host}" in str(x) for x in plugin.templates) else None
    return str(getattr(plugin, "smtp_host", None) or own or "").strip("[]")
