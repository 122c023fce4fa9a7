"""Commands of the room: ``fenghuo deliveries ALERT``."""

import csv
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from fenghuo.errors import Refused

if TYPE_CHECKING:
    from broadcast.delivery_report import Line, Part
    from fenghuo.desk.desk import Desk
    from fenghuo.settings import Settings


@click.command(short_help="Show which group has an alert, since when, and what failed.")
@click.argument("alert_id")
@click.option("--version", type=click.IntRange(1), help="Of the alert; the newest where none is named.")
@click.option("--kind", type=click.Choice(["warning", "correction"]), default="warning", show_default=True)
@click.option(
    "--by", type=click.Choice(["state", "channel", "station", "town"]), default="state", show_default=True,
    help="What the sums are of.",
)  # fmt: skip
@click.option("--csv", "as_csv", is_flag=True, help="Every group as a CSV row on standard output.")
@click.option("--json", "as_json", is_flag=True, help="Every group and the sums as JSON.")
def deliveries(
    *, alert_id: str, version: int | None, kind: str, by: str, as_csv: bool, as_json: bool
) -> None:
    """The ledger of ALERT_ID: how many groups and residents in each state, or every group.

    Times are ISO 8601 in UTC. requested_at: when the release asked for it; waiting_at: since when it waits,
    or waited, for a person; settled_at: when it came to its end. cause: what told us (send, tap, poll ...);
    by: who tapped.
    """
    from broadcast.delivery_report import lines_of, parts_by
    from fenghuo.commands.session import with_desk

    async def work(desk: "Desk", _settings: "Settings") -> None:
        alert = await desk.alert(alert_id)
        if alert is None:
            raise Refused(f"there is no alert {alert_id}; the console's alerts page shows the ids")
        if version is not None and version > alert.version:
            raise Refused(
                f"{alert_id} has come to version {alert.version}, there is no version {version} yet"
            )
        of = version or alert.version
        ledger = await desk.ledger(alert.alert_id, of, kind)
        groups = await desk.groups_by_id(list(ledger))
        planned = await desk.planned(alert.alert_id, of, kind)
        lines = lines_of(ledger, groups, await desk.history(alert.alert_id), of, kind)
        if as_csv:
            _write_csv(lines)
        elif as_json:
            head = {
                "alert_id": alert_id,
                "version": of,
                "kind": kind,
                "state": alert.state,
                "planned": planned,
            }
            _write_json(head, by, parts_by(lines, by), lines)
        else:
            count = planned if planned is not None else "-"
            click.echo(f"{alert.content.title}  {alert.state}  version {of} {kind}  planned {count}")
            _write_sums(parts_by(lines, by))

    with_desk(work)


def _write_csv(lines: "list[Line]") -> None:
    from fenghuo.domain.ledger import COLUMNS, safe

    out = csv.writer(sys.stdout)
    out.writerow(COLUMNS)
    out.writerows([safe(x) for x in line.cells] for line in lines)


def _write_json(head: Mapping[str, Any], by: str, parts: "list[Part]", lines: "list[Line]") -> None:
    from fenghuo.domain.ledger import COLUMNS

    rows = [dict(zip(COLUMNS, x.cells, strict=True)) for x in lines]
    sums = [{"name": x.name, "groups": x.groups, "residents": x.residents, "states": x.states} for x in parts]
    click.echo(json.dumps({**head, "by": by, "sums": sums, "deliveries": rows}, ensure_ascii=False))


def _write_sums(parts: "list[Part]") -> None:
    for part in parts:
        states = ", ".join(f"{state} {count}" for state, count in part.states.items())
        told = f"  {part.groups:>6} groups  {part.residents:>8} residents"
        click.echo(f"{told}  {part.name}" + (f": {states}" if list(part.states) != [part.name] else ""))
