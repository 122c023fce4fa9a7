"""No sequence of orders, however made, gets a warning out without two persons and the very bytes they saw.

Hypothesis deals the orders: any action, by anyone in any role, with any content, hash, revision and time, and
some of them twice. A second account of who did what is kept beside the alert, and the two must agree.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fenghuo.domain.alert import (
    ALLOWED_ROLES,
    RELEASED,
    TRANSITIONS,
    Action,
    Alert,
    AlertId,
    Audience,
    Clearing,
    Content,
    Mention,
    Order,
    Origin,
    PersonId,
    Role,
    State,
    content_hash,
)
from fenghuo.domain.alert_lifecycle import affected_content, decide
from fenghuo.errors import Denied

T0 = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
PEOPLE = ("anna", "ben", "chen")
PERSONS = st.sampled_from([PersonId(x) for x in PEOPLE])
CONTENTS = [
    Content(
        title="冒充市监局", text=text, correction="此前预警已撤回。", audience=Audience(district=district),
        channels=("sandbox",), severity="severe", expires_at=T0 + timedelta(hours=24), exercise=exercise,
    )
    for text in ("谨防诈骗，请拨打96110核实。", "谨防诈骗，请拨打96110或110。", "")
    for district in ("东区", "西区")
    for exercise in (False, True)
]  # fmt: skip
ORIGIN = Origin(first_report_at=T0, fraud_type="biz", cluster_id="c1")
ENDING = {Action.REJECT, Action.EXPIRE, Action.RECALL, Action.RETURN, Action.DROP_UPDATE}
APPROVALS = {Action.APPROVE, Action.APPROVE_UPDATE}
FROZEN = "f" * 64
NAMES = tuple(Mention(kind="person", value=x, sentence=f"骗子自称{x}") for x in ("王小明", "李大海"))
CLEARS = tuple(Clearing(key=x.key, reason="已核实，是化名") for x in NAMES)
FITTING = {action: sorted(may) for action, may in ALLOWED_ROLES.items()}


class AlertLife(RuleBasedStateMachine):
    """Any orders at all against one alert."""

    def __init__(self) -> None:
        super().__init__()
        self.alert: Alert | None = None
        self.at = T0
        self.orders: list[Order] = []
        self.done: set[str] = set()
        self.clearings: set[tuple[PersonId, str]] = set()
        self.wrote: set[PersonId] = set()
        self.wrote_update: set[PersonId] = set()
        self.released_hash: str | None = None
        self.exercise: bool | None = None

    @initialize(actor=PERSONS, content=st.sampled_from(CONTENTS[:8]))
    def begin(self, actor: PersonId, content: Content) -> None:
        self._try(action=Action.DRAFT, actor=actor, role=Role.SYSTEM, content=content)

    @rule(
        action=st.sampled_from(Action),
        actor=PERSONS,
        role=st.sampled_from(Role),
        content=st.sampled_from([None, *CONTENTS]),
        seen=st.sampled_from([None, "now", *CONTENTS]),
        revision=st.sampled_from([None, None, 0, -1]),
        later_min=st.integers(0, 90),
        findings=st.sampled_from([(), (), (), ("link: x",)]),
        groups=st.sampled_from([0, 12, 12, 12]),
        reason=st.sampled_from([None, "because"]),
        named=st.sampled_from([(), (), NAMES[:1], NAMES]),
        clears=st.sampled_from([(), CLEARS[:1], CLEARS]),
    )
    def anyone_orders_anything(self, *, later_min: int, **asked: Any) -> None:
        self.at += timedelta(minutes=later_min)
        self._try(**asked)

    @rule(
        which=st.integers(0, 1000),
        ends=st.sampled_from([False] * 5 + [True]),
        actor=PERSONS,
        words=st.sampled_from(CONTENTS[:8]),
        flaw=st.sampled_from(
            [
                None,
                None,
                None,
                "role",
                "no hash",
                "hash",
                "revision",
                "findings",
                "groups",
                "late",
                "exercise",
                "names",
            ]
        ),
        named=st.sampled_from([(), NAMES[:1], NAMES]),
    )
    def someone_orders_what_the_state_allows(
        self,
        which: int,
        ends: bool,
        actor: PersonId,
        words: Content,
        flaw: str | None,
        named: tuple[Mention, ...],
    ) -> None:
        """One action of those that are possible now, right in all but at most one thing: so runs get far."""
        now = self.alert.state if self.alert else None
        possible = sorted(x for state, x in TRANSITIONS if state is now and (x not in ENDING or ends))
        if not possible:
            return
        action = possible[which % len(possible)]
        exercise = self.alert.content.exercise if self.alert else False
        if flaw != "names" and action not in {Action.CLEAR, Action.CLEAR_UPDATE}:
            named = self._cleared(action)
        self.at += timedelta(days=2) if flaw == "late" else timedelta(minutes=1)
        self._try(
            action=action,
            actor=actor,
            role=Role.RESIDENT if flaw == "role" else FITTING[action][0],
            content=msgspec.structs.replace(words, exercise=exercise is not (flaw == "exercise")),
            seen={"no hash": None, "hash": CONTENTS[0]}.get(flaw or "", "now"),
            revision=-1 if flaw == "revision" else 0,
            findings=("link: x",) if flaw == "findings" else (),
            groups=0 if flaw == "groups" else 12,
            reason="because",
            named=named,
            clears=CLEARS[: len(named)],
        )

    def _cleared(self, action: Action) -> tuple[Mention, ...]:
        """The names that somebody has cleared in the content that ``action`` affects."""
        content = affected_content(self.alert, action) if self.alert else CONTENTS[0]
        return tuple(x.mention for x in content.clearances)

    @precondition(lambda self: self.orders)
    @rule(which=st.integers(0, 1000))
    def an_order_comes_again(self, which: int) -> None:
        self._give(self.orders[which % len(self.orders)], (), 12, NAMES)

    def _try(
        self,
        *,
        action: Action,
        actor: PersonId,
        role: Role,
        content: Content | None,
        seen: Any = None,
        revision: int | None = None,
        findings: tuple[str, ...] = (),
        groups: int = 12,
        reason: str | None = None,
        named: tuple[Mention, ...] = (),
        clears: tuple[Clearing, ...] = (),
    ) -> None:
        current = affected_content(self.alert, action) if self.alert else None
        saw = current if seen == "now" else seen
        asked = Order(
            decision_id=f"d{len(self.orders)}", alert_id=AlertId("a1"), action=action, actor=actor, role=role,
            at=self.at, content=content, origin=ORIGIN, seen_hash=content_hash(saw) if saw else None,
            seen_revision=None if revision is None or self.alert is None else self.alert.revision + revision,
            reason=reason, clears=clears,
        )  # fmt: skip
        self.orders.append(asked)
        self.clearings |= {(actor, x.key) for x in clears}
        self._give(asked, findings, groups, named)

    def _give(self, asked: Order, findings: tuple[str, ...], groups: int, named: tuple[Mention, ...]) -> None:
        before = self.alert
        bytes_before = msgspec.json.encode(before)
        try:
            reach = (groups, groups * 100)
            after = decide(before, asked, findings=findings, reach=reach, frozen=FROZEN, mentions=named)
        except Denied:
            assert msgspec.json.encode(before) == bytes_before
            return
        if asked.decision_id in self.done:
            assert after is before
            return
        self.done.add(asked.decision_id)
        self._agree(before, asked, after, findings, groups)
        self._agree_on_names(before, asked, after, named)
        self.alert = after

    def _agree(
        self, before: Alert | None, asked: Order, after: Alert, findings: tuple[str, ...], groups: int
    ) -> None:
        """Keep our own account of what was just allowed, and hold it against the law."""
        assert TRANSITIONS[before.state if before else None, asked.action] is after.state
        assert asked.role in ALLOWED_ROLES[asked.action]
        assert after.revision == (before.revision + 1 if before else 1)
        if asked.action in {Action.DRAFT, Action.EDIT}:
            self.wrote = {asked.actor} | ({before.created_by} if before else set())
        if asked.seen_revision is not None and before is not None:
            assert asked.seen_revision == before.revision
        if asked.action is Action.SUBMIT:
            self.wrote |= {asked.actor}
        if asked.action is Action.UPDATE:
            assert before is not None
            maker = before.update.created_by if before.update else asked.actor
            self.wrote_update = {before.created_by, maker, asked.actor}
        if asked.action is Action.SUBMIT_UPDATE:
            self.wrote_update |= {asked.actor}
        if asked.action in {Action.SUBMIT, Action.SUBMIT_UPDATE} | APPROVALS:
            assert (findings, groups > 0) == ((), True)
        if asked.action in APPROVALS:
            assert before is not None
            assert asked.actor not in (self.wrote if asked.action is Action.APPROVE else self.wrote_update)
            assert asked.seen_hash == content_hash(affected_content(before, asked.action))
            assert after.content == affected_content(before, asked.action)
            assert after.content.audience.frozen == FROZEN
            assert asked.at < after.content.expires_at
            self.released_hash = asked.seen_hash
        if before is not None and before.state in RELEASED:
            assert after.version == before.version + (asked.action is Action.APPROVE_UPDATE)
            if asked.action is not Action.APPROVE_UPDATE:
                assert after.content == before.content

    def _agree_on_names(
        self, before: Alert | None, asked: Order, after: Alert, named: tuple[Mention, ...]
    ) -> None:
        """A name goes on only if somebody cleared it, and out only past a person who did not."""
        if asked.action in {Action.SUBMIT, Action.SUBMIT_UPDATE} | APPROVALS:
            assert before is not None
            sent = affected_content(before, asked.action)
            assert set(named) <= {x.mention for x in sent.clearances}
            if asked.action in APPROVALS:
                assert asked.actor not in {x.by for x in sent.clearances}
        for content in (after.content, after.update.content if after.update else after.content):
            assert {(x.by, x.mention.key) for x in content.clearances} <= self.clearings

    @invariant()
    def what_is_out_was_approved_by_a_second_person(self) -> None:
        if self.alert and (self.alert.state in RELEASED or self.alert.state is State.RECALLED):
            alert = self.alert
            assert alert.approved_by is not None
            assert alert.approved_by not in {alert.created_by, alert.edited_by, alert.submitted_by}

    @invariant()
    def what_is_out_is_what_was_approved_byte_by_byte(self) -> None:
        if self.alert and (self.alert.state in RELEASED or self.alert.state is State.RECALLED):
            assert self.alert.approved_hash == self.released_hash == content_hash(self.alert.content)

    @invariant()
    def a_new_version_waits_only_while_the_old_one_stands(self) -> None:
        if self.alert and self.alert.update:
            assert self.alert.state in RELEASED
            assert (self.alert.update.submitted_by is None) == (not self.alert.update.content.audience.frozen)

    @invariant()
    def what_is_not_out_carries_no_approval(self) -> None:
        if self.alert and self.alert.state in {State.DRAFT, State.SUBMITTED, State.RETURNED, State.REJECTED}:
            assert self.alert.approved_by is None
            assert self.alert.approved_hash is None

    @invariant()
    def only_what_waits_for_approval_or_went_out_has_a_submitter(self) -> None:
        if self.alert and self.alert.state is State.DRAFT:
            assert self.alert.submitted_by is None

    @invariant()
    def an_exercise_stays_one(self) -> None:
        if self.alert:
            first = self.exercise if self.exercise is not None else self.alert.content.exercise
            self.exercise = first
            assert self.alert.content.exercise is first

    @invariant()
    def an_alert_survives_the_wire(self) -> None:
        if self.alert:
            assert msgspec.json.decode(msgspec.json.encode(self.alert), type=Alert) == self.alert


AlertLife.TestCase.settings = settings(max_examples=300, stateful_step_count=30, deadline=None)
test_no_sequence_of_orders_releases_a_warning_without_two_persons_and_the_bytes_they_saw = AlertLife.TestCase
