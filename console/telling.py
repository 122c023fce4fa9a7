"""What an import says before and after: sums, changed fields, refused rows. No address and no secret."""

import json
from typing import Any

import click

from console.importing import Change, Sorted

SHOWN = 20
"""Refused and changed rows that are listed on a terminal."""


def show(found: Sorted[Any], what: str, dry_run: bool, leaving: int) -> None:
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


def show_refused(found: Sorted[Any]) -> None:
    for row in found.refused[:SHOWN]:
        click.echo(f"line {row.line}: {row.reason}", err=True)
    if len(found.refused) > SHOWN:
        click.echo(f"... and {len(found.refused) - SHOWN} more refused (all with --json)", err=True)


def _change_told(change: Change) -> str:
    if not change.before and not change.after:
        return f"{change.name} changed"
    return f"{change.name} {change.before or '(empty)'} -> {change.after or '(empty)'}"


def _sums(found: Sorted[Any], what: str, verb: str, leaving: int) -> str:
    gone = f"{leaving} {verb}gone, " if leaving else ""
    return (
        f"{what}: {len(found.new)} {verb}new, {len(found.changed)} {verb}changed, {gone}"
        f"{found.same} the same, {len(found.refused)} refused"
    )


def tell(found: Sorted[Any], what: str, dry_run: bool, as_json: bool, leaving: int) -> None:
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
