"""``fenghuo groups`` and ``fenghuo people``: bring in who is warned and who may do what.

Writes groups.changed and people.changed; passwords go to Redis alone and into no event.
"""

import secrets
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fenghuo.domain.channels import CHANNELS, GROUP_CHANNELS, NEEDS_TAP, SIGNING
from fenghuo.errors import Refused, Unavailable

if TYPE_CHECKING:
    from console.directory.import_rows import ImportPlan
    from fenghuo.desk.desk import Desk
    from fenghuo.domain.events import Event, Group, Person
    from fenghuo.runtime.room import AnyTransport
    from fenghuo.security.passwords import Auth
    from fenghuo.settings import Settings

NAME = "console"
AT_ONCE = 500
DESK_WAIT_S = 30.0
_LOOK_EVERY_S = 0.2


def _addresses() -> str:
    """Each channel with what its target is, as lines of a help page."""
    lines = ["\b", "Channels and their targets:"]
    for name in GROUP_CHANNELS:
        address = CHANNELS[name].address
        wanted = address.wanted if address else "none"
        wanted += "; secret: if it signs" if name in SIGNING else ""
        wanted += "; the owner taps" if name in NEEDS_TAP else ""
        lines.append(f"{name:<22}{wanted}")
    return "\n".join(lines)


_ADDRESSES = _addresses()

File = click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
DryRun = click.option("--dry-run", is_flag=True, help="Tell what would change, change nothing.")
Yes = click.option("--yes", is_flag=True, help="Do not ask (nobody is asked where there is no terminal).")
Json = click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
District = click.option("--district", help="For rows that name none (default: FENGHUO_DISTRICT).")


@click.group(short_help="The residents' groups that warnings go to.")
def groups() -> None:
    """Bring in the groups that warnings go to."""


@groups.command("import", epilog=_ADDRESSES)
@File
@District
@DryRun
@Yes
@click.option(
    "--gone", is_flag=True, help="Mark the groups that are not in FILE as gone; asks for the count."
)
@Json
def import_groups(
    *, file: Path, district: str | None, dry_run: bool, yes: bool, gone: bool, as_json: bool
) -> None:
    """Bring in groups from FILE (.csv, .tsv, .jsonl, .xlsx). Running it again is safe.

    \b
    Columns: group_id (群编号), name (群名), district (区), town (街镇),
    station (派出所), owner (群主), deputy (副群主), members (人数),
    tags (标签), quota_day (每日上限), and the ways to the group in order of
    preference: channel (通道), target (地址), secret (密钥),
    credential (凭据), channel2 (通道2), target2 (地址2) ... up to 5.
    Each channel's target is listed below; the first channel is the default.

    Addresses and secrets are sealed before they are kept and are never shown. What would change is shown
    first, and a terminal is asked; a script is not. Groups of the same district that are not in the file are
    told and kept, or marked as gone with --gone (a script gives --yes as well). Status 0: every row is in;
    1: some refused; 2: nothing is in.
    """
    from console.directory.import_rows import GROUP_ALIASES, GROUP_COLUMNS, sort_groups
    from console.directory.terminal_output import show, tell
    from fenghuo.commands import session
    from fenghuo.spreadsheets.tables import read_rows

    table = read_rows(file, GROUP_COLUMNS, GROUP_ALIASES)
    rows = list(table)

    async def look(desk: "Desk", settings: "Settings") -> "tuple[ImportPlan[Group], list[Group]]":
        known = await desk.directory.groups()
        found = sort_groups(rows, known, district or settings.district, _sealing(settings))
        return found, [known[x] for x in found.missing]

    found, missing = session.with_desk(look)
    found.notes[:0] = table.notes
    leaving = _leaving(found, missing) if gone else []
    if not as_json:
        show(found, "groups", dry_run, len(leaving))
    if not dry_run:
        _ask(found, "groups", len(leaving), yes)
        wanted = [*found.to_publish, *leaving]

        async def work(desk: "Desk", transport: "AnyTransport", _settings: "Settings") -> None:
            await _publish(transport, _group_events(wanted), "groups")
            await _shown_on_desk(lambda: _groups_stand(desk, wanted))

        if wanted:
            session.run(NAME, work)
    tell(found, "groups", dry_run, as_json, len(leaving))


