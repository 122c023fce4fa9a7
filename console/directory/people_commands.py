"""``fenghuo people add``, ``import``, ``reset`` and ``remove``. Writes people.changed.

Passwords go only to Redis and are never published as events.
"""

import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from console.directory import command_steps as steps
from fenghuo.errors import Refused

if TYPE_CHECKING:
    from console.directory.import_rows import ImportPlan
    from fenghuo.desk.desk import Desk
    from fenghuo.domain.events import Event, Person
    from fenghuo.runtime.room import AnyTransport
    from fenghuo.security.passwords import Auth
    from fenghuo.settings import Settings


@click.command("add")
@click.argument("person_id", metavar="ID")
@click.option("--name", required=True)
@click.option("--role", required=True, help="officer, analyst, approver, administrator or auditor.")
@steps.District
@click.option("--station", default="")
@click.option("--duty/--no-duty", default=None, help="A station's duty account, which sees all its groups.")
@click.option("--userid", help="What WeCom calls the person.")
@click.option("--notify", help="Where the person is told: channel=address, as in a table's column.")
@click.option("--password-stdin", is_flag=True, help="Read the password's first line from stdin.")
def add(
    *, person_id: str, name: str, role: str, district: str | None, station: str, duty: bool | None,
    userid: str | None, notify: str | None, password_stdin: bool,
) -> None:  # fmt: skip
    """Add or change one person; without --password-stdin a new person's password is made and printed.

    Of a person who is there already, what --duty, --userid and --notify do not name stays as it is.
    """
    from fenghuo.commands import session
    from fenghuo.security.passwords import Auth

    given = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    cells = {
        "person_id": person_id, "name": name, "role": role, "district": district or "", "station": station,
        "duty": "yes" if duty else "", "userid": userid or "", "notify": notify or "",
    }  # fmt: skip
    options = {"duty": duty, "userid": userid, "notify": notify}

    async def work(desk: "Desk", transport: "AnyTransport", settings: "Settings") -> str | None:
        before = await desk.directory.person(person_id)
        person = _person_from(cells, settings, before, options)
        password = given or (None if before else new_password())
        if password:
            await _set_password(desk, Auth(desk.client, desk.keys), person_id, password)
        await _publish(desk, transport, [person])
        return None if given else password

    made = session.run(steps.ROOM, work)
    if made:
        click.echo(made)
    click.echo(f"{person_id} is in" + ("; the password is not shown again" if made else ""), err=True)


def _person_from(
    cells: Mapping[str, str], settings: "Settings", before: "Person | None", options: Mapping[str, Any]
) -> "Person":
    """The person of ``cells``; an option that was not given keeps the value of ``before``."""
    from msgspec.structs import replace

    from console.directory.addresses import WrongRowError
    from console.directory.import_rows import person_of

    try:
        person = person_of(cells, settings.district, steps.sealer(settings))
    except WrongRowError as error:
        raise Refused(str(error)) from None
    if before is None:
        return person
    return replace(person, **{k: getattr(before, k) for k, value in options.items() if value is None})


