"""``fenghuo groups`` and ``fenghuo people``: import and maintain the directory of groups and people."""

import click

from console.directory.group_commands import coverage, import_groups
from console.directory.people_commands import add, import_people, remove, reset


@click.group(short_help="The residents' groups that warnings go to.")
def groups() -> None:
    """Bring in the groups that warnings go to."""


@click.group(short_help="The people who may log in, and what they may do.")
def people() -> None:
    """Bring in people and issue their passwords."""


for command in (import_groups, coverage):
    groups.add_command(command)
for command in (add, import_people, reset, remove):
    people.add_command(command)
