"""The two stories of the demo, told through the intake and the console as people would use them."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import httpx

from fenghuo.demo import district
from fenghuo.demo.console_client import ConsoleClient
from fenghuo.errors import Refused

T = TypeVar("T")
ANSWER_WITHIN_S = 30.0
DRAFT_WITHIN_S = 60.0


@dataclass(slots=True)
class ReportCount:
    """How many reports were sent in."""

    reports: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def one_more(self) -> int:
        with self.lock:
            self.reports += 1
            return self.reports


class Reporters:
    """The residents who report, through the intake's HTTP interface."""

    def __init__(self, intake_url: str, token: str, count: ReportCount) -> None:
        self._http = httpx.Client(
            base_url=intake_url, headers={"authorization": f"Bearer {token}"}, timeout=15, trust_env=False
        )
        self._count = count

    def report(self, text: str, town: str, reporter: str, group_id: str | None = None) -> str:
        """Send one report; returns its id once the broker has it."""
        body = {"text": text, "district": district.DISTRICT, "town": town, "reporter": reporter}
        answer = self._http.post("/api/v1/reports", json=body | ({"group_id": group_id} if group_id else {}))
        if answer.status_code != httpx.codes.ACCEPTED:
            raise Refused(f"the intake refused a report: HTTP {answer.status_code} {answer.text[:200]}")
        self._count.one_more()
        return str(answer.json()["report_id"])

    def answer_to(self, report_id: str) -> str:
        """The answer to a report, as soon as there is one."""
        return wait_for(lambda: self._answer(report_id), ANSWER_WITHIN_S, "an answer to the report")

    def _answer(self, report_id: str) -> str | None:
        found = self._http.get(f"/api/v1/reports/{report_id}")
        return found.json().get("answer") if found.status_code == httpx.codes.OK else None

    def close(self) -> None:
        self._http.close()


class EverydayReports(threading.Thread):
    """A thread that sends everyday reports at a steady rate until ``end``."""

    def __init__(self, reporters: Reporters, per_second: float) -> None:
        super().__init__(daemon=True)
        self._reporters = reporters
        self._pause_s = 1 / per_second
        self._end = threading.Event()
        self.failures = 0

    def run(self) -> None:
        n = 0
        while not self._end.wait(self._pause_s):
            n += 1
            try:
                self._reporters.report(
                    district.everyday(n), district.TOWNS[n % len(district.TOWNS)], f"everyday-{n}"
                )
            except (Refused, httpx.HTTPError):
                self.failures += 1

    def end(self) -> None:
        self._end.set()
        self.join(20)


def wait_for(look: Callable[[], T | None], within_s: float, what: str) -> T:
    """The first answer of ``look`` that is not None; Refused after ``within_s``."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(0.03)
    raise Refused(f"waited {within_s:g} s in vain for {what}")


def tell_known(reporters: Reporters, tell: Callable[[str], None]) -> None:
    """Story 1: a known scam is answered in seconds."""
    began = time.monotonic()
    report_id = reporters.report(district.KNOWN, district.TOWNS[4], "owner-of-a-ticket", "g00004")
    answer = reporters.answer_to(report_id)
    tell(f"  {time.monotonic() - began:.2f} s  answered: {answer}")


def tell_novel(
    reporters: Reporters, analyst: ConsoleClient, tell: Callable[[str], None]
) -> tuple[str, float]:
    """Story 2 up to the draft; returns (alert id, seconds from the third report's acceptance to the
    draft)."""
    before = set(analyst.alerts())
    for n, text in enumerate(district.NOVEL):
        reporters.report(text, district.TOWNS[n], f"business-owner-{n}", f"g{n:05d}")
        tell(f"  {district.TOWNS[n]}: “{text[:34]}…”")
    accepted = time.monotonic()
    alert_id = wait_for(
        lambda: next(iter(set(analyst.alerts()) - before), None), DRAFT_WITHIN_S, "the draft on the desk"
    )
    return alert_id, time.monotonic() - accepted


def tell_sightings(reporters: Reporters, tell: Callable[[str], None]) -> None:
    """Owners in other towns answer that they got one too; the variant is known by now."""
    for n in (5, 9):
        report_id = reporters.report(district.SIGHTING, district.TOWNS[n], f"other-owner-{n}", f"g{n:05d}")
        tell(f"  {district.TOWNS[n]}: “I got one too”, answered: {reporters.answer_to(report_id)}")
