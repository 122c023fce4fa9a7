"""The deliveries and tasks that a release leads to, and their order."""

from collections.abc import Sequence

from broadcast.deliveries.requests import Dispatch, as_task, requests
from broadcast.planning.part_writer import deliveries
from broadcast.planning.planner import meant_by, place_of, split_into_parts
from fenghuo.domain import events as e
from fenghuo.domain.routing import route
from fenghuo.domain.taps import Tappers
from tests.support.builders import group, release, released, request

CUSTOMERS = "wecom_customer_group"
TAPPERS = Tappers({})
LIVE = ("sandbox", "webhook", "wecom_robot", "dingtalk", CUSTOMERS)


def planned(
    event: e.AlertReleased, groups: Sequence[e.Group], held: dict[str, str] | None = None
) -> list[e.Event]:
    """The plan of ``event`` when nobody was frozen, its parts written out."""
    known = {g.group_id: g for g in groups}
    release = event.release
    places = [place_of(known[x], route(known[x], release, TAPPERS)) for x in meant_by(release, known)]
    return written_out(event, split_into_parts(event, "warning", places, held=held or {}), known)


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


def test_two_tasks_of_one_owner_are_two() -> None:
    plan = Dispatch(release(channels=LIVE), "warning", released())
    way_there = e.Binding(channel=CUSTOMERS, target="t")
    (one,) = requests(plan, [(group(1, owner="anna"), way_there)])
    (both,) = requests(plan, [(group(n, owner="anna"), way_there) for n in (1, 2)])
    assert isinstance(one, e.TaskRequested) and isinstance(both, e.TaskRequested)
    assert one.task_id != both.task_id


def test_an_owner_gets_one_task_for_all_groups_of_one_credential() -> None:
    groups = [
        *(group(n, channel=CUSTOMERS, target=f"wr{n}", owner="o1") for n in range(3)),
        group(3, channel=CUSTOMERS, target="wr3", owner="o2"),
        group(4, channel=CUSTOMERS, target="wr4", owner="o1", credential="other"),
        group(5),
    ]
    _, *asked = planned(released(channels=LIVE), groups)
    tasks = [(x.owner, x.credential, x.group_ids) for x in asked if isinstance(x, e.TaskRequested)]
    assert tasks == [
        ("o1", "", ("g0000", "g0001", "g0002")),
        ("o2", "", ("g0003",)),
        ("o1", "other", ("g0004",)),
    ]
    assert [x.group_id for x in asked if isinstance(x, e.DeliveryRequested)] == ["g0005"]


def test_a_task_takes_no_more_than_the_platform_does() -> None:
    many = [group(n, channel=CUSTOMERS, target=f"wr{n}", owner="o") for n in range(2001)]
    _, *asked = planned(released(channels=LIVE), many)
    assert [len(x.group_ids) for x in asked if isinstance(x, e.TaskRequested)] == [2000, 1]
    assert len({x.task_id for x in asked if isinstance(x, e.TaskRequested)}) == 2


def test_what_waits_for_people_goes_first_and_robots_last() -> None:
    names = ("dingtalk", "webhook", "relay", "sandbox", "feishu")
    groups = [group(n, channel=name, target="t", members=n) for n, name in enumerate(names)]
    wanted = [(g, g.ways[0]) for g in groups]
    asked = requests(Dispatch(release(), "warning", released()), wanted)
    assert [x.channel for x in asked if isinstance(x, e.DeliveryRequested)] == [
        "relay", "sandbox", "webhook", "feishu", "dingtalk",
    ]  # fmt: skip


def test_one_group_that_goes_on_by_a_tap_is_a_task_of_its_owner() -> None:
    asked = request(channel=CUSTOMERS, attempt=2)
    goes_on = as_task(asked, group(1, owner="o", also=(way(CUSTOMERS, "wr1", credential="district"),)))
    assert (goes_on.owner, goes_on.credential, goes_on.group_ids) == ("o", "district", ("g0001",))
    assert goes_on.attempt == 2
    assert as_task(request(channel=CUSTOMERS, attempt=3), None).task_id == goes_on.task_id
