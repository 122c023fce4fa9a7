"""``fenghuo up``: the whole system on this machine, until Ctrl-C."""

import signal
import threading
from typing import Any

import click

from fenghuo.commands.supervisor import Supervisor
from fenghuo.errors import Refused
from fenghuo.settings import load_settings


def tell(line: str) -> None:
    """A line for the person at the terminal, on standard error."""
    click.echo(line, err=True)


def wait_for_end(supervisor: Supervisor) -> None:
    """Wait for Ctrl-C or SIGTERM; raises Refused when a room cannot go on."""
    end = threading.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: end.set())
    while not end.wait(0.5):
        if supervisor.failure:
            raise Refused(supervisor.failure)


@click.command(short_help="Start everything on this machine; Ctrl-C ends it.")
@click.option(
    "--broker", type=click.Choice(["redis", "kafka"]), help="The transport (default: FENGHUO_BROKER)."
)
def up(broker: str | None) -> None:
    """Start the servers that are not configured, then the four rooms, and watch over them.

    State is kept in FENGHUO_DATA_DIR (default ./.fenghuo); logs are in its folder logs/.
    """
    chosen: dict[str, Any] = {"broker": broker} if broker else {}
    supervisor = Supervisor(load_settings(**chosen), tell)
    try:
        supervisor.start()
        tell(f"console  {supervisor.console_url}\nintake   {supervisor.intake_url}/api/v1/reports")
        tell("first time? add yourself: fenghuo people add ID --name NAME --role approver. Ctrl-C ends all.")
        wait_for_end(supervisor)
        tell("ending ...")
    finally:
        supervisor.stop()
