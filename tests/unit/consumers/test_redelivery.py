"""Redelivery after a crash changes nothing: surges, decisions, expiries."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from consumers.decisions import Decisions
from consumers.expiry_loop import Expiry
from consumers.surge import Surge
from fenghuo import clock
from fenghuo.demo.district import KNOWN
from fenghuo.desk.alerts import Drafted
from fenghuo.desk.keys import surge_of
from fenghuo.desk.surges import PatternMatch, SurgeKey
from fenghuo.domain import events as e
from fenghuo.domain.alert import Action, Alert, Role, State, content_hash
from fenghuo.domain.alert_lifecycle import decide
from tests.support.builders import (
    DISTRICT,
    NOON,
    PEOPLE,
    content,
    decision,
    draft,
    group,
    order,
    place,
    settings,
)


class SmallDesk:
    """What these stages read, from memory; tests/component/test_stories.py has the real desk under them."""

    def __init__(self) -> None:
        self.found_drafts: dict[str, Drafted] = {}
        self.found_alerts: dict[str, Alert] = {}
        self.found_settled: set[str] = set()
        self.surges = SimpleNamespace(recent_matches=self.recent_matches, hourly_reports=self.hourly_reports)
        self.reports = SimpleNamespace(first_seen=self.first_seen)
        self.alerts = SimpleNamespace(
            all=self.all_alerts, get_many=self.alerts_by_id, drafted_from=self.drafted_from
        )
        self.order_outcomes = SimpleNamespace(settled=self.settled)
        self.directory = SimpleNamespace(person=self.person, groups=self.groups, people=self.people)

    async def recent_matches(self, surges: Any, since_ms: int) -> dict[SurgeKey, list[PatternMatch]]:
        return {surge: [] for surge in surges}

    async def hourly_reports(self, surges: Any) -> dict[SurgeKey, list[int]]:
        return {surge: [] for surge in surges}

    async def first_seen(self, reporters: Any) -> dict[str, int]:
        return dict.fromkeys(reporters, 0)

    async def drafted_from(self, sources: Any) -> dict[str, Drafted]:
        return {k: v for k, v in self.found_drafts.items() if k in sources}

    async def alerts_by_id(self, alert_ids: Any) -> dict[str, Alert]:
        return {k: v for k, v in self.found_alerts.items() if k in alert_ids}

    async def settled(self, decision_ids: Any) -> set[str]:
        return self.found_settled & set(decision_ids)

    async def person(self, person_id: str) -> e.Person | None:
        return next((x for x in PEOPLE if x.person_id == person_id), None)

    async def people(self) -> dict[str, e.Person]:
        return {x.person_id: x for x in PEOPLE}

    async def groups(self) -> dict[str, e.Group]:
        return {"g0001": group(1)}

    async def all_alerts(self) -> list[Alert]:
        return list(self.found_alerts.values())

    async def prune(self, now_ms: int, cluster_ms: int) -> None:
        return None


def matched(n: int, after_s: int = 0, **changes: Any) -> e.ReportMatched:
    fields: dict[str, Any] = {
        "at": NOON + timedelta(seconds=after_s or n), "place": place(f"镇{n}"), "reporter": f"who{n}",
        "stage": e.ScamStage.RECEIVED, "masked": KNOWN, "pattern_id": "p1", "fraud_type": "TICKET",
        "title": "航班故障取消补偿", "score": 90.0,
    } | changes  # fmt: skip
    return e.ReportMatched(event_id=f"e{n}", report_id=f"r{n}", **fields)


def noted(drafted: e.DecisionMade) -> Drafted:
    """The draft as the desk keeps it."""
    order_made, origin = drafted.order, drafted.order.origin
    assert origin is not None
    return Drafted(alert_id=order_made.alert_id, at_ms=clock.to_ms(order_made.at), counted=origin.counted)


def surge(desk: SmallDesk) -> Surge:
    """A surge that three reporters make, where nothing is known of a pattern's past."""
    return Surge(desk, settings(surge_false_alarm=0.02))  # type: ignore[arg-type]


