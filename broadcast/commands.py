"""Commands of the room: ``fenghuo deliveries ALERT``."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from fenghuo.errors import Refused

if TYPE_CHECKING:
    from broadcast.delivery_report import DeliverySum
    from fenghuo.desk.desk import Desk
    from fenghuo.domain.ledger import LedgerLine
    from fenghuo.settings import Settings


@click.command(short_help="Show which group has an alert, since when, and what failed.")
@click.argument("alert_id")
@click.option("--version", type=click.IntRange(1), help="Of the alert; the newest where none is named.")
@click.option("--kind", type=click.Choice(["warning", "correction"]), default="warning", show_default=True)
@click.option(
    "--by", type=click.Choice(["state", "channel", "station", "town"]), default="state", show_default=True,
    help="What the sums are of.",
)  # fmt: skip
@click.option(
    "--csv", "as_csv", is_flag=True, help="Every group as a row of the file that the alert's page offers."
)
@click.option("--json", "as_json", is_flag=True, help="Every group and the sums as JSON.")
def deliveries(
    *, alert_id: str, version: int | None, kind: str, by: str, as_csv: bool, as_json: bool
) -> None:
    """The ledger of ALERT_ID: how many groups and residents in each state, or every group.

    requested_at: when the release requested the delivery; waiting_at: since when it waits, or waited, for a
    person; settled_at: when it came to its end. cause: how we know (send, tap, poll ...); by: who tapped.

    --csv is the file that the alert's page offers: China's time, people by name. --json is for programs: UTC,
    people by id.
    """
    from broadcast.delivery_report import sums_by
    from fenghuo.commands.session import with_desk
    from fenghuo.domain.ledger import csv_file, ledger_lines, people_of

    async def work(desk: "Desk", _settings: "Settings") -> None:
        alert = await desk.alerts.get(alert_id)
        if alert is None:
            raise Refused(f"there is no alert {alert_id}; the console's alerts page shows the ids")
        if version is not None and version > alert.version:
            raise Refused(
                f"{alert_id} has come to version {alert.version}, there is no version {version} yet"
            )
        of = version or alert.version
        ledger = await desk.deliveries.ledger(alert.alert_id, of, kind)
        groups = await desk.directory.groups_by_id(list(ledger))
        planned = await desk.deliveries.planned_count(alert.alert_id, of, kind)
        lines = ledger_lines(ledger, groups, await desk.alerts.history(alert.alert_id), of, kind)
        if as_csv:
            people = await desk.directory.people_by_id(people_of(lines))
            sys.stdout.buffer.write(csv_file(lines, {x: person.name for x, person in people.items()}))
        elif as_json:
            head = {
                "alert_id": alert_id,
                "version": of,
                "kind": kind,
                "state": alert.state,
                "planned": planned,
            }
            _write_json(head, by, sums_by(lines, by), lines)
        else:
            count = planned if planned is not None else "-"
            click.echo(f"{alert.content.title}  {alert.state}  version {of} {kind}  planned {count}")
            _write_sums(sums_by(lines, by))

    with_desk(work)


def _write_json(
    head: Mapping[str, Any], by: str, sums: "list[DeliverySum]", lines: "Sequence[LedgerLine]"
) -> None:
    rows = [_as_json(line) for line in lines]
    by_name = [
        {"name": x.name, "groups": x.groups, "residents": x.residents, "states": x.states} for x in sums
    ]
    click.echo(json.dumps({**head, "by": by, "sums": by_name, "deliveries": rows}, ensure_ascii=False))


def _as_json(line: "LedgerLine") -> dict[str, str]:
    """One delivery for programs: people by id, times in UTC, every value a string."""
    times = {"requested_at": line.requested_at, "waiting_at": line.waiting_at, "settled_at": line.settled_at}
    return {
        "group_id": line.group_id, "name": line.name, "town": line.town, "station": line.station,
        "owner": line.owner, "channel": line.row.channel, "state": line.row.state,
        **{key: x.isoformat(timespec="seconds") if x else "" for key, x in times.items()},
        "cause": line.row.cause, "by": line.row.by, "attempts": str(line.row.attempt),
        "reason": line.row.reason or line.row.held,
    }  # fmt: skip


def _write_sums(sums: "list[DeliverySum]") -> None:
    for x in sums:
        states = ", ".join(f"{state} {count}" for state, count in x.states.items())
        figures = f"  {x.groups:>6} groups  {x.residents:>8} residents"
        click.echo(f"{figures}  {x.name}" + (f": {states}" if list(x.states) != [x.name] else ""))
