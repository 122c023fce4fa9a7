"""The command itself: a house with sample data, the stories, and with --auto the approver too."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from fenghuo import clock
from fenghuo.demo import district
from fenghuo.demo.measure import OnTheWall, Wall
from fenghuo.demo.stories import Everyday, Residents, Tally, tell_known, tell_novel, tell_sightings
from fenghuo.demo.visitor import Visitor
from fenghuo.errors import Refused
from fenghuo.house import House
from fenghuo.settings import load_settings
from fenghuo.up import tell, wait_for_the_end

PASSWORD = "beacon-fire-2026"  # noqa: S105 (of the demo's invented people, on an invented district)
SERVED_WITHIN_S = 180.0


@dataclass(slots=True)
class Play:
    """All that a run of the demo holds."""

    house: House
    residents: Residents
    wall: Wall
    tally: Tally
    group_ids: list[str]
    tell: Callable[[str], None]


@click.command(short_help="The whole system with sample data, and the two stories.")
@click.option("--auto", is_flag=True, help="Play the analyst and the approver too, then end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line on standard output at the end.")
@click.option("--broker", type=click.Choice(["redis", "kafka"]), default="redis", help="The transport.")
@click.option(
    "--groups", "count", type=click.IntRange(1, 100_000), default=district.GROUPS, show_default=True
)
@click.option("--everyday", type=click.FloatRange(0.1, 50), default=2.0, help="Everyday reports a second.")
def demo(auto: bool, as_json: bool, broker: str, count: int, everyday: float) -> None:
    """Start Fenghuo on an invented district and tell two stories, with the links to open.

    All is kept in a temporary folder and gone at the end.
    """
    say = (lambda _line: None) if as_json else tell
    with tempfile.TemporaryDirectory(prefix="fenghuo-demo-") as folder:
        settings = load_settings(
            broker=broker, data_dir=Path(folder) / "data", district=district.DISTRICT, redis_url="",
            kafka_servers="", kafka_session_timeout_s=6, reports_per_minute=100_000,
        )  # fmt: skip
        house = House(settings, say)
        try:
            house.start()
            run(house, say, Path(folder), auto=auto, as_json=as_json, count=count, everyday=everyday)
        finally:
            house.stop()


def run(
    house: House,
    say: Callable[[str], None],
    folder: Path,
    *,
    auto: bool,
    as_json: bool,
    count: int,
    everyday: float,
) -> None:
    """Fill the house, tell the stories, and end (--auto) or stay."""
    rows = district.groups(count, district.RESIDENTS * count // district.GROUPS)
    people = district.accounts(PASSWORD)
    fill(house, folder, rows, people)
    residents_of_all = sum(int(row["members"]) for row in rows)
    say(f"\n{district.DISTRICT}: {count:,} groups, {residents_of_all:,} residents (invented)")
    say(
        f"open {house.console_url} as one of: "
        + ", ".join(p.person_id for p in people)
        + f" (password {PASSWORD})"
    )
    tally = Tally()
    environment = house.environment
    residents = Residents(house.intake_url, environment["FENGHUO_INTAKE_TOKEN"], tally)
    wall = Wall(environment["FENGHUO_REDIS_URL"], house.settings.namespace)
    play = Play(house, residents, wall, tally, [row["group_id"] for row in rows], say)
    trickle = Everyday(residents, everyday)
    trickle.start()
    try:
        result = tell_stories(play, auto=auto)
        if auto:
            trickle.end()
            result["reports"] = tally.reports
            click.echo(json.dumps(result, ensure_ascii=False) if as_json else _told(result))
            if result["failed"] or result["duplicates"] or result["delivered"] != result["groups"]:
                raise SystemExit(1)
        else:
            say("\nstays open until Ctrl-C")
            wait_for_the_end(house)
    finally:
        trickle.end()
        residents.close()
        wall.close()


def fill(house: House, folder: Path, rows: list[dict[str, str]], people: list[district.Account]) -> None:
    """Bring groups and people in by the same commands that a district uses."""
    district.write_groups(folder / "groups.csv", rows)
    district.write_people(folder / "people.csv", people)
    command(house, ["groups", "import", str(folder / "groups.csv")])
    command(house, ["people", "import", str(folder / "people.csv")])


def command(house: House, words: Sequence[str]) -> str:
    """Run one ``fenghuo`` command against the house; its output, or Refused with what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "fenghuo", *words], env=house.environment, capture_output=True, text=True,
        timeout=120,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise Refused(f"fenghuo {' '.join(words)}: {done.stderr.strip()[-500:]}")
    return done.stdout


def tell_stories(play: Play, *, auto: bool) -> dict[str, Any]:
    """Both stories; with ``auto`` to their end, with the figures."""
    say, url = play.tell, play.house.console_url
    say("\n1. A known scam: a resident reports a text about a cancelled flight.")
    tell_known(play.residents, say)
    say("\n2. Something new: three business owners in three towns report a text, each altered.")
    analyst = log_in(url, "analyst")
    alert_id, to_draft_s = tell_novel(play.residents, analyst, say)
    say(
        f"  {to_draft_s:.2f} s after the third report a draft stands on the analyst's desk:\n"
        f"  {url}/alerts/{alert_id}"
    )
    if not auto:
        say(
            "  log in as analyst and submit it, then as approver and approve it; the groups: " + url + "/wall"
        )
        analyst.close()
        return {}
    result = approve_and_wait(play, analyst, alert_id)
    say("\n3. Owners elsewhere answer.")
    tell_sightings(play.residents, say)
    return {"broker": play.house.settings.broker, **result, "report_to_draft_s": round(to_draft_s, 3)}


def log_in(url: str, person_id: str) -> Visitor:
    visitor = Visitor(url, person_id)
    visitor.log_in(PASSWORD)
    return visitor


def approve_and_wait(play: Play, analyst: Visitor, alert_id: str) -> dict[str, Any]:
    """Submit, approve as another person, and wait until the wall shows the warning in every group."""
    approver = log_in(play.house.console_url, "approver")
    try:
        analyst.act(alert_id, "submit")
        play.tell("  submitted by the analyst")
        approved_ms = clock.to_ms(clock.now())
        approver.act(alert_id, "approve")
        play.tell("  approved by another person")
        shown = until_all_shown(play, alert_id)
    finally:
        approver.close()
        analyst.close()
    took_s = (shown.last_ms - approved_ms) / 1000
    play.tell(
        f"  {shown.groups:,} groups have it, {took_s:.2f} s after the approver's tap:\n"
        f"  {play.house.console_url}/wall"
    )
    groups = len(play.group_ids)
    return {
        "reports": 0, "clusters": play.wall.clusters(), "alert_id": alert_id, "groups": groups,
        "delivered": shown.groups, "failed": groups - shown.groups, "duplicates": shown.extra,
        "asked_again": play.wall.repeats(), "approval_to_last_group_s": round(took_s, 3),
    }  # fmt: skip


def until_all_shown(play: Play, alert_id: str) -> OnTheWall:
    """The wall when every group shows the warning, or as it stands after SERVED_WITHIN_S."""
    deadline = time.monotonic() + SERVED_WITHIN_S
    while True:
        shown = play.wall.count(alert_id, play.group_ids)
        if shown.groups == len(play.group_ids) or time.monotonic() > deadline:
            return shown
        if play.house.failure:
            raise Refused(play.house.failure)
        time.sleep(0.1)


def _told(result: dict[str, Any]) -> str:
    return "\n" + "\n".join(f"{name:<26}{value}" for name, value in result.items())