def _sealing(settings: "Settings") -> Callable[[str], str]:
    """Seals under the key of the rooms; Refused when there is something to seal and no key."""
    from fenghuo.security.sealing import seal

    key = settings.secret_key.get_secret_value()

    def seal_under_key(text: str) -> str:
        if text and not key:
            raise Refused("addresses are kept sealed: set FENGHUO_SECRET_KEY, the same as the rooms have")
        return seal(text, key)

    return seal_under_key


def _leaving(found: "ImportPlan[Group]", missing: "Sequence[Group]") -> "list[Group]":
    """The missing groups, marked as gone; Refused while a row is refused: it may be one of them."""
    from msgspec.structs import replace

    from console.directory.terminal_output import show_refused

    if found.refused and missing:
        show_refused(found)
        raise Refused(
            f"{len(found.refused)} rows are refused, so nobody knows who is gone: mend them first, or leave "
            "--gone out. Nothing was changed."
        )
    return [replace(group, gone=True) for group in missing]


def _ask(found: "ImportPlan[Any]", what: str, leaving: int, yes: bool) -> None:
    """Go on only if a person says so, where one is at a terminal."""
    if yes or not (found.to_publish or found.passwords or leaving):
        return
    if not _asked_at_a_terminal():
        if leaving:
            raise Refused(
                f"--gone would mark {leaving} {what} as gone: give --yes as well. Nothing was changed."
            )
        return
    if leaving:
        counted = click.prompt(f"{leaving} {what} will be gone. Type their number to go on", err=True)
        agreed = counted.strip().replace(",", "") == str(leaving)
    else:
        agreed = click.confirm(f"Bring in {len(found.to_publish)} {what}?", err=True)
    if not agreed:
        raise Refused("nothing was changed")


def _group_events(found: "Sequence[Group]") -> "list[Event]":
    from fenghuo import clock
    from fenghuo.domain.events import GroupChanged, derive_id

    at = clock.now()
    return [
        GroupChanged(event_id=derive_id("group", g.group_id, at.isoformat()), at=at, group=g) for g in found
    ]


async def _groups_stand(desk: "Desk", wanted: "Sequence[Group]") -> bool:
    standing = await desk.directory.groups_by_id([g.group_id for g in wanted])
    return all(standing.get(g.group_id) == g for g in wanted)


@groups.command("coverage")
@Json
def coverage(*, as_json: bool) -> None:
    """Tell which groups a warning would not reach, or nobody would answer for, and what to do about it.

    No owner; no deputy; no channel that reaches (only the sandbox, a channel that is not known here, a
    credential that is missing, or one that needs a tap where there is nobody); an owner who never answers: of
    the warnings of the last 30 days (at most 20) three or more waited for the person, who tapped none.
    """
    from console.directory.coverage_survey import survey
    from console.directory.terminal_output import tell_coverage
    from fenghuo.commands import session

    tell_coverage(session.with_desk(survey), as_json)


def _asked_at_a_terminal() -> bool:
    """Whether a person sees the question (it goes to standard error) and can answer it."""
    return sys.stdin.isatty() and sys.stderr.isatty()


@click.group(short_help="The people who may log in, and what they may do.")
def people() -> None:
    """Bring in people and issue their passwords."""


@people.command("add")
@click.argument("person_id", metavar="ID")
@click.option("--name", required=True)
@click.option("--role", required=True, help="officer, analyst, approver, administrator or auditor.")
@District
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
    from msgspec.structs import replace

    from console.directory.addresses import WrongRowError
    from console.directory.import_rows import person_of
    from fenghuo.commands import session
    from fenghuo.security.passwords import Auth

    given = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    cells = {
        "person_id": person_id,
        "name": name,
        "role": role,
        "district": district or "",
        "station": station,
        "duty": "yes" if duty else "",
        "userid": userid or "",
        "notify": notify or "",
    }

    async def work(desk: "Desk", transport: "AnyTransport", settings: "Settings") -> str | None:
        try:
            person = person_of(cells, settings.district, _sealing(settings))
        except WrongRowError as error:
            raise Refused(str(error)) from None
        before = await desk.directory.person(person_id)
        if before:
            given_now = {"duty": duty, "userid": userid, "notify": notify}
            kept = {k: getattr(before, k) for k, v in given_now.items() if v is None}
            person = replace(person, **kept)
        password = given or (None if before else new_password())
        if password:
            await _set_password(desk, Auth(desk.client, desk.keys), person_id, password)
        await _publish(transport, _person_events([person]), "people")
        await _shown_on_desk(lambda: _people_stand(desk, [person]))
        return None if given else password

    made = session.run(NAME, work)
    if made:
        click.echo(made)
    click.echo(f"{person_id} is in" + ("; the password is not shown again" if made else ""), err=True)


