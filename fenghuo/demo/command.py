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
from fenghuo.commands.supervisor import Supervisor
from fenghuo.commands.up import tell, wait_for_the_end
from fenghuo.demo import district
from fenghuo.demo.console_client import Visitor
from fenghuo.demo.simulator_process import Platforms, credentials_file, roster_of
from fenghuo.demo.stories import Everyday, Residents, Tally, tell_known, tell_novel, tell_sightings
from fenghuo.demo.timings import Ledger, OnTheDesk
from fenghuo.domain import warning_text
from fenghuo.errors import Refused
from fenghuo.servers.ports import free_port
from fenghuo.settings import Settings, load_settings

PASSWORD = "beacon-fire-2026"  # noqa: S105 (of the demo's invented people, on an invented district)
SERVED_WITHIN_S = 240.0
SPEED = 60.0
"""Simulated seconds per real one: an officer's six minutes are six seconds."""


@dataclass(slots=True)
class Play:
    """All that a run of the demo holds."""

    supervisor: Supervisor
    residents: Residents
    desk: OnTheDesk
    platforms: Platforms
    tally: Tally
    groups: int
    people: int
    tell: Callable[[str], None]


@click.command(short_help="The whole system with sample data, and the two stories.")
@click.option("--auto", is_flag=True, help="Play the analyst and the approver too, then end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line on standard output at the end.")
@click.option("--broker", type=click.Choice(["redis", "kafka"]), default="redis", help="The transport.")
@click.option(
    "--groups", "count", type=click.IntRange(1, 100_000), default=district.GROUPS, show_default=True
)
@click.option("--everyday", type=click.FloatRange(0.1, 50), default=2.0, help="Everyday reports a second.")
@click.option(
    "--speed", type=click.FloatRange(1, 600), default=SPEED, show_default=True,
    help="Simulated seconds per real one, for the officers and platforms.",
)  # fmt: skip
def demo(*, auto: bool, as_json: bool, broker: str, count: int, everyday: float, speed: float) -> None:
    """Start Fenghuo on an invented district and tell two stories, with the links to open.

    The groups are on simulated platforms, and simulated officers tap, in compressed time. All is kept in a
    temporary folder and gone at the end.
    """
    say = (lambda _line: None) if as_json else tell
    with tempfile.TemporaryDirectory(prefix="fenghuo-demo-") as folder:
        platforms = Platforms(free_port(), speed)
        supervisor = Supervisor(settings_of(Path(folder), broker, platforms), say)
        try:
            supervisor.start()
            run(
                supervisor, platforms, say, Path(folder), auto=auto, as_json=as_json, count=count,
                everyday=everyday,
            )  # fmt: skip
        finally:
            platforms.stop()
            supervisor.stop()


def settings_of(folder: Path, broker: str, platforms: Platforms) -> Settings:
    """The house's settings: the platforms are the simulated ones, and waiting is as much shorter as time
    runs faster."""
    usual = load_settings()
    speed = platforms.speed
    return load_settings(
        broker=broker, data_dir=folder / "data", district=district.DISTRICT, redis_url="",
        kafka_servers="", kafka_session_timeout_s=6, reports_per_minute=100_000,
        wecom_url=platforms.url, dingtalk_url=platforms.url, feishu_url=platforms.url,
        credentials_file=str(credentials_file(folder)), webhook_private=True, webhook_per_s=200,
        remind_s=tuple(x / speed for x in usual.remind_s),
        remind_moderate_s=tuple(x / speed for x in usual.remind_moderate_s),
        task_poll_s=max(1.0, usual.task_poll_s / speed),
    )  # fmt: skip


