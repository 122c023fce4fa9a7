"""``fenghuo groups import`` and ``fenghuo groups coverage``. Writes groups.changed."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from console.directory import command_steps as steps
from fenghuo.domain.channels import CHANNELS, GROUP_CHANNELS, NEEDS_TAP, SIGNING
from fenghuo.errors import Refused

if TYPE_CHECKING:
    from console.directory.import_rows import ImportPlan
    from fenghuo.desk.desk import Desk
    from fenghuo.domain.events import Event, Group
    from fenghuo.runtime.room import AnyTransport
    from fenghuo.settings import Settings


def _channel_help() -> str:
    """Each channel with the form of its target, as lines of a help page."""
    lines = ["\b", "Channels and their targets:"]
    for name in GROUP_CHANNELS:
        address = CHANNELS[name].address
        wanted = address.wanted if address else "none"
        wanted += "; secret: if it signs" if name in SIGNING else ""
        wanted += "; the owner taps" if name in NEEDS_TAP else ""
        lines.append(f"{name:<22}{wanted}")
    return "\n".join(lines)


@click.command("import", epilog=_channel_help())
@steps.File
@steps.District
@steps.DryRun
@steps.Yes
@click.option(
    "--gone", is_flag=True, help="Mark the groups that are not in FILE as gone; asks for the count."
)
@steps.Json
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
    listed and kept, or marked as gone with --gone (a script gives --yes as well). Status 0: every row is in;
    1: some refused; 2: nothing is in.
    """
    from console.directory.terminal_output import print_outcome, print_plan

    plan, missing = _plan(file, district)
    leaving = _mark_gone(plan, missing) if gone else []
    if not as_json:
        print_plan(plan, "groups", dry_run, len(leaving))
    if not dry_run:
        steps.confirm(plan, "groups", len(leaving), yes)
        _publish([*plan.to_publish, *leaving])
    print_outcome(plan, "groups", dry_run, as_json, len(leaving))


def _plan(file: Path, district: str | None) -> "tuple[ImportPlan[Group], list[Group]]":
    """The rows of ``file`` compared with the desk, and the groups of the desk that it does not name."""
    from console.directory.import_rows import GROUP_ALIASES, GROUP_COLUMNS, plan_groups
    from fenghuo.commands import session
    from fenghuo.spreadsheets.tables import read_rows

    table = read_rows(file, GROUP_COLUMNS, GROUP_ALIASES)
    rows = list(table)

    async def compare(desk: "Desk", settings: "Settings") -> "tuple[ImportPlan[Group], list[Group]]":
        known = await desk.directory.groups()
        plan = plan_groups(rows, known, district or settings.district, steps.sealer(settings))
        return plan, [known[x] for x in plan.missing]

    plan, missing = session.with_desk(compare)
    plan.notes[:0] = table.notes
    return plan, missing


def _mark_gone(plan: "ImportPlan[Group]", missing: "Sequence[Group]") -> "list[Group]":
    """The missing groups, marked as gone; Refused while a row is refused, since it may be one of them."""
    from msgspec.structs import replace

    from console.directory.terminal_output import print_refused

    if plan.refused and missing:
        print_refused(plan)
        raise Refused(
            f"{len(plan.refused)} rows are refused, so nobody knows who is gone: mend them first, or leave "
            "--gone out. Nothing was changed."
        )
    return [replace(group, gone=True) for group in missing]


def _publish(groups: "Sequence[Group]") -> None:
    from fenghuo.commands import session

    async def work(desk: "Desk", transport: "AnyTransport", _settings: "Settings") -> None:
        async def are_on_desk() -> bool:
            found = await desk.directory.groups_by_id([g.group_id for g in groups])
            return all(found.get(g.group_id) == g for g in groups)

        await steps.publish(transport, _events(groups), "groups")
        await steps.wait_for_desk(are_on_desk)

    if groups:
        session.run(steps.ROOM, work)


def _events(groups: "Sequence[Group]") -> "list[Event]":
    from fenghuo import clock
    from fenghuo.domain.events import GroupChanged, derive_id

    at = clock.now()
    return [
        GroupChanged(event_id=derive_id("group", g.group_id, at.isoformat()), at=at, group=g) for g in groups
    ]


@click.command("coverage")
@steps.Json
def coverage(*, as_json: bool) -> None:
    """List the groups that a warning would not reach or nobody would tap for, and what to do about it.

    No owner; no deputy; no channel that reaches (only the sandbox, a channel that is not known here, a
    credential that is missing, or one that needs a tap where there is nobody); an owner who never answers: of
    the warnings of the last 30 days (at most 20) three or more waited for the person, who tapped none.
    """
    from console.directory.coverage_survey import collect_coverage
    from console.directory.terminal_output import print_coverage
    from fenghuo.commands import session

    print_coverage(session.with_desk(collect_coverage), as_json)