async def test_a_surge_found_again_after_a_crash_is_the_same_draft() -> None:
    desk = SmallDesk()
    reports = [matched(n) for n in range(1, 4)]
    first = await surge(desk).on_reports_matched(reports)
    (drafted,) = [x for x in first.events if isinstance(x, e.DecisionMade)]
    other_order = await surge(desk).on_reports_matched(reports[::-1])
    assert [x.event_id for x in other_order.events if isinstance(x, e.DecisionMade)] == [drafted.event_id]


async def test_the_reports_a_draft_was_made_of_are_no_sightings_when_done_again() -> None:
    desk = SmallDesk()
    reports = [matched(n) for n in range(1, 4)]
    first = await surge(desk).on_reports_matched(reports)
    (drafted,) = [x for x in first.events if isinstance(x, e.DecisionMade)]
    desk.found_drafts[surge_of("p1", DISTRICT)] = noted(drafted)
    assert (await surge(desk).on_reports_matched(reports)).events == []
    later = await surge(desk).on_reports_matched([matched(9)])
    assert [type(x) for x in later.events] == [e.SightingRecorded]


async def test_reports_of_another_district_do_not_count_and_are_no_sightings() -> None:
    elsewhere = place("镇1", district="别处")
    reports = [matched(1), matched(2), matched(3, place=elsewhere)]
    assert (await surge(SmallDesk()).on_reports_matched(reports)).events == []


async def test_a_surge_may_be_drafted_again_once_its_alert_has_ended() -> None:
    desk = SmallDesk()
    first = await surge(desk).on_reports_matched([matched(n) for n in range(1, 4)])
    (drafted,) = [x for x in first.events if isinstance(x, e.DecisionMade)]
    alert = decide(None, drafted.order, findings=(), reach=(1, 1))
    ended = decide(
        alert, order(Action.REJECT, alert_id=alert.alert_id, reason="no"), findings=(), reach=(1, 1)
    )
    assert ended.state is State.REJECTED
    desk.found_alerts[alert.alert_id] = ended
    desk.found_drafts[surge_of("p1", DISTRICT)] = noted(drafted)
    again = await surge(desk).on_reports_matched([matched(n) for n in range(4, 8)])
    assert [x.order.alert_id == alert.alert_id for x in again.events if isinstance(x, e.DecisionMade)] == [
        False
    ]


async def test_a_refused_decision_stays_refused_when_its_batch_is_done_again() -> None:
    desk = SmallDesk()
    alert = decide(None, draft(), findings=(), reach=(1, 1))
    desk.found_alerts["a1"] = alert
    too_early = order(Action.APPROVE, "boss", Role.APPROVER, seen_hash=content_hash(content()))
    batch = [decision(too_early), decision(order(Action.SUBMIT))]
    first = await Decisions(desk).on_decisions_made(batch)  # type: ignore[arg-type]
    assert [type(x) for x in first.events] == [e.DecisionRefused, e.AudienceFrozen, e.AlertChanged]
    desk.found_alerts["a1"] = next(x.alert for x in first.events if isinstance(x, e.AlertChanged))
    desk.found_settled = {too_early.decision_id, "submit-analyst"}
    assert (await Decisions(desk).on_decisions_made(batch)).events == []  # type: ignore[arg-type]


async def test_an_expiry_that_was_asked_before_an_extension_is_refused() -> None:
    desk, asked = SmallDesk(), list[e.Event]()

    class Broker:
        async def publish(self, events: list[e.Event]) -> None:
            asked.extend(events)

    alert = decide(None, draft(), findings=(), reach=(1, 1))
    desk.found_alerts["a1"] = alert
    assert await Expiry(desk, Broker(), 48).expire_due() == 1  # type: ignore[arg-type]
    longer = content(expires_at=NOON + timedelta(hours=48))
    desk.found_alerts["a1"] = decide(alert, order(Action.EDIT, content=longer), findings=(), reach=(1, 1))
    outcome = await Decisions(desk).on_decisions_made(asked)  # type: ignore[arg-type]
    assert [x.code for x in outcome.events if isinstance(x, e.DecisionRefused)] == ["stale"]
