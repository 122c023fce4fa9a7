"""Steps that the commands on groups and people share: options, sealing, confirmation, publishing, waiting."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fenghuo.errors import Refused, Unavailable

if TYPE_CHECKING:
    from console.directory.import_rows import ImportPlan
    from fenghuo.domain.events import Event
    from fenghuo.runtime.room import AnyTransport
    from fenghuo.settings import Settings

ROOM = "console"
BATCH = 500
"""Events that are published at once."""
DESK_WAIT_S = 30.0
_POLL_S = 0.2

File = click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
DryRun = click.option("--dry-run", is_flag=True, help="Tell what would change, change nothing.")
Yes = click.option("--yes", is_flag=True, help="Do not ask (nobody is asked where there is no terminal).")
Json = click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
District = click.option("--district", help="For rows that name none (default: FENGHUO_DISTRICT).")


def sealer(settings: "Settings") -> Callable[[str], str]:
    """A function that seals a text with the key of the rooms; it raises Refused without a key."""
    from fenghuo.security.sealing import seal

    key = settings.secret_key.get_secret_value()

    def seal_with_key(text: str) -> str:
        if text and not key:
            raise Refused("addresses are kept sealed: set FENGHUO_SECRET_KEY, the same as the rooms have")
        return seal(text, key)

    return seal_with_key


def confirm(plan: "ImportPlan[Any]", noun: str, leaving: int, yes: bool) -> None:
    """Ask before changes if there is a terminal; Refused if the person does not agree.

    ``leaving`` items are to be marked as gone: the person must type their number, a script must give --yes.
    """
    if yes or not (plan.to_publish or plan.passwords or leaving):
        return
    if not is_at_terminal():
        if leaving:
            raise Refused(
                f"--gone would mark {leaving} {noun} as gone: give --yes as well. Nothing was changed."
            )
        return
    if leaving:
        counted = click.prompt(f"{leaving} {noun} will be gone. Type their number to go on", err=True)
        agreed = counted.strip().replace(",", "") == str(leaving)
    else:
        agreed = click.confirm(f"Bring in {len(plan.to_publish)} {noun}?", err=True)
    if not agreed:
        raise Refused("nothing was changed")


def is_at_terminal() -> bool:
    """Whether a person sees the question (it goes to standard error) and can answer it."""
    return sys.stdin.isatty() and sys.stderr.isatty()


async def publish(transport: "AnyTransport", events: "Sequence[Event]", noun: str) -> None:
    """Publish in batches, with a progress bar."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(noun, total=len(events))
        for start in range(0, len(events), BATCH):
            batch = events[start : start + BATCH]
            await transport.publish(batch)
            progress.update(task, advance=len(batch))


async def wait_for_desk(is_there: Callable[[], Awaitable[bool]]) -> None:
    """Return once the desk shows what was published; Unavailable if it does not within DESK_WAIT_S."""
    try:
        async with asyncio.timeout(DESK_WAIT_S):
            while True:
                if await is_there():
                    return
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise Unavailable(
            f"published, but the desk does not show it after {DESK_WAIT_S:.0f} s (is the room consumers up?)"
        ) from None
