"""Nobody gets a warning out alone: creator, last editor and submitter against every approval, and orders
forged straight onto the topic."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from consumers.decisions import Decisions
from fenghuo.domain import events as e
from fenghuo.domain.alert import (
    ALLOWED_ROLES,
    RELEASED,
    SYSTEM,
    Action,
    Alert,
    AlertId,
    Audience,
    Clearance,
    Clearing,
    Order,
    Origin,
    PersonId,
    Role,
    State,
    content_hash,
)
from fenghuo.domain.alert_lifecycle import affected_content
from fenghuo.domain.audience import digest_of
from tests.support.builders import DISTRICT, NOON, content, decision, group, order

PEOPLE = {
    who: e.Person(person_id=who, name=who, role=role, district=district, gone=gone)
    for who, role, district, gone in (
        ("one", Role.APPROVER, DISTRICT, False),
        ("two", Role.APPROVER, DISTRICT, False),
        ("three", Role.APPROVER, DISTRICT, False),
        ("analyst", Role.ANALYST, DISTRICT, False),
        ("officer", Role.OFFICER, DISTRICT, False),
        ("left", Role.APPROVER, DISTRICT, True),
        ("away", Role.APPROVER, "别处", False),
    )
}


class SmallDesk:
    """What the stage reads, from memory, and what it has published folded in."""

    def __init__(self, groups: int = 3) -> None:
        self.found_alerts: dict[str, Alert] = {}
        self.audiences: dict[str, tuple[str, ...]] = {}
        self.all_groups = {f"g{n:04d}": group(n) for n in range(groups)}
        self.alerts = SimpleNamespace(get_many=self.alerts_by_id)
        self.order_outcomes = SimpleNamespace(settled=self.settled)
        self.directory = SimpleNamespace(person=self.person, groups=self.groups, people=self.people)
        self.releases = SimpleNamespace(audience=self.audience)

    async def alerts_by_id(self, alert_ids: Any) -> dict[str, Alert]:
        return {k: v for k, v in self.found_alerts.items() if k in alert_ids}

    async def settled(self, _decision_ids: Any) -> set[str]:
        return set()

    async def person(self, person_id: str) -> e.Person | None:
        person = PEOPLE.get(person_id)
        return None if person is None or person.gone else person

    async def people(self) -> dict[str, e.Person]:
        return {k: x for k, x in PEOPLE.items() if not x.gone}

    async def groups(self) -> dict[str, e.Group]:
        return self.all_groups

    async def audience(self, digest: str) -> tuple[str, ...] | None:
        return self.audiences.get(digest)

    async def give(self, *orders: Order) -> list[e.Event]:
        """What the stage publishes for ``orders`` in one batch."""
        outcome = await Decisions(self).on_decisions_made([decision(x) for x in orders])  # type: ignore[arg-type]
        for event in outcome.events:
            if isinstance(event, e.AlertChanged):
                self.found_alerts[event.alert.alert_id] = event.alert
            if isinstance(event, e.AudienceFrozen):
                self.audiences[event.digest] = event.group_ids
        return outcome.events

    async def code(self, wanted: Order) -> str:
        """ "ok", or why ``wanted`` was refused."""
        (refused, *_) = [*[x for x in await self.give(wanted) if isinstance(x, e.DecisionRefused)], None]
        return "ok" if refused is None else refused.code

    @property
    def alert(self) -> Alert:
        return self.found_alerts["a1"]


def by(who: str, action: Action, **changes: Any) -> Order:
    person = PEOPLE.get(who)
    fields: dict[str, Any] = {"decision_id": f"{action}-{who}-{len(changes)}", "reason": "a reason"}
    if action in {Action.DRAFT, Action.EDIT, Action.UPDATE}:
        fields |= {"content": content(), "origin": Origin(first_report_at=NOON, fraud_type="BIZ")}
    return order(action, who, changes.pop("role", person.role if person else Role.SYSTEM), **fields | changes)


def approval(desk: SmallDesk, who: str, action: Action = Action.APPROVE, **changes: Any) -> Order:
    """Of what a fresh page shows."""
    return by(who, action, seen_hash=content_hash(affected_content(desk.alert, action)), **changes)


async def waiting(
    created: str, edited: str, submitted: str, *, update: bool = False, override: str = ""
) -> SmallDesk:
    """A warning, or an update of one that stands, made by these persons, that waits for its approval."""
    desk = SmallDesk()
    if not update:
        edit = by(edited, Action.EDIT, content=content(override=override))
        await desk.give(by(created, Action.DRAFT), edit, by(submitted, Action.SUBMIT))
        return desk
    await desk.give(by(SYSTEM, Action.DRAFT), by("analyst", Action.SUBMIT))
    assert await desk.code(approval(desk, "three")) == "ok"
    later = content(text=content().text + "补充一句。", override=override)
    await desk.give(
        by(created, Action.UPDATE, content=later),
        by(edited, Action.UPDATE, content=later, decision_id="edited"),
        by(submitted, Action.SUBMIT_UPDATE),
    )
    assert desk.alert.update is not None
    assert desk.alert.update.submitted_by == submitted
    return desk


@pytest.mark.parametrize("update", [False, True], ids=["warning", "update"])
@pytest.mark.parametrize("part", ["creator", "last editor", "submitter"])
async def test_creator_last_editor_and_submitter_cannot_approve(part: str, update: bool) -> None:
    parts = ["one" if part == x else "two" for x in ("creator", "last editor", "submitter")]
    desk = await waiting(*parts, update=update)
    action = Action.APPROVE_UPDATE if update else Action.APPROVE
    before = desk.alert
    assert await desk.code(approval(desk, "one", action)) == "same_person"
    assert desk.alert == before
    assert await desk.code(approval(desk, "three", action)) == "ok"
    assert desk.alert.state in RELEASED


@pytest.mark.parametrize("update", [False, True], ids=["warning", "update"])
@pytest.mark.parametrize(
    ("who", "role", "code"),
    [
        ("analyst", Role.APPROVER, "wrong_role"),
        ("officer", Role.APPROVER, "wrong_role"),
        ("system", Role.APPROVER, "wrong_role"),
        ("three", Role.SYSTEM, "wrong_role"),
        ("system", Role.SYSTEM, "wrong_role"),
        ("nobody", Role.APPROVER, "unknown_person"),
        ("left", Role.APPROVER, "unknown_person"),
        ("away", Role.APPROVER, "other_district"),
    ],
)
async def test_a_forged_order_is_held_against_the_desks_people(
    who: str, role: Role, code: str, update: bool
) -> None:
    desk = await waiting("one", "one", "two", update=update)
    action = Action.APPROVE_UPDATE if update else Action.APPROVE
    before = desk.alert
    events = await desk.give(approval(desk, who, action, role=role))
    assert [x.code for x in events if isinstance(x, e.DecisionRefused)] == [code]
    assert not [x for x in events if isinstance(x, e.AlertReleased)]
    assert desk.alert == before


@pytest.mark.parametrize("action", Action)
async def test_no_order_that_says_it_is_the_systems_lets_a_text_out(action: Action) -> None:
    desk = await waiting("one", "one", "two", update=False)
    events = await desk.give(by(SYSTEM, action, role=Role.SYSTEM, seen_hash=None))
    assert not [x for x in events if isinstance(x, e.AlertReleased)]
    assert (Role.SYSTEM in ALLOWED_ROLES[action]) == (action in {
        Action.DRAFT, Action.BEGIN, Action.COMPLETE, Action.EXPIRE
    })  # fmt: skip


OTHER = {
    "title": "另一个标题", "text": content().text + "。", "correction": content().correction + "。",
    "audience": Audience(district=DISTRICT, towns=("东湖镇",)), "channels": ("sandbox",),
    "severity": "moderate", "expires_at": content().expires_at.replace(microsecond=1), "exercise": True,
    "override": "诈骗团伙正在本区逐户打电话",
}  # fmt: skip


@pytest.mark.parametrize("field", OTHER)
async def test_any_byte_changed_after_the_submission_voids_it(field: str) -> None:
    """Either the edit takes the submission back, or (an exercise) there is no such edit."""
    desk = await waiting("one", "one", "two")
    old_page = approval(desk, "three")
    edited = msgspec.structs.replace(content(), **{field: OTHER[field]})
    code = await desk.code(by("analyst", Action.EDIT, content=edited))
    assert code == ("exercise" if field == "exercise" else "ok")
    if field == "exercise":
        return
    assert desk.alert.state is State.DRAFT
    assert await desk.code(old_page) == "not_now"
    assert await desk.code(by("analyst", Action.SUBMIT)) == "ok"
    assert await desk.code(msgspec.structs.replace(old_page, decision_id="again")) == "stale"


# --- names that a person must clear ---

NAMED = content(text=content().text.replace("有人", "骗子自称张桂芳，", 1))


def clearing(desk: SmallDesk, who: str, action: Action = Action.CLEAR, reason: str = "骗子用的化名") -> Order:
    alert = desk.alert.update or desk.alert
    clears = tuple(Clearing(key=x.key, reason=reason) for x in alert.mentions)
    return by(who, action, clears=clears, decision_id=f"{action}-{who}-{reason}")


async def test_a_name_that_nobody_cleared_holds_the_submission() -> None:
    desk = SmallDesk()
    await desk.give(by("one", Action.DRAFT, content=NAMED))
    assert [(x.kind, x.value) for x in desk.alert.mentions] == [("person", "张桂芳")]
    assert await desk.code(by("one", Action.SUBMIT)) == "mentions"
    assert await desk.code(clearing(desk, "analyst")) == "ok"
    assert await desk.code(by("one", Action.SUBMIT, decision_id="again")) == "ok"
    assert await desk.code(approval(desk, "analyst", role=Role.APPROVER)) == "wrong_role"
    events = await desk.give(approval(desk, "three"))
    (release,) = [x.release for x in events if isinstance(x, e.AlertReleased)]
    assert [(x.by, x.reason, x.mention.value) for x in release.clearances] == [
        ("analyst", "骗子用的化名", "张桂芳")
    ]


async def test_a_release_with_a_name_that_nobody_cleared_is_refused_even_if_the_console_let_it_through() -> (
    None
):
    """The desk itself says that it was submitted without any mention."""
    desk = await waiting("one", "one", "two")
    text = desk.alert.content.text.replace("有人", "骗子自称张桂芳，", 1)
    forged = msgspec.structs.replace(desk.alert.content, text=text)
    desk.found_alerts["a1"] = msgspec.structs.replace(desk.alert, content=forged, mentions=())
    events = await desk.give(approval(desk, "three"))
    assert [x.code for x in events if isinstance(x, e.DecisionRefused)] == ["mentions"]
    assert not [x for x in events if isinstance(x, e.AlertReleased)]


async def test_clearances_that_an_edit_claims_are_not_believed() -> None:
    desk = SmallDesk()
    await desk.give(by("one", Action.DRAFT, content=NAMED))
    claimed = tuple(
        Clearance(mention=x, reason="已核实过了", by=PersonId("three"), at=NOON) for x in desk.alert.mentions
    )
    forged = msgspec.structs.replace(NAMED, clearances=claimed)
    assert await desk.code(by("two", Action.EDIT, content=forged)) == "ok"
    assert desk.alert.content.clearances == ()
    assert await desk.code(by("two", Action.SUBMIT)) == "mentions"


@pytest.mark.parametrize("update", [False, True], ids=["warning", "update"])
async def test_whoever_cleared_a_name_cannot_approve_it(update: bool) -> None:
    desk = SmallDesk()
    if update:
        desk = await waiting("one", "one", "two")
        assert await desk.code(approval(desk, "three")) == "ok"
        await desk.give(by("one", Action.UPDATE, content=NAMED))
    else:
        await desk.give(by("one", Action.DRAFT, content=NAMED))
    clear = Action.CLEAR_UPDATE if update else Action.CLEAR
    submit, approve = (
        (Action.SUBMIT_UPDATE, Action.APPROVE_UPDATE) if update else (Action.SUBMIT, Action.APPROVE)
    )
    assert await desk.code(clearing(desk, "three", clear)) == "ok"
    assert await desk.code(by("one", submit)) == "ok"
    assert await desk.code(approval(desk, "three", approve)) == "same_person"
    assert await desk.code(approval(desk, "two", approve, decision_id="second")) == "ok"


async def test_an_edit_of_the_sentence_needs_a_new_clearance_and_one_elsewhere_does_not() -> None:
    desk = SmallDesk()
    await desk.give(by("one", Action.DRAFT, content=NAMED))
    await desk.give(clearing(desk, "analyst"))
    elsewhere = msgspec.structs.replace(NAMED, text=NAMED.text.replace("咨询请拨", "拿不准请拨"))
    await desk.give(by("one", Action.EDIT, content=elsewhere))
    assert [x.by for x in desk.alert.content.clearances] == ["analyst"]
    changed = msgspec.structs.replace(NAMED, text=NAMED.text.replace("骗子自称", "有人自称"))
    await desk.give(by("one", Action.EDIT, content=changed, decision_id="second"))
    assert desk.alert.content.clearances == ()
    assert await desk.code(by("one", Action.SUBMIT)) == "mentions"


@pytest.mark.parametrize(
    ("clears", "code"),
    [
        ((), "clears_missing"),
        ((Clearing(key="0" * 12, reason="骗子用的化名"),), "no_such_mention"),
        ("有", "clearance_length"),
        (" " * 9, "clearance_length"),
        ("长" * 101, "clearance_length"),
    ],
)
async def test_a_clearance_names_what_is_there_and_has_a_reason(clears: Any, code: str) -> None:
    desk = SmallDesk()
    await desk.give(by("one", Action.DRAFT, content=NAMED))
    wanted = clearing(desk, "analyst", reason=clears) if isinstance(clears, str) else None
    assert await desk.code(wanted or by("analyst", Action.CLEAR, clears=clears)) == code
    assert desk.alert.content.clearances == ()


async def test_what_is_submitted_can_no_longer_be_cleared() -> None:
    desk = await waiting("one", "one", "two")
    assert await desk.code(by("analyst", Action.CLEAR)) == "not_now"


# --- frozen audience ------------------------------------------------------------------------------


async def test_a_submission_publishes_the_groups_it_means_before_the_alert() -> None:
    desk = SmallDesk()
    await desk.give(by("one", Action.DRAFT))
    frozen, changed = await desk.give(by("two", Action.SUBMIT))
    ids = tuple(sorted(desk.all_groups))
    assert isinstance(frozen, e.AudienceFrozen)
    assert (frozen.group_ids, frozen.digest) == (ids, digest_of(ids))
    assert isinstance(changed, e.AlertChanged)
    assert changed.alert.content.audience.frozen == frozen.digest
    again = SmallDesk()
    await again.give(by("one", Action.DRAFT))
    assert (await again.give(by("two", Action.SUBMIT)))[0].event_id == frozen.event_id


async def test_groups_that_came_later_are_not_added_and_those_that_went_drop_out() -> None:
    desk = await waiting("one", "one", "two")
    desk.all_groups |= {"g0009": group(9, members=5000)}
    del desk.all_groups["g0000"]
    events = await desk.give(approval(desk, "three"))
    (release,) = [x.release for x in events if isinstance(x, e.AlertReleased)]
    assert (desk.alert.reach_groups, desk.alert.reach_residents, release.groups) == (2, 200, 2)
    assert desk.audiences[release.audience.frozen] == ("g0000", "g0001", "g0002")


async def test_submission_and_approval_in_one_batch_know_the_same_groups() -> None:
    desk = await waiting("one", "one", "two")
    seen = approval(desk, "three")
    fresh = SmallDesk()
    await fresh.give(by("one", Action.DRAFT), by("one", Action.EDIT), by("two", Action.SUBMIT), seen)
    assert fresh.alert.state is State.APPROVED


async def test_groups_that_are_not_on_file_reach_nobody() -> None:
    desk = await waiting("one", "one", "two")
    desk.audiences.clear()
    assert await desk.code(approval(desk, "three")) == "nobody"


@pytest.mark.parametrize("action", [Action.DRAFT, Action.EDIT])
async def test_an_expression_that_cannot_be_read_is_refused(action: Action) -> None:
    desk = SmallDesk()
    if action is Action.EDIT:
        await desk.give(by("one", Action.DRAFT))
    broken = content(audience=Audience(district=DISTRICT, expression="镇="))
    assert await desk.code(by("two", action, content=broken)) == "expression"


# --- release of an update -------------------------------------------------------------------------


async def test_an_approved_update_is_released_as_one_with_the_next_version() -> None:
    desk = await waiting("one", "one", "two", update=True)
    waiting_update = desk.alert.update
    assert waiting_update is not None
    events = await desk.give(approval(desk, "three", Action.APPROVE_UPDATE))
    (released,) = [x for x in events if isinstance(x, e.AlertReleased)]
    assert (released.kind, released.release.version) == ("updated", 2)
    assert released.release.text == waiting_update.content.text
    assert released.release.audience == waiting_update.content.audience


@pytest.mark.parametrize("update", [False, True])
async def test_a_release_says_all_that_was_approved(update: bool) -> None:
    """Above all the reason for overriding the limits: without it those groups would get nothing."""
    desk = await waiting("one", "one", "two", update=update, override="诈骗团伙正在本区逐户打电话")
    approve = Action.APPROVE_UPDATE if update else Action.APPROVE
    events = await desk.give(approval(desk, "three", approve))
    (release,) = [x.release for x in events if isinstance(x, e.AlertReleased)]
    told = {x: getattr(release, x) for x in desk.alert.content.__struct_fields__}
    assert told == msgspec.structs.asdict(desk.alert.content)
    assert release.override


async def test_a_recall_of_an_alert_with_an_update_recalls_what_stands() -> None:
    desk = await waiting("one", "one", "two", update=True)
    events = await desk.give(by("three", Action.RECALL))
    (released,) = [x for x in events if isinstance(x, e.AlertReleased)]
    assert (released.kind, released.release.version, released.release.text) == (
        "recalled", 1, content().text,
    )  # fmt: skip
    assert desk.alert.update is None
    assert AlertId("a1") == released.release.alert_id