@people.command("import")
@File
@District
@DryRun
@Yes
@Json
def import_people(*, file: Path, district: str | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Bring in people from FILE (.csv, .tsv, .jsonl, .xlsx). Running it again is safe.

    Columns: person_id (账号), name (姓名), role (岗位), district (区), station (派出所), duty (值班: 是 for a
    station's duty account, which sees all its groups), userid (企业微信账号), notify (通知: where the person
    is told of what waits, as channel=address, such as wecom_robot=KEY or webhook=URL; kept sealed), and
    optionally password (密码), which sets it. Who has none yet gets one from `fenghuo people reset ID`. What
    would change is shown first, and a terminal is asked; a script is not.
    """
    from console.directory.import_rows import PERSON_ALIASES, PERSON_COLUMNS, sort_people
    from console.directory.terminal_output import show, tell
    from fenghuo.commands import session
    from fenghuo.security.passwords import Auth
    from fenghuo.spreadsheets.tables import read_rows

    table = read_rows(file, PERSON_COLUMNS, PERSON_ALIASES)
    rows = list(table)

    async def look(desk: "Desk", settings: "Settings") -> "ImportPlan[Person]":
        people = await desk.directory.people()
        return sort_people(rows, people, district or settings.district, _sealing(settings))

    async def work(desk: "Desk", transport: "AnyTransport", _settings: "Settings") -> None:
        auth = Auth(desk.client, desk.keys)
        for person_id, password in found.passwords.items():
            await _set_password(desk, auth, person_id, password)
        await _publish(transport, _person_events(found.to_publish), "people")
        await _shown_on_desk(lambda: _people_stand(desk, found.to_publish))

    found = session.with_desk(look)
    found.notes[:0] = table.notes
    if not as_json:
        show(found, "people", dry_run, 0)
    if not dry_run:
        _ask(found, "people", 0, yes)
        if found.to_publish or found.passwords:
            session.run(NAME, work)
    tell(found, "people", dry_run, as_json, 0)


@people.command("reset")
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


@people.command("remove")
@click.argument("person_id", metavar="ID")
def remove(person_id: str) -> None:
    """Mark ID as gone, who from then on can neither log in nor decide nor tap; `fenghuo people add` brings ID
    back with a new password.

    Groups that name ID are told of: until the list of groups names another, their deputy and station tap.
    """
    from msgspec.structs import replace

    from console.web.sessions import Sessions
    from fenghuo.commands import session

    async def work(desk: "Desk", transport: "AnyTransport", _settings: "Settings") -> list[str]:
        person = await desk.directory.person(person_id)
        if person is None:
            raise Refused(f"there is nobody called {person_id}")
        await _publish(transport, _person_events([replace(person, gone=True)]), "people")
        await _shown_on_desk(lambda: _is_gone(desk, person_id))
        await Sessions(desk.client, desk.keys).close_all(person_id)
        named = (x for x in (await desk.directory.groups()).values() if person_id in (x.owner, x.deputy))
        return sorted(x.group_id for x in named)

    left = session.run(NAME, work)
    click.echo(f"{person_id} is gone", err=True)
    if left:
        some = ", ".join(left[:5]) + (" ..." if len(left) > 5 else "")
        click.echo(f"{len(left)} groups still name {person_id} as owner or deputy: {some}", err=True)


async def _is_gone(desk: "Desk", person_id: str) -> bool:
    return await desk.directory.person(person_id) is None


def new_password() -> str:
    """About 80 random bits, easy to read out: four groups of four without look-alikes."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))


async def _set_password(desk: "Desk", auth: "Auth", person_id: str, password: str) -> None:
    """Keep the password and end the sessions that the old one opened."""
    from console.web.sessions import Sessions

    try:
        await auth.set_password(person_id, password)
    except ValueError as error:
        raise Refused(f"{person_id}: {error}") from None
    await Sessions(desk.client, desk.keys).close_all(person_id)


def _person_events(found: "Sequence[Person]") -> "list[Event]":
    from fenghuo import clock
    from fenghuo.domain.events import PersonChanged, derive_id

    at = clock.now()
    return [
        PersonChanged(event_id=derive_id("person", p.person_id, at.isoformat()), at=at, person=p)
        for p in found
    ]


async def _people_stand(desk: "Desk", wanted: "Sequence[Person]") -> bool:
    standing = await desk.directory.people()
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