def run(
    supervisor: Supervisor,
    platforms: Platforms,
    say: Callable[[str], None],
    folder: Path,
    *,
    auto: bool,
    as_json: bool,
    count: int,
    everyday: float,
) -> None:
    """Fill the house, tell the stories, and end (--auto) or stay."""
    rows = district.groups(count, district.RESIDENTS * count // district.GROUPS, platforms.url)
    people = district.accounts(PASSWORD)
    fill(supervisor, folder, rows, people, platforms.url)
    environment = supervisor.environment
    secret = environment["FENGHUO_WEBHOOK_SECRET"]
    roster = roster_of(rows, people, secret)
    platforms.start(folder, roster, supervisor.console_url, folder / "simulate.log")
    residents_of_all = sum(int(row["members"]) for row in rows)
    say(f"\n{district.DISTRICT}: {count:,} groups, {residents_of_all:,} residents (invented)")
    say(
        f"open {supervisor.console_url} as one of: officer, analyst, approver, admin, officer-00-0, duty-00 "
        f"(password {PASSWORD})"
    )
    say(
        f"the groups are on simulated platforms: {platforms.url}/sim/ ; officers' time there runs "
        f"{platforms.speed:g} times as fast as yours"
    )
    tally = Tally()
    residents = Residents(supervisor.intake_url, environment["FENGHUO_INTAKE_TOKEN"], tally)
    desk = OnTheDesk(environment["FENGHUO_REDIS_URL"], supervisor.settings.namespace)
    play = Play(supervisor, residents, desk, platforms, tally, count, residents_of_all, say)
    trickle = Everyday(residents, everyday)
    trickle.start()
    try:
        platforms.until_officers_are_in(len(roster["officers"]))
        result = tell_stories(play, auto=auto)
        if auto:
            trickle.end()
            result["reports"] = tally.reports
            click.echo(json.dumps(result, ensure_ascii=False) if as_json else _told(result))
            if result["failed"] or result["duplicates"] or result["accounted"] != result["groups"]:
                raise SystemExit(1)
        else:
            say("\nstays open until Ctrl-C")
            wait_for_the_end(supervisor)
    finally:
        trickle.end()
        residents.close()
        desk.close()


def fill(
    supervisor: Supervisor,
    folder: Path,
    rows: list[dict[str, str]],
    people: list[district.Account],
    hooks: str,
) -> None:
    """Bring groups and people in by the same commands that a district uses."""
    district.write_groups(folder / "groups.csv", rows)
    district.write_people(folder / "people.csv", people, hooks)
    command(supervisor, ["groups", "import", str(folder / "groups.csv")])
    command(supervisor, ["people", "import", str(folder / "people.csv")])


def command(supervisor: Supervisor, words: Sequence[str]) -> str:
    """Run one ``fenghuo`` command against the house; its output, or Refused with what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "fenghuo", *words], env=supervisor.environment, capture_output=True, text=True,
        timeout=120,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise Refused(f"fenghuo {' '.join(words)}: {done.stderr.strip()[-500:]}")
    return done.stdout


def tell_stories(play: Play, *, auto: bool) -> dict[str, Any]:
    """Both stories; with ``auto`` to their end, with the figures."""
    say, url = play.tell, play.supervisor.console_url
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
            "  log in as analyst and submit it, then as approver and approve it; the groups: "
            + play.platforms.url
            + "/sim/"
        )
        analyst.close()
        return {}
    result = approve_and_wait(play, analyst, alert_id)
    say("\n3. Owners elsewhere answer.")
    tell_sightings(play.residents, say)
    return {"broker": play.supervisor.settings.broker, **result, "report_to_draft_s": round(to_draft_s, 3)}


def log_in(url: str, person_id: str) -> Visitor:
    visitor = Visitor(url, person_id)
    visitor.log_in(PASSWORD)
    return visitor


def approve_and_wait(play: Play, analyst: Visitor, alert_id: str) -> dict[str, Any]:
    """Submit, approve as another person, and wait until every group has the warning or is known not to get
    it."""
    approver = log_in(play.supervisor.console_url, "approver")
    try:
        analyst.act(alert_id, "submit")
        play.tell("  submitted by the analyst")
        approved_ms = clock.to_ms(clock.now())
        approver.act(alert_id, "approve")
        play.tell("  approved by another person")
        ledger = until_all_settled(play, alert_id)
    finally:
        approver.close()
        analyst.close()
    code = warning_text.number(alert_id)
    have = play.platforms.counts(code)
    reached = play.platforms.timeline(code, approved_ms, play.people)["at_s"]
    told = play.desk.told(alert_id)
    took_s = (have["last_ms"] - approved_ms) / 1000
    play.tell(
        f"  {have['groups']:,} groups have it; half of the residents {_minutes(reached['50'])}, 90 % "
        f"{_minutes(reached['90'])} after the approver's tap, in the officers' time:\n"
        f"  {play.platforms.url}/sim/"
    )
    accounted = ledger.shown + ledger.refused + ledger.unknown
    return {
        "reports": 0, "clusters": play.desk.clusters(), "alert_id": alert_id, "groups": play.groups,
        "delivered": have["groups"], "failed": play.groups - accounted, "duplicates": have["doubles"],
        "asked_again": have["asked_again"], "approval_to_last_group_s": round(took_s, 3),
        "accounted": accounted, "shown": ledger.shown, "refused": ledger.refused,
        "unknown": ledger.unknown, "by_channel": ledger.by_channel(),
        **{f"residents_reached_{share}_s": at_s for share, at_s in reached.items()},
        "reminders": told["remind"], "deputies": told["deputy"], "stations": told["station"],
        "simulated_seconds_per_second": play.platforms.speed,
    }  # fmt: skip


def _minutes(seconds: float | None) -> str:
    return "not yet" if seconds is None else f"{seconds / 60:.1f} min"


def until_all_settled(play: Play, alert_id: str) -> Ledger:
    """The ledger when every group is settled, or as it stands after SERVED_WITHIN_S."""
    deadline = time.monotonic() + SERVED_WITHIN_S
    while True:
        ledger = play.desk.ledger(alert_id)
        if ledger.settled >= play.groups or time.monotonic() > deadline:
            return ledger
        if play.supervisor.failure:
            raise Refused(play.supervisor.failure)
        time.sleep(0.25)


def _told(result: dict[str, Any]) -> str:
    return "\n" + "\n".join(f"{name:<26}{value}" for name, value in result.items())
