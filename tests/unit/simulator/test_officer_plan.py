"""When a simulated officer taps."""

from fenghuo.simulator.officer_plan import GroupToTap, OfficerPlan, TextToForward
from fenghuo.simulator.response_model import Profile

NOON = 12 * 3600.0
SURE = Profile(median_s=100, sigma=0.5, night=0.1, taps=1.0, heeds=1.0)
NOT_UNASKED = Profile(median_s=100, sigma=0.5, night=0.1, taps=0.0, heeds=1.0)


def todo(*groups: str, alert: str = "A1", level: str = "owner") -> TextToForward:
    return TextToForward(alert, 1, "warning", "预警", tuple(GroupToTap(g, level) for g in groups))


def test_all_groups_of_a_todo_are_tapped_at_once() -> None:
    plan = OfficerPlan("wang", SURE, 1)
    plan.see([todo("g1", "g2")], 0.0, NOON)
    moment = plan.next_s()
    assert moment is not None
    assert plan.due(moment - 0.01) == []
    assert plan.due(moment) == [("A1", 1, "warning", "g1"), ("A1", 1, "warning", "g2")]


def test_what_is_no_longer_asked_for_is_not_tapped() -> None:
    plan = OfficerPlan("wang", SURE, 1)
    plan.see([todo("g1"), todo("g2", alert="A2")], 0.0, NOON)
    plan.see([todo("g2", alert="A2")], 1.0, NOON)
    assert plan.due(1e9) == [("A2", 1, "warning", "g2")]


def test_seeing_a_todo_again_does_not_put_it_off() -> None:
    plan = OfficerPlan("wang", SURE, 1)
    plan.see([todo("g1")], 0.0, NOON)
    first = plan.next_s()
    plan.see([todo("g1")], 50.0, NOON)
    assert plan.next_s() == first


def test_a_notice_wakes_who_would_not_have_tapped() -> None:
    plan = OfficerPlan("wang", NOT_UNASKED, 1)
    plan.see([todo("g1")], 0.0, NOON)
    assert plan.next_s() is None
    plan.be_reminded(10.0, NOON)
    moment = plan.next_s()
    assert moment is not None
    assert moment > 10


def test_a_notice_never_puts_a_tap_off() -> None:
    plan = OfficerPlan("wang", SURE, 1)
    plan.see([todo("g1")], 0.0, NOON)
    first = plan.next_s()
    assert first is not None
    for _ in range(20):
        plan.be_reminded(0.0, NOON)
    last = plan.next_s()
    assert last is not None
    assert last < first


def test_two_people_do_not_tap_at_the_same_moment() -> None:
    moments = set()
    for person in ("wang", "zhao", "qian"):
        plan = OfficerPlan(person, SURE, 1)
        plan.see([todo("g1")], 0.0, NOON)
        moments.add(plan.next_s())
    assert len(moments) == 3
