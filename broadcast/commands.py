"""Commands of the room: ``fenghuo deliveries ALERT``."""

import csv
import sys

import click

from fenghuo.errors import Refused


@click.command(short_help="Show which group has an alert, since when, and what failed.")
@click.argument("alert_id")
@click.option("--csv", "as_csv", is_flag=True, help="Every group as a CSV row on standard output.")
def deliveries(alert_id: str, as_csv: bool) -> None:
    """The ledger of ALERT_ID: how many groups in each state, or every group with --csv."""
    from collections import Counter

    from fenghuo.clock import from_ms
    from fenghuo.offline import run
    from fenghuo.settings import Settings
    from fenghuo.stores.desk import Desk

    async def work(desk: Desk, _transport: object, _settings: Settings) -> None:
        alert = await desk.alert(alert_id)
        if alert is None:
            raise Refused(f"there is no alert {alert_id}; the console's alerts page shows the ids")
        ledger = await desk.ledger(alert.alert_id, alert.version)
        if as_csv:
            out = csv.writer(sys.stdout)
            out.writerow(["group_id", "state", "at", "channel", "attempt", "reason"])
            for group_id, row in sorted(ledger.items()):
                at = from_ms(row.at_ms).isoformat()
                out.writerow([group_id, row.state, at, row.channel, row.attempt, row.reason])
            return
        planned = await desk.planned(alert.alert_id, alert.version)
        click.echo(f"{alert.content.title}  {alert.state}  planned {planned if planned is not None else '-'}")
        for state, count in Counter(row.state for row in ledger.values()).most_common():
            click.echo(f"  {state:<12} {count}")

    run("broadcast", work)
