"""What commands on groups and people say: an import before and after, and the coverage. No address and no
secret."""

import json
from typing import Any

import click

from console.directory.coverage import ON_SANDBOX, PROBLEMS, Area, area_of, areas, whys
from console.directory.coverage_survey import CoverageReport
from console.directory.import_rows import FieldChange, ImportPlan

SHOWN = 20
"""Refused and changed rows that are listed on a terminal."""


def show(found: ImportPlan[Any], what: str, dry_run: bool, leaving: int) -> None:
    """What would change, on standard error: notes, refused rows, changed fields, who is missing."""
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    show_refused(found)
    for key in list(found.changes)[:SHOWN]:
        told = ", ".join(_change_told(x) for x in found.changes[key])
        click.echo(f"{key}: {told}", err=True)
    if len(found.changes) > SHOWN:
        click.echo(f"... and {len(found.changes) - SHOWN} more changed (all with --json)", err=True)
    if found.missing:
        some = ", ".join(found.missing[:5]) + (" ..." if len(found.missing) > 5 else "")
        fate = "they will be gone" if leaving else "they are kept"
        click.echo(f"{len(found.missing)} stand on the desk and not in the file; {fate}: {some}", err=True)
    if not dry_run:
        click.echo(_sums(found, what, "will be ", leaving), err=True)


def show_refused(found: ImportPlan[Any]) -> None:
    for row in found.refused[:SHOWN]:
        click.echo(f"line {row.line}: {row.reason}", err=True)
    if len(found.refused) > SHOWN:
        click.echo(f"... and {len(found.refused) - SHOWN} more refused (all with --json)", err=True)


def _change_told(change: FieldChange) -> str:
    if not change.before and not change.after:
        return f"{change.name} changed"
    return f"{change.name} {change.before or '(empty)'} -> {change.after or '(empty)'}"


def _sums(found: ImportPlan[Any], what: str, verb: str, leaving: int) -> str:
    gone = f"{leaving} {verb}gone, " if leaving else ""
    return (
        f"{what}: {len(found.new)} {verb}new, {len(found.changed)} {verb}changed, {gone}"
        f"{found.same} the same, {len(found.refused)} refused"
    )


def tell(found: ImportPlan[Any], what: str, dry_run: bool, as_json: bool, leaving: int) -> None:
    """The outcome on standard output, and the command's status."""
    if as_json:
        outcome = {
            "new": len(found.new), "changed": len(found.changed), "same": found.same, "gone": leaving,
            "missing": found.missing, "notes": found.notes, "dry_run": dry_run,
            "refused": [{"line": x.line, "reason": x.reason} for x in found.refused],
            "changes": {
                key: {x.name: [x.before, x.after] if x.before or x.after else "changed" for x in changes}
                for key, changes in found.changes.items()
            },
        }  # fmt: skip
        click.echo(json.dumps(outcome, ensure_ascii=False))
    else:
        click.echo(_sums(found, what, "would be " if dry_run else "", leaving))
    good = len(found.to_publish) + found.same
    raise SystemExit(0 if not found.refused and good else 1 if good else 2)


NAMED = {
    "no_way": (
        "no channel that reaches",
        "give them a channel and a target in the list, and import it again",
    ),
    "no_owner": ("no owner", "let the station name an officer; fill the column owner"),
    "silent": ("an owner who never answers", "let the station ask why; see that a deputy stands in"),
    "no_deputy": ("no deputy", "fill the column deputy: the deputy taps when the owner does not"),
}
"""Each problem in words, and what to do."""
WHY = {
    ON_SANDBOX: "on the sandbox only",
    "unknown": "on a channel that is not known here",
    "credential": "whose credential is missing in FENGHUO_CREDENTIALS_FILE",
    "nobody": "where somebody must tap and there is nobody",
}


WIDTH = 110
"""Characters of the table: no name is cut short."""


def tell_coverage(found: CoverageReport, as_json: bool) -> None:
    """The coverage on standard output."""
    total, rows, reasons = area_of(found.findings), areas(found.findings), whys(found.findings)
    if as_json:
        outcome = {
            **_figures(total), "no_way_because": reasons, "silent_owners": found.silent,
            "unread": found.unread,
            "areas": [{"town": x.town, "station": x.station, **_figures(x)} for x in rows],
            "groups_with_problems": {
                x.group.group_id: [*x.problems, *([x.why] if x.why else [])]
                for x in found.findings if x.problems
            },
        }  # fmt: skip
        click.echo(json.dumps(outcome, ensure_ascii=False))
        return
    click.echo(
        f"{total.groups:,} groups, {total.residents:,} residents; "
        f"{total.unreached:,} residents are not reached"
    )
    if found.unread:
        click.echo(f"note: credentials were not checked: {found.unread}", err=True)
    for problem in PROBLEMS:
        if total.counts[problem]:
            named, todo = NAMED[problem]
            count, residents = total.counts[problem], total.residents_by_problem[problem]
            click.echo(f"\n{count:,} groups ({residents:,} residents) have {named}: {todo}")
            for reason, n in reasons.items() if problem == "no_way" else ():
                click.echo(f"  {n:>6,} {WHY[reason]}")
            for owner, n in found.silent.items() if problem == "silent" else ():
                click.echo(f"  {owner}: {n} to-dos, none tapped")
    _table(rows)


def _figures(area: Area) -> dict[str, int]:
    return {
        "groups": area.groups, "residents": area.residents, "residents_not_reached": area.unreached,
        **area.counts,
    }  # fmt: skip


def _table(rows: list[Area]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("town", "station"):
        table.add_column(name)
    for name in ("groups", "residents", "not reached", "no channel", "no owner", "silent", "no deputy"):
        table.add_column(name, justify="right")
    for x in rows:
        figures = (x.groups, x.residents, x.unreached, *(x.counts[problem] for problem in PROBLEMS))
        table.add_row(x.town or "-", x.station or "-", *(f"{n:,}" for n in figures))
    click.echo()
    Console(highlight=False, width=WIDTH).print(table)
