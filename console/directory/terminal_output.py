"""Terminal output of the commands on groups and people. It has no addresses and no secrets."""

import json
from typing import Any

import click

from console.directory.coverage import ON_SANDBOX, PROBLEMS, Area, area_of, count_reasons, sums_by_area
from console.directory.coverage_survey import CoverageReport
from console.directory.import_rows import FieldChange, ImportPlan

SHOWN = 20
"""Refused and changed rows that are listed on a terminal."""


def print_plan(plan: ImportPlan[Any], noun: str, dry_run: bool, leaving: int) -> None:
    """What would change, on standard error: notes, refused rows, changed fields, missing items."""
    for note in plan.notes:
        click.echo(f"note: {note}", err=True)
    print_refused(plan)
    for key in list(plan.changes)[:SHOWN]:
        changes = ", ".join(_describe(x) for x in plan.changes[key])
        click.echo(f"{key}: {changes}", err=True)
    if len(plan.changes) > SHOWN:
        click.echo(f"... and {len(plan.changes) - SHOWN} more changed (all with --json)", err=True)
    if plan.missing:
        some = ", ".join(plan.missing[:5]) + (" ..." if len(plan.missing) > 5 else "")
        fate = "they will be gone" if leaving else "they are kept"
        click.echo(f"{len(plan.missing)} stand on the desk and not in the file; {fate}: {some}", err=True)
    if not dry_run:
        click.echo(_summary(plan, noun, "will be ", leaving), err=True)


def print_refused(plan: ImportPlan[Any]) -> None:
    for row in plan.refused[:SHOWN]:
        click.echo(f"line {row.line}: {row.reason}", err=True)
    if len(plan.refused) > SHOWN:
        click.echo(f"... and {len(plan.refused) - SHOWN} more refused (all with --json)", err=True)


def _describe(change: FieldChange) -> str:
    if not change.before and not change.after:
        return f"{change.name} changed"
    return f"{change.name} {change.before or '(empty)'} -> {change.after or '(empty)'}"


def _summary(plan: ImportPlan[Any], noun: str, verb: str, leaving: int) -> str:
    gone = f"{leaving} {verb}gone, " if leaving else ""
    return (
        f"{noun}: {len(plan.new)} {verb}new, {len(plan.changed)} {verb}changed, {gone}"
        f"{plan.same} the same, {len(plan.refused)} refused"
    )


def print_outcome(plan: ImportPlan[Any], noun: str, dry_run: bool, as_json: bool, leaving: int) -> None:
    """The outcome on standard output. Exits with the command's status."""
    if as_json:
        outcome = {
            "new": len(plan.new), "changed": len(plan.changed), "same": plan.same, "gone": leaving,
            "missing": plan.missing, "notes": plan.notes, "dry_run": dry_run,
            "refused": [{"line": x.line, "reason": x.reason} for x in plan.refused],
            "changes": {
                key: {x.name: [x.before, x.after] if x.before or x.after else "changed" for x in changes}
                for key, changes in plan.changes.items()
            },
        }  # fmt: skip
        click.echo(json.dumps(outcome, ensure_ascii=False))
    else:
        click.echo(_summary(plan, noun, "would be " if dry_run else "", leaving))
    good = len(plan.to_publish) + plan.same
    raise SystemExit(0 if not plan.refused and good else 1 if good else 2)


PROBLEM_TEXTS = {
    "no_way": (
        "no channel that reaches",
        "give them a channel and a target in the list, and import it again",
    ),
    "no_owner": ("no owner", "let the station name an officer; fill the column owner"),
    "silent": ("an owner who never answers", "let the station ask why; see that a deputy stands in"),
    "no_deputy": ("no deputy", "fill the column deputy: the deputy taps when the owner does not"),
}
"""Each problem in words, and what to do about it."""
REASON_TEXTS = {
    ON_SANDBOX: "on the sandbox only",
    "unknown": "on a channel that is not known here",
    "credential": "whose credential is missing in FENGHUO_CREDENTIALS_FILE",
    "nobody": "where somebody must tap and there is nobody",
}


WIDTH = 110
"""Width of the table in characters, so that no name is cut."""


def print_coverage(report: CoverageReport, as_json: bool) -> None:
    """The coverage on standard output."""
    total, rows = area_of(report.findings), sums_by_area(report.findings)
    reasons = count_reasons(report.findings)
    if as_json:
        outcome = {
            **_figures(total), "no_way_because": reasons, "silent_owners": report.unresponsive,
            "unread": report.credentials_error,
            "areas": [{"town": x.town, "station": x.station, **_figures(x)} for x in rows],
            "groups_with_problems": {
                x.group.group_id: [*x.problems, *([x.reason] if x.reason else [])]
                for x in report.findings if x.problems
            },
        }  # fmt: skip
        click.echo(json.dumps(outcome, ensure_ascii=False))
        return
    click.echo(
        f"{total.groups:,} groups, {total.residents:,} residents; "
        f"{total.unreached:,} residents are not reached"
    )
    if report.credentials_error:
        click.echo(f"note: credentials were not checked: {report.credentials_error}", err=True)
    for problem in PROBLEMS:
        if total.counts[problem]:
            text, todo = PROBLEM_TEXTS[problem]
            count, residents = total.counts[problem], total.residents_by_problem[problem]
            click.echo(f"\n{count:,} groups ({residents:,} residents) have {text}: {todo}")
            for reason, n in reasons.items() if problem == "no_way" else ():
                click.echo(f"  {n:>6,} {REASON_TEXTS[reason]}")
            for owner, n in report.unresponsive.items() if problem == "silent" else ():
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
