"""One rule which way a group gets a warning: what it says, and that whoever asks gets its answer."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.planning.part_writer import deliveries
from broadcast.planning.planner import place_of, split_into_parts
from console.alerts.approval_preview import planned_routes, reach_by_channel
from console.directory.coverage import finding_on
from fenghuo.domain import events as e
from fenghuo.domain.alert import Content, Role
from fenghuo.domain.audience import frozen_reach, reach_of
from fenghuo.domain.channels import CHANNELS as CHANNEL_TABLE
from fenghuo.domain.channels import COUNTED, GROUP_CHANNELS, send_order
from fenghuo.domain.routing import NoWay, Route, route, way_of
from fenghuo.domain.taps import Tappers
from fenghuo.domain.warning_quotas import PLATFORMS, LimitReason
from tests.support.builders import DISTRICT, NOON, content, group, released

CUSTOMERS = "wecom_customer_group"
NOBODY = Tappers({})


def way(channel: str, target: str = "t") -> e.Binding:
    return e.Binding(channel=channel, target=target, credential="district" if channel == CUSTOMERS else "")


def officer(person_id: str, role: Role = Role.OFFICER, **changes: object) -> e.Person:
    fields = {"name": person_id, "role": role, "district": DISTRICT} | changes
    return e.Person(person_id=person_id, **fields)  # type: ignore[arg-type]


def tappers(*people: e.Person) -> Tappers:
    return Tappers({x.person_id: x for x in people})


# --- what the rule says -----------------------------------------------------------------------------------

SEVERAL = group(1, channel="relay", members=70, owner="o", also=(way("dingtalk"), way("webhook")))


@pytest.mark.parametrize(
    ("channels", "asked", "found"),
    [
        (("relay", "webhook"), {}, "relay"),
        (("webhook", "dingtalk"), {}, "dingtalk"),
        (("relay", "webhook"), {"after": "relay"}, "webhook"),
        (("relay",), {"after": "relay"}, ""),
        (("relay",), {"after": "feishu"}, ""),
        (("dingtalk", "webhook"), {"without": ("dingtalk",)}, "webhook"),
        (("relay", "dingtalk"), {"came_by": "webhook"}, "webhook"),
        (("dingtalk",), {"came_by": "feishu"}, "dingtalk"),
        (("dingtalk",), {"held": LimitReason.DAY}, ""),
        (("dingtalk",), {"held": LimitReason.PLATFORM}, "dingtalk"),
    ],
)
def test_a_group_is_reached_by_its_first_way_that_is_approved(
    channels: tuple[str, ...], asked: dict[str, object], found: str
) -> None:
    said = route(SEVERAL, content(channels=channels), tappers(officer("o")), **asked)  # type: ignore[arg-type]
    assert (said.channel, said.reason is None) == (found, bool(found))


def test_what_is_reached_is_counted_with_its_residents() -> None:
    here = tappers(officer("o"))
    assert reach_of(content(channels=("webhook",)), [SEVERAL], here) == (1, 70)
    assert reach_of(content(channels=("feishu",)), [SEVERAL], here) == (0, 0)
    assert frozen_reach(content(channels=("relay",)), [SEVERAL], NOBODY) == (0, 0)


def test_each_channel_is_the_next_way_once() -> None:
    twins = group(1, channel="dingtalk", also=(way("webhook"), way("dingtalk", "u"), way("wecom_robot")))
    approved = content(channels=GROUP_CHANNELS)
    found, after = [], "dingtalk"
    while after:
        assert len(found) < 9, "it goes round in circles"
        found.append(after)
        after = route(twins, approved, NOBODY, after=after).channel
    assert found == ["dingtalk", "webhook", "wecom_robot"]


def test_an_exercise_goes_to_the_sandbox_and_nowhere_else() -> None:
    live = group(1, channel="sandbox", also=(way("webhook"), way("dingtalk")))
    exercise = content(channels=GROUP_CHANNELS, exercise=True)
    assert route(live, exercise, NOBODY).channel == "sandbox"
    assert route(group(1, channel="webhook"), exercise, NOBODY).channel == "sandbox"
    assert route(live, exercise, NOBODY, after="sandbox").channel == ""
    assert route(live, exercise, NOBODY, came_by="webhook").channel == "sandbox"
    assert route(live, content(channels=GROUP_CHANNELS), NOBODY, after="sandbox").channel == "webhook"
    alone = content(channels=("webhook",), exercise=True)
    assert route(live, alone, NOBODY) == Route(None, NoWay.NOT_APPROVED)


def test_the_first_binding_to_a_channel_is_the_one_that_is_used() -> None:
    twins = group(1, channel="dingtalk", target="a", also=(way("dingtalk", "b"),))
    found = route(twins, content(channels=("dingtalk",)), NOBODY).way
    assert found is not None and found.target == "a" and way_of(twins, "dingtalk") == found
    assert way_of(twins, "sandbox") == e.Binding(channel="sandbox") and way_of(twins, "feishu") is None


def test_a_way_to_persons_leads_to_no_group_whatever_was_approved() -> None:
    forged = group(1, channel="wecom_app", target="wang", owner="wang")
    approved = content(channels=("wecom_app",))
    assert route(forged, approved, NOBODY) == Route(None, NoWay.NOT_APPROVED)


# --- who can tap ------------------------------------------------------------------------------------------

RELAYED = group(1, channel="relay", owner="o", deputy="d", station="东所")
DUTY = officer("duty", station="东所", duty=True)


@pytest.mark.parametrize(
    ("people", "can"),
    [
        ((), False),
        ((officer("o"),), True),
        ((officer("d"),), True),
        ((DUTY,), True),
        ((officer("o", Role.ANALYST),), False),
        ((officer("duty", Role.AUDITOR, station="东所", duty=True),), False),
        ((officer("duty", station="西所", duty=True),), False),
        ((officer("duty", station="东所", duty=True, district="别的区"),), False),
        ((officer("colleague", station="东所"),), False),
        ((officer("o", Role.ANALYST), officer("d")), True),
    ],
)
def test_on_the_to_do_page_owner_deputy_or_duty_can_tap_if_they_may_open_it(
    people: tuple[e.Person, ...], can: bool
) -> None:
    found = route(RELAYED, content(channels=("relay",)), tappers(*people))
    assert found == (Route(RELAYED.ways[0]) if can else Route(None, NoWay.NOBODY))


def test_on_the_platform_the_owner_alone_can_tap() -> None:
    approved, li = content(channels=(CUSTOMERS, "dingtalk")), tappers(officer("li"), DUTY)
    orphan = group(1, channel=CUSTOMERS, target="wr1", deputy="li", station="东所")
    assert route(orphan, approved, li) == Route(None, NoWay.NOBODY)
    owned = group(1, channel=CUSTOMERS, target="wr1", owner="wang")
    assert route(owned, approved, NOBODY).channel == CUSTOMERS, "the owner may have no account here"
    spare = group(1, channel=CUSTOMERS, target="wr1", deputy="li", also=(way("dingtalk"),))
    assert route(spare, approved, li).channel == "dingtalk"


def test_the_platform_knows_an_owner_by_the_user_id_or_else_by_the_id_here() -> None:
    owned = group(1, channel=CUSTOMERS, owner="wang")
    assert tappers(officer("wang", userid="WangWei")).owner_userid(owned) == "WangWei"
    assert tappers(officer("wang")).owner_userid(owned) == NOBODY.owner_userid(owned) == "wang"
    assert NOBODY.owner_userid(group(1)) == ""


def test_what_goes_on_or_corrects_passes_over_ways_that_nobody_can_tap() -> None:
    approved = content(channels=("webhook", "relay", CUSTOMERS, "dingtalk"))
    several = group(1, channel="webhook", also=(way("relay"), way(CUSTOMERS), way("dingtalk")))
    assert route(several, approved, NOBODY, after="webhook").channel == "dingtalk"
    assert route(several, approved, NOBODY, came_by="relay").channel == "webhook"
    moved = group(1, channel="relay", deputy="d", also=(way("dingtalk"),))
    assert route(moved, approved, NOBODY, came_by="relay").channel == "dingtalk"
    assert route(moved, approved, tappers(officer("d")), came_by="relay").channel == "relay"


# --- whoever asks gets its answer -------------------------------------------------------------------------

IDS = ("", "o1", "o2", "d1")
TAPPED = ("relay", CUSTOMERS)
CHANNELS = st.sampled_from(TAPPED) | st.sampled_from((*CHANNEL_TABLE, "pigeon"))
GROUPS = st.builds(
    lambda owner, deputy, station, ways, gone: group(
        1, owner=owner, deputy=deputy, station=station, gone=gone, channel=ways[0].channel,
        credential=ways[0].credential, also=tuple(ways[1:]),
    ),
    st.sampled_from(IDS), st.sampled_from(IDS), st.sampled_from(("", "东所")),
    st.lists(CHANNELS.map(way), min_size=1, max_size=4), st.integers(0, 9).map(lambda n: n == 9),
)  # fmt: skip
PEOPLE = st.lists(
    st.builds(
        officer, st.sampled_from(IDS[1:]), st.just(Role.OFFICER) | st.sampled_from(list(Role)),
        station=st.sampled_from(("", "东所")), duty=st.booleans(), userid=st.sampled_from(("", "U1")),
    ),
    max_size=3, unique_by=lambda x: x.person_id,
).map(lambda found: Tappers({x.person_id: x for x in found}))  # fmt: skip
APPROVALS = st.builds(
    lambda tapped, channels, exercise: content(
        channels=tuple(dict.fromkeys((*tapped, *channels))), exercise=exercise
    ),
    st.sampled_from(((), TAPPED)), st.lists(CHANNELS, max_size=5), st.integers(0, 4).map(lambda n: n == 4),
)  # fmt: skip
HELD = st.sampled_from((None, *LimitReason))


def planned(
    one: e.Group, approved: Content, people: Tappers, held: Mapping[str, LimitReason]
) -> tuple[str, str]:
    """(channel, reason) as the plan has it, from its parts to what is requested or refused."""
    event = released(channels=approved.channels, exercise=approved.exercise, approved_at=NOON)
    place = place_of(one, route(one, event.release, people))
    _, part = split_into_parts(event, "warning", [place], held=held)
    assert isinstance(part, e.PartPlanned)
    [asked] = deliveries(part, event.release, {one.group_id: one}, people)
    if isinstance(asked, e.ReceiptRecorded):
        return "", asked.reason
    assert isinstance(asked, e.DeliveryRequested | e.TaskRequested)
    if not held:
        assert (place.order, place.platform) == (send_order(asked.channel), asked.channel in COUNTED)
    return asked.channel, ""


def previewed(
    one: e.Group, approved: Content, people: Tappers, held: Mapping[str, LimitReason]
) -> tuple[str, str]:
    """(channel, reason) as the approver sees it."""
    [reach] = reach_by_channel([one], planned_routes([one], approved, people, held), ())
    return reach.channel, str(reach.reason or "")


@given(GROUPS, PEOPLE, APPROVALS, HELD)
def test_preview_and_plan_have_the_same_way_and_the_same_reason(
    one: e.Group, people: Tappers, approved: Content, limit: LimitReason | None
) -> None:
    held = {one.group_id: limit} if limit else {}
    channel, reason = planned(one, approved, people, held)
    assert previewed(one, approved, people, held) == (channel, reason.partition(":")[0])
    if limit and limit not in PLATFORMS and not one.gone:
        assert (channel, reason) == ("", f"held back: {limit}")


@given(GROUPS, PEOPLE, APPROVALS)
def test_coverage_and_plan_have_the_same_way_and_the_same_reason(
    one: e.Group, people: Tappers, approved: Content
) -> None:
    finding = finding_on(one, None, (), people, approved)
    assert (finding.route.channel, str(finding.route.reason or "")) == planned(one, approved, people, {})
    assert ("no_way" in finding.problems, finding.reason == "nobody") == (
        finding.route.way is None, finding.route.reason is NoWay.NOBODY,
    )  # fmt: skip


@given(GROUPS, PEOPLE, APPROVALS)
def test_a_submission_and_an_approval_count_what_is_planned(
    one: e.Group, people: Tappers, approved: Content
) -> None:
    channel, _ = planned(one, approved, people, {})
    assert frozen_reach(approved, [one], people) == ((1, 100) if channel else (0, 0))
    assert reach_of(approved, [one], people) == frozen_reach(approved, [one], people)


@given(GROUPS, PEOPLE, APPROVALS)
def test_going_on_from_way_to_way_visits_the_approved_ones_and_ends(
    one: e.Group, people: Tappers, approved: Content
) -> None:
    seen = [route(one, approved, people).channel]
    while seen[-1]:
        seen.append(route(one, approved, people, after=seen[-1]).channel)
    assert len(set(seen)) == len(seen) and set(seen[:-1]) <= set(approved.channels)
