"""``fenghuo deliveries``: an alert's ledger from a real desk, as sums, as CSV and as JSON."""

import asyncio
import csv
import io
import json
from collections.abc import Sequence
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result

from broadcast.commands import deliveries
from fenghuo import clock
from fenghuo.domain import events as e
from fenghuo.domain.calendar import CHINA
from fenghuo.domain.events import DeliveryState as State
from fenghuo.domain.ledger import COLUMNS
from fenghuo.errors import Refused
from fenghuo.runtime.room import open_desk
from tests.browser.console_page import settings_at
from tests.browser.scenes import every_state as d

NOW = clock.now()
ALERT = "a1ert0000000000000000aaa"


def receipt(n: int, state: State, **changes: object) -> e.ReceiptRecorded:
    fields = {
        "event_id": f"{n}{state}{changes.get('kind')}", "at": NOW, "delivery_id": f"d{n}", "alert_id": ALERT,
        "version": 1, "kind": "warning", "group_id": f"g{n:04d}", "channel": "relay", "state": state,
        "attempt": 1, **changes,
    }  # fmt: skip
    return e.ReceiptRecorded(**fields)  # type: ignore[arg-type]


def on_desk(redis_url: str, namespace: str, events: Sequence[e.Event]) -> None:
    async def work() -> None:
        desk = open_desk(settings_at(redis_url, namespace))
        await desk.project(events)
        await desk.client.aclose()

    asyncio.run(work())


@pytest.fixture(autouse=True)
def ledger(redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.setenv("FENGHUO_REDIS_URL", redis_url)
    monkeypatch.setenv("FENGHUO_NAMESPACE", namespace)
    steps = ("draft", "submit", "approve", "begin", "recall")
    life = d.life(ALERT, steps, NOW - timedelta(minutes=10), reach=(4, 400))
    tapped = receipt(
        0, State.SHOWN, since=NOW - timedelta(minutes=3), cause="tap", by="o0", at=NOW - timedelta(minutes=1)
    )
    told = receipt(2, State.REFUSED, channel="webhook", reason="=HYPERLINK(1)", cause="send", attempt=3)
    warned = [tapped, receipt(1, State.WAITING), told, receipt(900, State.SHOWN)]
    planned = e.DeliveriesPlanned(
        event_id="p", at=NOW, alert_id=ALERT, version=1, kind="warning", groups=4  # type: ignore[arg-type]
    )  # fmt: skip
    on_desk(
        redis_url, namespace,
        [*d.groups(NOW, 4), *life, planned, *warned, receipt(0, State.WAITING, kind="correction")],
    )  # fmt: skip


def run(*arguments: str) -> Result:
    return CliRunner().invoke(deliveries, [ALERT, *arguments], catch_exceptions=False)


def test_sums_are_told_by_what_is_asked_for() -> None:
    head, *states = run().stdout.splitlines()
    assert "version 1 warning  planned 4" in head
    assert [x.split() for x in states] == [
        ["2", "groups", "90", "residents", "shown"],
        ["1", "groups", "104", "residents", "refused"],
        ["1", "groups", "97", "residents", "waiting"],
    ]
    _, *channels = run("--by", "channel").stdout.splitlines()
    assert channels[0].endswith("relay: shown 2, waiting 1") and channels[1].endswith("webhook: refused 1")
    for by, name in (("town", d.TOWNS[0]), ("station", f"{d.TOWNS[0][:2]}派出所")):
        assert f"1 groups        90 residents  {name}: shown 1" in run("--by", by).stdout


def test_every_group_is_a_row_with_its_times() -> None:
    rows = list(csv.DictReader(io.StringIO(run("--csv").stdout_bytes.decode("utf-8-sig"))))
    assert tuple(rows[0]) == COLUMNS
    tapped, waiting, refused, unknown = sorted(rows, key=lambda x: x["group_id"])
    assert (tapped["state"], tapped["cause"], tapped["by"], tapped["town"]) == (
        "shown", "tap", "o0", d.TOWNS[0],
    )  # fmt: skip
    times = [
        NOW - timedelta(minutes=8), NOW - timedelta(minutes=3), NOW - timedelta(minutes=1)
    ]  # fmt: skip
    assert [tapped[x] for x in ("requested_at", "waiting_at", "settled_at")] == [
        x.astimezone(CHINA).isoformat(timespec="seconds") for x in times
    ]
    assert (waiting["waiting_at"], waiting["settled_at"]) == (
        NOW.astimezone(CHINA).isoformat(timespec="seconds"), "",
    )  # fmt: skip
    assert (refused["reason"], refused["attempts"]) == ("'=HYPERLINK(1)", "3")
    assert (unknown["group_id"], unknown["name"]) == ("g0900", "")


def test_the_whole_is_told_as_json() -> None:
    told = json.loads(run("--json", "--by", "channel").stdout)
    assert (told["version"], told["kind"], told["planned"]) == (1, "warning", 4)
    assert told["sums"][0] == {
        "name": "relay", "groups": 3, "residents": 187, "states": {"shown": 2, "waiting": 1},
    }  # fmt: skip
    assert [x["group_id"] for x in told["deliveries"]] == ["g0000", "g0001", "g0002", "g0900"]


def test_corrections_and_versions_have_ledgers_of_their_own() -> None:
    (row,) = json.loads(run("--kind", "correction", "--json").stdout)["deliveries"]
    assert (row["state"], row["requested_at"]) == (
        "waiting", (NOW - timedelta(minutes=6)).isoformat(timespec="seconds"),
    )  # fmt: skip
    with pytest.raises(Refused, match="no version 2 yet"):
        run("--version", "2")
    with pytest.raises(Refused, match="there is no alert x"):
        CliRunner().invoke(deliveries, ["x"], catch_exceptions=False)
