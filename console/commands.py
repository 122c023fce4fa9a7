"""``fenghuo groups`` and ``fenghuo people``: bring in who is warned and who may do what.

Writes groups.changed and people.changed; passwords go to Redis alone and into no event.
"""

import json
import secrets
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fenghuo.errors import Refused, Unavailable

if TYPE_CHECKING:
    from console.importing import Sorted
    from fenghuo.events import Event, Group, Person
    from fenghuo.runtime import AnyTransport
    from fenghuo.settings import Settings
    from fenghuo.stores.auth import Auth
    from fenghuo.stores.desk import Desk

NAME = "console"
AT_ONCE = 500
SHOWN = 20
"""Refused rows that are listed on the terminal."""
DESK_WAIT_S = 30.0
_LOOK_EVERY_S = 0.2

File = click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
DryRun = click.option("--dry-run", is_flag=True, help="Tell what would change, change nothing.")
Json = click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
District = click.option("--district", help="For rows that name none (default: FENGHUO_DISTRICT).")


@click.group(short_help="The residents' groups that warnings go to.")
def groups() -> None:
    """Bring in the groups that warnings go to."""


@groups.command("import")
@File
@District
@DryRun
@Json
def import_groups(file: Path, district: str | None, dry_run: bool, as_json: bool) -> None:
    """Bring in groups from FILE (.csv, .tsv, .jsonl, .xlsx). Running it again is safe.

    Columns: group_id (群编号), name (群名), district (区), town (街镇), station (派出所), owner (负责人),
    members (人数), channel (通道: sandbox or webhook), target (地址), tags (标签). Groups that are on the
    desk and not in the file are told and kept. Status 0: every row is in; 1: some refused; 2: nothing is in.
    """
    from console.importing import GROUP_ALIASES, GROUP_COLUMNS, sort_groups
    from fenghuo import offline
    from fenghuo.tables import read_rows

    table = read_rows(file, GROUP_COLUMNS, GROUP_ALIASES)
    rows = list(table)

    async def work(desk: "Desk", transport: "AnyTransport", settings: "Settings") -> "Sorted[Group]":
        found = sort_groups(rows, await desk.groups(), district or settings.district)
        if not dry_run:
            await _publish(transport, _group_events(found.to_publish), "groups")
            await _shown_on_desk(lambda: _groups_stand(desk, found.to_publish))
        return found

    _tell(offline.run(NAME, work), "groups", table.notes, dry_run, as_json)


def _group_events(found: "Sequence[Group]") -> "list[Event]":
    from fenghuo import clock
    from fenghuo.events import GroupChanged, derive_id

    at = clock.now()
    return [
        GroupChanged(event_id=derive_id("group", g.group_id, at.isoformat()), at=at, group=g) for g in found
    ]


async def _groups_stand(desk: "Desk", wanted: "Sequence[Group]") -> bool:
    standing = await desk.groups_by_id([g.group_id for g in wanted])
    return all(standing.get(g.group_id) == g for g in wanted)


@click.group(short_help="The people who may log in, and what they may do.")
def people() -> None:
    """Bring in people and issue their passwords."""


@people.command("add")
@click.argument("person_id", metavar="ID")
@click.option("--name", required=True)
@click.option("--role", required=True, help="officer, analyst, approver, administrator or auditor.")
@District
@click.option("--station", default="")
@click.option("--password-stdin", is_flag=True, help="Read the password's first line from stdin.")
def add(
    *, person_id: str, name: str, role: str, district: str | None, station: str, password_stdin: bool
) -> None:
    """Add or change one person; without --password-stdin a new person's password is made and printed."""
    from console.importing import WrongRowError, person_of
    from fenghuo import offline
    from fenghuo.stores.auth import Auth

    given = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    cells = {
        "person_id": person_id,
        "name": name,
        "role": role,
        "district": district or "",
        "station": station,
    }

    async def work(desk: "Desk", transport: "AnyTransport", settings: "Settings") -> str | None:
        try:
            person = person_of(cells, settings.district)
        except WrongRowError as error:
            raise Refused(str(error)) from None
        before = await desk.person(person_id)
        password = given or (None if before else new_password())
        if password:
            await _set_password(desk, Auth(desk.client, desk.keys), person_id, password)
        await _publish(transport, _person_events([person]), "people")
        await _shown_on_desk(lambda: _people_stand(desk, [person]))
        return None if given else password

    made = offline.run(NAME, work)
    if made:
        click.echo(made)
    click.echo(f"{person_id} is in" + ("; the password is not shown again" if made else ""), err=True)


