"""The process of the simulated platforms and officers that get the demo's warnings: its start, roster and
counts."""

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx

from fenghuo.demo import district
from fenghuo.domain.channels import ROBOTS, WEBHOOK, WECOM_CUSTOMER_GROUP
from fenghuo.errors import Refused

READY_WITHIN_S = 30.0
STARTS_AT = "10:00"
CORPID, SECRET = "ww0123456789abcdef", "demo-secret"
PROFILES = ("quick", "usual", "usual", "usual", "slow", "usual", "quick", "usual", "usual", "never")
"""Response profiles of the demo's officers, one after the other; duty accounts are quick."""


class SimulatorProcess:
    """``fenghuo simulate`` beside the rooms, in compressed time."""

    def __init__(self, port: int, speed: float) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.speed = speed
        self._port = port
        self._http = httpx.Client(base_url=self.url, timeout=15, trust_env=False)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, folder: Path, roster: Mapping[str, Any], console_url: str, log: Path) -> None:
        """Start it with ``roster``; its officers use the console. Raises Refused when it does not start."""
        file = folder / "roster.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(roster, ensure_ascii=False), "utf-8")
        words = [
            "simulate", "--port", str(self._port), "--speed", str(self.speed), "--starts-at", STARTS_AT,
            "--seed", "1", "--roster", str(file), "--console", console_url, "--poll-s", "1.5",
        ]  # fmt: skip
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "fenghuo", *words], stdout=out, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + READY_WITHIN_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Refused(f"fenghuo simulate did not start: {log.read_text('utf-8', 'replace')[-500:]}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            return self._http.get("/sim/state").is_success
        except httpx.HTTPError:
            return False

    def until_officers_are_in(self, count: int, within_s: float = 60.0) -> None:
        """Return once ``count`` officers have logged in to the console."""
        deadline = time.monotonic() + within_s
        while self.state()["officers"].get("logins", 0) < count:
            if time.monotonic() > deadline:
                raise Refused(f"not all {count} simulated officers could log in within {within_s:g} s")
            time.sleep(0.2)

    def state(self) -> dict[str, Any]:
        """Its totals and clock."""
        return self._get("/sim/state")

    def counts(self, code: str) -> dict[str, Any]:
        """Groups that have the text with the check code ``code``, doubles, first and last time (ms)."""
        return self._get("/sim/counts", contains=code, ids="1")

    def timeline(self, code: str, since_ms: int, residents: int) -> dict[str, Any]:
        """When 50, 90, 99 % of residents had it, in simulated seconds since ``since_ms``."""
        return self._get("/sim/timeline", contains=code, since_ms=str(since_ms), residents=str(residents))

    def _get(self, path: str, **params: str) -> dict[str, Any]:
        answer = self._http.get(path, params=params)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def stop(self) -> None:
        """End it."""
        self._http.close()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()


def roster_of(
    rows: Iterable[Mapping[str, str]], people: Iterable[district.Account], webhook_secret: str
) -> dict[str, Any]:
    """The simulator's roster for the demo's groups and officers."""
    rows = list(rows)
    officers = [x for x in people if x.station]
    profiles = {
        x.person_id: "quick" if x.duty else PROFILES[n % len(PROFILES)] for n, x in enumerate(officers)
    }
    of = {
        channel: [row for row in rows if row["channel"] == channel] for channel, _ in district.MIX
    }  # fmt: skip
    chats = of[WECOM_CUSTOMER_GROUP.name]
    robots = [row for row in rows if row["channel"] in ROBOTS]
    return {
        "corps": [{"name": district.CREDENTIAL, "corpid": CORPID, "secret": SECRET}],
        "chats": [
            {"chat_id": row["target"], "owner": row["owner"], "group_id": row["group_id"],
             "corp": district.CREDENTIAL} for row in chats
        ],
        "owners": [
            {"userid": x, "profile": profiles[x]} for x in sorted({row["owner"] for row in chats})
        ],
        "robots": [
            {"channel": row["channel"], "key": row["target"], "group_id": row["group_id"],
             "secret": row["secret"]} for row in robots
        ],
        "hooks": [row["group_id"] for row in of[WEBHOOK.name]],
        "groups": [{"group_id": row["group_id"], "members": int(row["members"])} for row in rows],
        "officers": [
            {"person_id": x.person_id, "password": x.password, "profile": profiles[x.person_id]}
            for x in officers
        ],
        "webhook_secret": webhook_secret,
    }  # fmt: skip


def credentials_file(folder: Path) -> Path:
    """Write the credentials of the demo's tenant (mode 600); returns the file."""
    path = folder / "credentials.toml"
    path.touch(mode=0o600)
    lines = (f"[{district.CREDENTIAL}]", f'channel = "{WECOM_CUSTOMER_GROUP.name}"', f'corpid = "{CORPID}"')
    path.write_text("\n".join((*lines, f'secret = "{SECRET}"', "")), "utf-8")
    return path