@click.command("import")
@steps.File
@steps.District
@steps.DryRun
@steps.Yes
@steps.Json
def import_people(*, file: Path, district: str | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Bring in people from FILE (.csv, .tsv, .jsonl, .xlsx). Running it again is safe.

    Columns: person_id (账号), name (姓名), role (岗位), district (区), station (派出所), duty (值班: 是 for a
    station's duty account, which sees all its groups), userid (企业微信账号), notify (通知: where the person
    is told of what waits, as channel=address, such as wecom_robot=KEY or webhook=URL; kept sealed), and
    optionally password (密码), which sets it. Who has none yet gets one from `fenghuo people reset ID`. What
    would change is shown first, and a terminal is asked; a script is not.
    """
    from console.directory.terminal_output import print_outcome, print_plan
    from fenghuo.commands import session
    from fenghuo.security.passwords import Auth

    async def work(desk: "Desk", transport: "AnyTransport", _settings: "Settings") -> None:
        auth = Auth(desk.client, desk.keys)
        for person_id, password in plan.passwords.items():
            await _set_password(desk, auth, person_id, password)
        await _publish(desk, transport, plan.to_publish)

    plan = _plan(file, district)
    if not as_json:
        print_plan(plan, "people", dry_run, 0)
    if not dry_run:
        steps.confirm(plan, "people", 0, yes)
        if plan.to_publish or plan.passwords:
            session.run(steps.ROOM, work)
    print_outcome(plan, "people", dry_run, as_json, 0)


def _plan(file: Path, district: str | None) -> "ImportPlan[Person]":
    """The rows of ``file`` compared with the desk."""
    from console.directory.import_rows import PERSON_ALIASES, PERSON_COLUMNS, plan_people
    from fenghuo.commands import session
    from fenghuo.spreadsheets.tables import read_rows

    table = read_rows(file, PERSON_COLUMNS, PERSON_ALIASES)
    rows = list(table)

    async def compare(desk: "Desk", settings: "Settings") -> "ImportPlan[Person]":
        known = await desk.directory.people()
        return plan_people(rows, known, district or settings.district, steps.sealer(settings))

    plan = session.with_desk(compare)
    plan.notes[:0] = table.notes
    return plan


@click.command("reset")
@click.argument("person_id", metavar="ID")
def reset(person_id: str) -> None:
    """Make a new password for ID, print it once, and end all of ID's sessions."""
    from fenghuo.commands import session
    from fenghuo.security.passwords import Auth

    async def work(desk: "Desk", _settings: "Settings") -> str:
        if await desk.directory.person(person_id) is None:
            raise Refused(f"there is nobody called {person_id}: add them with `fenghuo people add`")
        password = new_password()
        await _set_password(desk, Auth(desk.client, desk.keys), person_id, password)
        return password

    click.echo(session.with_desk(work))
    click.echo(f"the new password of {person_id}; it is not shown again", err=True)


@click.command("remove")
@click.argument("person_id", metavar="ID")
def remove(person_id: str) -> None:
    """Mark ID as gone: ID can no longer log in, decide or tap. `fenghuo people add` brings ID back with a new
    password.

    Groups that name ID are listed: until the list of groups names another, their deputy and station tap.
    """
    from msgspec.structs import replace

    from console.web.sessions import Sessions
    from fenghuo.commands import session

    async def work(desk: "Desk", transport: "AnyTransport", _settings: "Settings") -> list[str]:
        person = await desk.directory.person(person_id)
        if person is None:
            raise Refused(f"there is nobody called {person_id}")

        async def is_gone() -> bool:
            return await desk.directory.person(person_id) is None

        await steps.publish(transport, _events([replace(person, gone=True)]), "people")
        await steps.wait_for_desk(is_gone)
        await Sessions(desk.client, desk.keys).close_all(person_id)
        named = (x for x in (await desk.directory.groups()).values() if person_id in (x.owner, x.deputy))
        return sorted(x.group_id for x in named)

    left = session.run(steps.ROOM, work)
    click.echo(f"{person_id} is gone", err=True)
    if left:
        some = ", ".join(left[:5]) + (" ..." if len(left) > 5 else "")
        click.echo(f"{len(left)} groups still name {person_id} as owner or deputy: {some}", err=True)


def new_password() -> str:
    """About 80 random bits, easy to read out: four groups of four without look-alikes."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))


async def _set_password(desk: "Desk", auth: "Auth", person_id: str, password: str) -> None:
    """Set the password and end the sessions that were opened with the old one."""
    from console.web.sessions import Sessions

    try:
        await auth.set_password(person_id, password)
    except ValueError as error:
        raise Refused(f"{person_id}: {error}") from None
    await Sessions(desk.client, desk.keys).close_all(person_id)


async def _publish(desk: "Desk", transport: "AnyTransport", people: "Sequence[Person]") -> None:
    async def are_on_desk() -> bool:
        found = await desk.directory.people()
        return all(found.get(p.person_id) == p for p in people)

    await steps.publish(transport, _events(people), "people")
    await steps.wait_for_desk(are_on_desk)


def _events(people: "Sequence[Person]") -> "list[Event]":
    from fenghuo import clock
    from fenghuo.domain.events import PersonChanged, derive_id

    at = clock.now()
    return [
        PersonChanged(event_id=derive_id("person", p.person_id, at.isoformat()), at=at, person=p)
        for p in people
    ]
