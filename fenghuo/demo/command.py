"""The command itself: a system with sample data, the stories, and with --auto the approver too."""

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
from fenghuo.commands.up import tell, wait_for_end
from fenghuo.demo import district
from fenghuo.demo.console_client import ConsoleClient
from fenghuo.demo.simulator_process import SimulatorProcess, credentials_file, roster_of
from fenghuo.demo.stories import (
    EverydayReports,
    ReportCount,
    Reporters,
    tell_known,
    tell_novel,
    tell_sightings,
)
from fenghuo.demo.timings import DeskReader, ReleaseLedger
from fenghuo.domain import warning_text
from fenghuo.errors import Refused
from fenghuo.servers.ports import free_port
from fenghuo.settings import Settings, load_settings

PASSWORD = "beacon-fire-2026"  # noqa: S105 (of the demo's invented people, on an invented district)
SERVED_WITHIN_S = 240.0
SPEED = 60.0
"""Simulated seconds per real one: an officer's six minutes are six seconds."""


@dataclass(slots=True)
class DemoRun:
    """What one run of the demo works with."""

    supervisor: Supervisor
    platforms: SimulatorProcess
    reporters: Reporters
    desk: DeskReader
    count: ReportCount
    groups: int
    residents: int
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
    with tempfile.TemporaryDirectory(prefix="fenghuo-demo-") as name:
        folder, platforms = Path(name), SimulatorProcess(free_port(), speed)
        supervisor = Supervisor(settings_of(folder, broker, platforms), say)
        try:
            supervisor.start()
            run = fill(supervisor, platforms, folder, count, say)
            result = play(run, everyday, auto=auto)
            if auto:
                finish(result, as_json=as_json)
        finally:
            platforms.stop()
            supervisor.stop()


def settings_of(folder: Path, broker: str, platforms: SimulatorProcess) -> Settings:
    """The settings of the demo's system: the platforms are the simulated ones, and what waits for people is
    as much shorter as the simulated time runs faster."""
    usual = load_settings()
    speed = platforms.speed
    return load_settings(
        broker=broker, data_dir=folder / "data", district=district.DISTRICT, redis_url="",
        kafka_servers="", kafka_session_timeout_s=6, reports_per_minute=100_000,
        wecom_url=platforms.url, dingtalk_url=platforms.url, feishu_url=platforms.url,
        credentials_file=str(credentials_file(folder)), webhook_private=True, webhook_per_s=200,
        remind_s=tuple(x / speed for x in usual.remind_s),
        remind_moderate_s=tuple(x / speed for x in usual.remind_s),
        task_poll_s=max(1.0, usual.task_poll_s / speed),
        quiet_from=0, quiet_to=0,  # the story is told at any hour, and its warning need not be severe
    )  # fmt: skip