@people.command("import")
@File
@District
@DryRun
@Json
def import_people(file: Path, district: str | None, dry_run: bool, as_json: bool) -> None:
    """Bring in people from FILE (.csv, .tsv, .jsonl, .xlsx). Running it again is safe.

    Columns: person_id (账号), name (姓名), role (岗位), district (区), station (派出所), and optionally
    password (密码), which sets it. Who has none yet gets one from `fenghuo people reset ID`.
    """
    from console.importing import PERSON_ALIASES, PERSON_COLUMNS, sort_people
    from fenghuo import offline
    from fenghuo.stores.auth import Auth
    from fenghuo.tables import read_rows

    table = read_rows(file, PERSON_COLUMNS, PERSON_ALIASES)
    rows = list(table)

    async def work(desk: "Desk", transport: "AnyTransport", settings: "Settings") -> "Sorted[Person]":
        found = sort_people(rows, await desk.people(), district or settings.district)
        if not dry_run:
            auth = Auth(desk.client, desk.keys)
            for person_id, password in found.passwords.items():
                await _set_password(desk, auth, person_id, password)
            await _publish(transport, _person_events(found.to_publish), "people")
            await _shown_on_desk(lambda: _people_stand(desk, found.to_publish))
        return found

    _tell(offline.run(NAME, work), "people", table.notes, dry_run, as_json)


@people.command("reset")
@click.argument("person_id", metavar="ID")
def reset(person_id: str) -> None:
    """Make a new password for ID, print it once, and end all of ID's sessions."""
    from fenghuo import offline
    from fenghuo.stores.auth import Auth

    async def work(desk: "Desk", _settings: "Settings") -> str:
        if await desk.person(person_id) is None:
            raise Refused(f"there is nobody called {person_id}: add them with `fenghuo people add`")
        password = new_password()
        await _set_password(desk, Auth(desk.client, desk.keys), person_id, password)
        return password

    click.echo(offline.run_at_desk(work))
    click.echo(f"the new password of {person_id}; it is not shown again", err=True)


def new_password() -> str:
    """About 80 random bits, easy to read out: four groups of four without look-alikes."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))


async def _set_password(desk: "Desk", auth: "Auth", person_id: str, password: str) -> None:
    """Keep the password and end the sessions that the old one opened."""
    from console.sessions import Sessions

    try:
        await auth.set_password(person_id, password)
    except ValueError as error:
        raise Refused(f"{person_id}: {error}") from None
    await Sessions(desk.client, desk.keys).close_all(person_id)


def _person_events(found: "Sequence[Person]") -> "list[Event]":
    from fenghuo import clock
    from fenghuo.events import PersonChanged, derive_id

    at = clock.now()
    return [
        PersonChanged(event_id=derive_id("person", p.person_id, at.isoformat()), at=at, person=p)
        for p in found
    ]


async def _people_stand(desk: "Desk", wanted: "Sequence[Person]") -> bool:
    standing = await desk.people()
    return all(standing.get(p.person_id) == p for p in wanted)


async def _publish(transport: "AnyTransport", events: "Sequence[Event]", what: str) -> None:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=len(events))
        for done in range(0, len(events), AT_ONCE):
            part = events[done : done + AT_ONCE]
            await transport.publish(part)
            progress.update(task, advance=len(part))


async def _shown_on_desk(stands: Callable[[], Awaitable[bool]]) -> None:
    """Return once the desk has what was published; Unavailable when nobody folds it in."""
    import asyncio

    try:
        async with asyncio.timeout(DESK_WAIT_S):
            while True:
                if await stands():
                    return
                await asyncio.sleep(_LOOK_EVERY_S)
    except TimeoutError:
        raise Unavailable(
            f"published, but the desk does not show it after {DESK_WAIT_S:.0f} s (is the room consumers up?)"
        ) from None


def _tell(found: "Sorted[Any]", what: str, notes: Sequence[str], dry_run: bool, as_json: bool) -> None:
    if as_json:
        outcome = {
            "new": len(found.new), "changed": len(found.changed), "same": found.same,
            "missing": found.missing, "notes": list(notes), "dry_run": dry_run,
            "refused": [{"line": x.line, "reason": x.reason} for x in found.refused],
        }  # fmt: skip
        click.echo(json.dumps(outcome, ensure_ascii=False))
    else:
        _tell_people(found, what, notes, dry_run)
    good = len(found.to_publish) + found.same
    raise SystemExit(0 if not found.refused and good else 1 if good else 2)


def _tell_people(found: "Sorted[Any]", what: str, notes: Sequence[str], dry_run: bool) -> None:
    for note in notes:
        click.echo(f"note: {note}", err=True)
    for row in found.refused[:SHOWN]:
        click.echo(f"line {row.line}: {row.reason}", err=True)
    if len(found.refused) > SHOWN:
        click.echo(f"... and {len(found.refused) - SHOWN} more (all with --json)", err=True)
    if found.missing:
        some = ", ".join(found.missing[:5]) + (" ..." if len(found.missing) > 5 else "")
        click.echo(
            f"{len(found.missing)} stand on the desk and not in the file; they are kept: {some}", err=True
        )
    verb = "would be " if dry_run else ""
    click.echo(
        f"{what}: {len(found.new)} {verb}new, {len(found.changed)} {verb}changed, {found.same} the same, "
        f"{len(found.refused)} refused"
    )
