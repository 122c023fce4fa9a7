"""A release becomes parts, and its parts deliveries: who is planned, in which order."""

from collections.abc import Sequence

from broadcast.planning.part_writer import deliveries
from broadcast.planning.planner import PART, begin, meant_by, place_of, split_into_parts
from fenghuo.domain import events as e
from fenghuo.domain.alert import Audience
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.events import DeliveryState as State
from fenghuo.domain.ledger import may_have
from fenghuo.domain.routing import route
from fenghuo.domain.taps import Tappers
from tests.support.builders import group, place, release, released

CUSTOMERS = "wecom_customer_group"
TAPPERS = Tappers({})
LIVE = ("sandbox", "webhook", "wecom_robot", "dingtalk", CUSTOMERS)


def row(
    state: State, attempt: int = 1, may_have_arrived: bool = False, channel: str = "sandbox", **more: str
) -> LedgerRow:
    return LedgerRow(
        state=state, at_ms=0, attempt=attempt, may_have_arrived=may_have_arrived, channel=channel, **more
    )  # type: ignore[arg-type]


def planned(
    event: e.AlertReleased, groups: Sequence[e.Group], held: dict[str, str] | None = None
) -> list[e.Event]:
    """The plan of ``event`` when nobody was frozen, its parts written out."""
    known = {g.group_id: g for g in groups}
    release = event.release
    places = [place_of(known[x], route(known[x], release, TAPPERS)) for x in meant_by(release, known)]
    return written_out(event, split_into_parts(event, "warning", places, held=held or {}), known)


def corrections(
    event: e.AlertReleased, earlier: dict[int, dict[str, LedgerRow]], groups: dict[str, e.Group]
) -> list[e.Event]:
    """What is corrected after ``earlier``, its parts written out."""
    came_by = {x: stood.channel for x, stood in may_have(earlier).items()}
    places = [
        place_of(groups[x], route(groups[x], event.release, TAPPERS, came_by=channel))
        for x, channel in came_by.items() if x in groups
    ]  # fmt: skip
    return written_out(event, split_into_parts(event, "correction", places, came_by=came_by), groups)


def written_out(
    event: e.AlertReleased, events: Sequence[e.Event], groups: dict[str, e.Group]
) -> list[e.Event]:
    first, *parts = events
    return [
        first,
        *(
            x
            for part in parts
            if isinstance(part, e.PartPlanned)
            for x in deliveries(part, event.release, groups, TAPPERS)
        ),
    ]


def way(channel: str, target: str = "t", **changes: str) -> e.Binding:
    return e.Binding(channel=channel, target=target, **changes)


def test_each_group_of_the_audience_is_planned_once_in_order() -> None:
    groups = [group(3), group(1), group(2, place=place(district="别处"))]
    first, *asked = planned(released(), groups)
    assert isinstance(first, e.DeliveriesPlanned) and first.groups == 2
    assert [x.group_id for x in asked if isinstance(x, e.DeliveryRequested)] == ["g0001", "g0003"]


def test_planning_twice_gives_the_same_ids() -> None:
    groups = [group(n) for n in range(5)]
    assert [x.event_id for x in planned(released(), groups)] == [
        x.event_id for x in planned(released(), groups[::-1])
    ]
    assert begin(released()) == begin(released())


def test_towns_narrow_the_audience() -> None:
    groups = [group(1, place=place("东湖镇")), group(2, place=place("南桥镇"))]
    _, only = planned(released(audience=Audience(district="示范区", towns=("南桥镇",))), groups)
    assert getattr(only, "group_id", None) == "g0002"


def test_an_exercise_reaches_the_sandbox_only() -> None:
    _, asked = planned(released(exercise=True), [group(1, channel="webhook", also=(way("dingtalk"),))])
    assert isinstance(asked, e.DeliveryRequested) and asked.channel == "sandbox"


def test_an_audience_that_has_lost_its_last_group_holds_nobody_up() -> None:
    elsewhere = group(1, place=place("别的镇"))
    narrow = Audience(district="示范区", towns=("东湖镇",))
    (only,) = planned(released(audience=narrow, groups=1), [elsewhere])
    assert isinstance(only, e.DeliveriesPlanned) and only.groups == 0