def fill(
    supervisor: Supervisor, platforms: SimulatorProcess, folder: Path, count: int, say: Callable[[str], None]
) -> DemoRun:
    """Import groups and people with the commands that a district uses, and start the platforms with them."""
    rows = district.groups(count, district.RESIDENTS * count // district.GROUPS, platforms.url)
    people = district.accounts(PASSWORD)
    district.write_groups(folder / "groups.csv", rows)
    district.write_people(folder / "people.csv", people, platforms.url)
    command(supervisor, ["groups", "import", str(folder / "groups.csv")])
    command(supervisor, ["people", "import", str(folder / "people.csv")])
    environment = supervisor.environment
    roster = roster_of(rows, people, environment["FENGHUO_WEBHOOK_SECRET"])
    platforms.start(folder, roster, supervisor.console_url, folder / "simulate.log")
    reports = ReportCount()
    reporters = Reporters(supervisor.intake_url, environment["FENGHUO_INTAKE_TOKEN"], reports)
    desk = DeskReader(environment["FENGHUO_REDIS_URL"], supervisor.settings.namespace)
    residents = sum(int(row["members"]) for row in rows)
    return DemoRun(supervisor, platforms, reporters, desk, reports, count, residents, say)


def play(run: DemoRun, everyday: float, *, auto: bool) -> dict[str, Any]:
    """Tell the stories over a trickle of everyday reports; without ``auto`` stay until Ctrl-C."""
    introduce(run)
    trickle = EverydayReports(run.reporters, everyday)
    trickle.start()
    try:
        run.platforms.until_officers_are_in(len(district.officers()))
        result = tell_stories(run, auto=auto)
        if not auto:
            run.tell("\nstays open until Ctrl-C")
            wait_for_end(run.supervisor)
    finally:
        trickle.end()
        run.reporters.close()
        run.desk.close()
    return {**result, "reports": run.count.reports}


def introduce(run: DemoRun) -> None:
    """Tell the person at the terminal what there is and where to look."""
    run.tell(f"\n{district.DISTRICT}: {run.groups:,} groups, {run.residents:,} residents (invented)")
    run.tell(
        f"open {run.supervisor.console_url} as one of: officer, analyst, approver, admin, officer-00-0, "
        f"duty-00 (password {PASSWORD})"
    )
    run.tell(
        f"the groups are on simulated platforms: {run.platforms.url}/sim/ ; officers' time there runs "
        f"{run.platforms.speed:g} times as fast as yours"
    )


def finish(result: dict[str, Any], *, as_json: bool) -> None:
    """Print the figures; exit with 1 unless each group has the warning once, or a reason why not."""
    click.echo(json.dumps(result, ensure_ascii=False) if as_json else _table(result))
    if result["failed"] or result["duplicates"] or result["accounted"] != result["groups"]:
        raise SystemExit(1)


def command(supervisor: Supervisor, words: Sequence[str]) -> str:
    """Run one ``fenghuo`` command in the system's environment; returns what it prints, or raises Refused."""
    done = subprocess.run(
        [sys.executable, "-m", "fenghuo", *words], env=supervisor.environment, capture_output=True, text=True,
        timeout=120,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise Refused(f"fenghuo {' '.join(words)}: {done.stderr.strip()[-500:]}")
    return done.stdout


def tell_stories(run: DemoRun, *, auto: bool) -> dict[str, Any]:
    """Both stories; with ``auto`` to their end, with the figures."""
    say, url = run.tell, run.supervisor.console_url
    say("\n1. A known scam: a resident reports a text about a cancelled flight.")
    tell_known(run.reporters, say)
    say("\n2. Something new: three business owners in three towns report a text, each altered.")
    analyst = log_in(url, "analyst")
    alert_id, to_draft_s = tell_novel(run.reporters, analyst, say)
    say(
        f"  {to_draft_s:.2f} s after the third report a draft stands on the analyst's desk:\n"
        f"  {url}/alerts/{alert_id}"
    )
    if not auto:
        say(
            "  log in as analyst and submit it, then as approver and approve it; the groups: "
            + run.platforms.url
            + "/sim/"
        )
        analyst.close()
        return {}
    result = approve_and_wait(run, analyst, alert_id)
    say("\n3. Owners elsewhere answer.")
    tell_sightings(run.reporters, say)
    return {"broker": run.supervisor.settings.broker, **result, "report_to_draft_s": round(to_draft_s, 3)}


def log_in(url: str, person_id: str) -> ConsoleClient:
    client = ConsoleClient(url, person_id)
    client.log_in(PASSWORD)
    return client


def approve_and_wait(run: DemoRun, analyst: ConsoleClient, alert_id: str) -> dict[str, Any]:
    """Submit, approve as another person, and wait until every group has the warning or is known not to get
    it."""
    approver = log_in(run.supervisor.console_url, "approver")
    try:
        analyst.act(alert_id, "submit")
        run.tell("  submitted by the analyst")
        approved_ms = clock.to_ms(clock.now())
        approver.act(alert_id, "approve")
        run.tell("  approved by another person")
        ledger = until_all_settled(run, alert_id)
    finally:
        approver.close()
        analyst.close()
    code = warning_text.number(alert_id)
    have = run.platforms.counts(code)
    reached = run.platforms.timeline(code, approved_ms, run.residents)["at_s"]
    notices = run.desk.notices(alert_id)
    took_s = (have["last_ms"] - approved_ms) / 1000
    run.tell(
        f"  {have['groups']:,} groups have it; half of the residents {_minutes(reached['50'])}, 90 % "
        f"{_minutes(reached['90'])} after the approver's tap, in the officers' time:\n"
        f"  {run.platforms.url}/sim/"
    )
    accounted = ledger.shown + ledger.refused + ledger.unknown
    return {
        "reports": 0, "clusters": run.desk.clusters(), "alert_id": alert_id, "groups": run.groups,
        "delivered": have["groups"], "failed": run.groups - accounted, "duplicates": have["doubles"],
        "asked_again": have["asked_again"], "approval_to_last_group_s": round(took_s, 3),
        "accounted": accounted, "shown": ledger.shown, "refused": ledger.refused,
        "unknown": ledger.unknown, "by_channel": ledger.by_channel(),
        **{f"residents_reached_{share}_s": at_s for share, at_s in reached.items()},
        "reminders": notices["remind"], "deputies": notices["deputy"], "stations": notices["station"],
        "simulated_seconds_per_second": run.platforms.speed,
    }  # fmt: skip


def _minutes(seconds: float | None) -> str:
    return "not yet" if seconds is None else f"{seconds / 60:.1f} min"


def until_all_settled(run: DemoRun, alert_id: str) -> ReleaseLedger:
    """The ledger when every group is settled, or as it stands after SERVED_WITHIN_S."""
    deadline = time.monotonic() + SERVED_WITHIN_S
    while True:
        ledger = run.desk.ledger(alert_id)
        if ledger.settled >= run.groups or time.monotonic() > deadline:
            return ledger
        if run.supervisor.failure:
            raise Refused(run.supervisor.failure)
        time.sleep(0.25)


def _table(result: dict[str, Any]) -> str:
    return "\n" + "\n".join(f"{name:<26}{value}" for name, value in result.items())
