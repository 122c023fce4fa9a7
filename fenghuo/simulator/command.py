"""The command itself: builds the platform and serves it until SIGTERM or SIGINT."""

import asyncio
import contextlib
import logging
import re
import signal
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fenghuo.errors import Refused

if TYPE_CHECKING:
    from fenghuo.simulator.platform import SimulatedPlatform

PORT = 8650


@click.command(short_help="Stand in for WeCom, DingTalk, Feishu, webhooks and the people who tap.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=PORT, show_default=True, help="0: any free one."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--speed", type=click.FloatRange(0.001, 100_000), default=1.0, show_default=True,
    help="Simulated seconds per real second: officers' delays, nights, rate limits.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed, the same luck.")
@click.option(
    "--roster", "roster_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Robots, chats, owners, corps, hooks, officers: TOML or JSON (docs/simulator.md).",
)  # fmt: skip
@click.option(
    "--faults", "faults_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What goes wrong: TOML or JSON (docs/simulator.md).",
)  # fmt: skip
@click.option("--starts-at", metavar="HH:MM", help="The simulated local time at the start (default: now).")
@click.option("--console", "console_url", help="The console's URL: the roster's officers work there.")
@click.option(
    "--poll-s", type=click.FloatRange(0.05, 3600), default=1.0, show_default=True,
    help="Real seconds between two looks of an officer at the to-do page.",
)  # fmt: skip
def simulate(  # noqa: PLR0917 (click hands them over by name)
    port: int,
    host: str,
    speed: float,
    seed: int,
    roster_file: Path | None,
    faults_file: Path | None,
    starts_at: str | None,
    console_url: str | None,
    poll_s: float,
) -> None:
    """A simulation of the platforms that messages go to. Nothing of it reaches a real group.

    Watch it at /sim/ ; change it with POST /sim/roster and POST /sim/faults.
    """
    from fenghuo.simulator import faults, roster
    from fenghuo.simulator.clock import SimClock
    from fenghuo.simulator.platform import SimulatedPlatform

    platform = SimulatedPlatform(SimClock(speed, starts_at=_moment(starts_at)), seed=seed)
    if roster_file:
        platform.use(roster.read(roster.parse(roster_file)))
    if faults_file:
        platform.faults = faults.read(roster.parse(faults_file))
    logging.basicConfig(level=logging.WARNING)
    run: Callable[..., None] = asyncio.run
    with contextlib.suppress(ImportError):
        import uvloop

        run = uvloop.run
    run(_serve(platform, host, port, console_url, poll_s))


def _moment(starts_at: str | None) -> datetime | None:
    """Today at ``starts_at`` in China; None for now."""
    from fenghuo import clock
    from fenghuo.domain.calendar import CHINA

    if starts_at is None:
        return None
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", starts_at):
        raise Refused("--starts-at is a time such as 09:30")
    hour, minute = map(int, starts_at.split(":"))
    return clock.now().astimezone(CHINA).replace(hour=hour, minute=minute, second=0, microsecond=0)


async def _serve(
    platform: "SimulatedPlatform", host: str, port: int, console_url: str | None, poll_s: float
) -> None:
    """Serve until SIGTERM or SIGINT."""
    from aiohttp import web

    from fenghuo.simulator.officers import Officers
    from fenghuo.simulator.server import application

    halt = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, halt.set)
    runner = web.AppRunner(application(platform), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    working: asyncio.Task[None] | None = None
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise Refused(f"cannot listen at {host}:{port}: {error.strerror}") from None
        click.echo(f"fenghuo simulate: a simulation, watch it at http://{host}:{runner.addresses[0][1]}/sim/")
        if console_url:
            working = asyncio.create_task(Officers(platform, console_url, poll_s).work())
        await halt.wait()
    finally:
        if working:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
        await runner.cleanup()