def test_a_recall_corrects_those_who_have_it_or_may_have_it_and_no_others() -> None:
    groups = {f"g{n:04}": group(n) for n in range(11)}
    ledger = {
        "g0000": row(State.SHOWN),
        "g0001": row(State.UNKNOWN),
        "g0002": row(State.HANDED_OVER, may_have_arrived=True),
        "g0003": row(State.RETRYING, may_have_arrived=True),
        "g0004": row(State.RETRYING),
        "g0005": row(State.REFUSED),
        "g0006": row(State.SUPERSEDED),
        "g0007": row(State.REQUESTED),
        "gone": row(State.SHOWN),
        "g0008": row(State.ACCEPTED),
        "g0009": row(State.WAITING),
        "g0010": row(State.HANDED_OVER),
    }
    first, *asked = corrections(released("recalled"), {1: ledger}, groups)
    owed = [x.group_id for x in asked if isinstance(x, e.DeliveryRequested)]
    assert owed == ["g0000", "g0001", "g0002", "g0003", "g0008"]
    assert isinstance(first, e.DeliveriesPlanned) and (first.kind, first.groups) == ("correction", 5)


def test_a_recall_corrects_every_version_that_may_be_out_each_group_once() -> None:
    groups = {f"g000{n}": group(n) for n in range(3)}
    earlier = {
        1: {"g0000": row(State.SHOWN), "g0001": row(State.SHOWN)},
        2: {"g0001": row(State.SHOWN), "g0002": row(State.RETRYING)},
    }
    _, *asked = corrections(released("recalled", version=2), earlier, groups)
    assert [(x.group_id, x.version) for x in asked if isinstance(x, e.DeliveryRequested)] == [
        ("g0000", 2),
        ("g0001", 2),
    ]


def test_a_correction_goes_as_the_warning_came_or_by_another_way_when_that_is_gone() -> None:
    groups = {
        "g0001": group(1, channel="webhook", also=(way("dingtalk"),)),
        "g0002": group(2, channel="webhook"),
        "g0003": group(3, channel="relay"),
    }
    ledger = {x: row(State.SHOWN, channel="dingtalk") for x in groups}
    first, *asked = corrections(released("recalled"), {1: ledger}, groups)
    lost = [x for x in asked if isinstance(x, e.ReceiptRecorded)]
    assert [(x.group_id, x.kind, x.state) for x in lost] == [("g0003", "correction", State.REFUSED)]
    assert isinstance(first, e.DeliveriesPlanned) and first.groups == 3
    by = {x.group_id: x.channel for x in asked if isinstance(x, e.DeliveryRequested)}
    assert by == {"g0001": "dingtalk", "g0002": "webhook"}


def test_parts_keep_the_order_and_an_owners_task_whole() -> None:
    """The largest first; robots, which go one by one, last; whoever taps gets one task, however many there
    are."""
    robots = [group(n, channel="dingtalk", target="t", members=900) for n in range(2)]
    hooks = [group(n, channel="webhook", target="t", members=n) for n in range(10, 10 + PART)]
    tasks = [
        group(n, channel=CUSTOMERS, owner="anna" if n % 2 else "bo", members=n)
        for n in range(2000, 2000 + 2 * PART + 10)
    ]
    shuffled = [*robots, *hooks, *tasks]
    event = released(channels=LIVE)
    first, *parts = split_into_parts(
        event,
        "warning",
        [place_of(g, route(g, release(channels=LIVE), TAPPERS)) for g in shuffled],
        held={"g2003": "day"},
    )
    assert isinstance(first, e.DeliveriesPlanned) and first.groups == len(shuffled)
    ids = [x.group_ids for x in parts if isinstance(x, e.PartPlanned)]
    assert [len(x) for x in ids] == [PART + 5, PART + 5, PART, 2]
    assert len({x.event_id for x in parts}) == len(parts)
    known = {g.group_id: g for g in shuffled}
    assert [{known[x].owner for x in part} for part in ids[:2]] == [{"anna"}, {"bo"}]
    assert [known[x].members for x in ids[2]] == sorted((g.members for g in hooks), reverse=True)
    assert {known[x].channel for x in ids[3]} == {"dingtalk"}
    assert [x.held for x in parts if isinstance(x, e.PartPlanned)] == [(("g2003", "day"),), (), (), ()]
