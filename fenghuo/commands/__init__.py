"""The command line: ``fenghuo COMMAND``. Rooms register their commands as entry points; none is imported
here."""

import os
from importlib.metadata import entry_points
from typing import Any

import click

from fenghuo.errors import FenghuoError, Refused

COMMANDS_GROUP = "fenghuo.commands"
ROOMS_GROUP = "fenghuo.rooms"
LIBRARY_THREADS = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYPINYIN_NO_PHRASES": "1",
    "PYPINYIN_NO_DICT_COPY": "1",
}


def limit_library_threads() -> None:
    """Limit the threads and tables of libraries, unless the operator set them; call it before their import.

    We multiply small matrices only: numpy's thread pool in each room would spin on cores that other rooms
    need, and on a busy machine a forecast takes four times as long. pypinyin's phrases take 45 MiB, and we
    look up characters only.
    """
    for name, value in LIBRARY_THREADS.items():
        os.environ.setdefault(name, value)


class Registered(click.Group):
    """A group whose commands are entry points, imported when they are called."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return sorted(x.name for x in entry_points(group=COMMANDS_GROUP))

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        found = [x for x in entry_points(group=COMMANDS_GROUP) if x.name == name]
        if not found:
            return None
        command: click.Command = found[0].load()
        return command

    def invoke(self, context: click.Context) -> Any:
        limit_library_threads()
        try:
            return super().invoke(context)
        except Refused as error:
            click.echo(f"fenghuo: {error}", err=True)
            raise SystemExit(2) from None
        except FenghuoError as error:
            click.echo(f"fenghuo: {error}. Nothing was lost; try again when it is back.", err=True)
            raise SystemExit(3) from None


@click.command(cls=Registered, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fenghuo")
def main() -> None:
    """Fenghuo (烽火): from a reported message to the warning in every group."""


@click.command(short_help="Run one room (what `up` and docker-compose start).")
@click.argument("name")
def room(name: str) -> None:
    """Run the room NAME until it is told to end: producers, consumers, broadcast or console."""
    from fenghuo.runtime.room import run_room
    from fenghuo.settings import load_settings

    found = {x.name: x for x in entry_points(group=ROOMS_GROUP)}
    if name not in found:
        raise Refused(f"there is no room {name}; there are: {', '.join(sorted(found))}")
    run_room(found[name].load(), load_settings(), name)
