"""An alert's life, walked whole: every action in every state, by every role, at every moment that matters."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from fenghuo.domain.alert import (
    ALLOWED_ROLES,
    ENDED,
    LONGEST_LIFE,
    NEEDS_REASON,
    RELEASED,
    REMEMBERED_DECISIONS,
    TEXT_LIMIT,
    TITLE_LIMIT,
    TRANSITIONS,
    UPDATING,
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
    check_code,
    content_hash,
)
from fenghuo.domain.alert_lifecycle import decide, with_frozen
from fenghuo.errors import Denied

T0 = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
ID = AlertId("a1b2c3d4e5f6a1b2c3d4e5f6")
ANNA, BEN, CHEN, DORA = (PersonId(x) for x in ("anna", "ben", "chen", "dora"))
CONTENT = Content(
    title="冒充市监局",
    text="【反诈预警】近日有人以法人信息到期为由索要验证码。请拨打96110核实。",
    correction="此前关于法人信息到期的预警已撤回，请以本通知为准。",
    audience=Audience(district="示范区"),
    channels=("sandbox",),
    severity="severe",
    expires_at=T0 + timedelta(hours=24),
)
ORIGIN = Origin(first_report_at=T0 - timedelta(minutes=20), fraud_type="biz", cluster_id="c1")
SOME = (3162, 426_000)
FROZEN = "f" * 64
"""The digest of the groups that CONTENT's audience means."""
SUBMITTED_CONTENT = with_frozen(CONTENT, FROZEN)
NEXT = msgspec.structs.replace(
    CONTENT, text=CONTENT.text + "补充：对方会要求共享屏幕。", expires_at=T0 + timedelta(hours=30)
)
"""What an update makes of CONTENT."""
LEAST_ROLE = {action: next(role for role in Role if role in may) for action, may in ALLOWED_ROLES.items()}


CLEARS = {Action.CLEAR, Action.CLEAR_UPDATE}
MENTION = Mention(kind="school", value="东湖小学二年级三班", sentence="骗子冒充东湖小学二年级三班的老师")
SEEN = {
    Action.APPROVE: content_hash(SUBMITTED_CONTENT),
    Action.APPROVE_UPDATE: content_hash(with_frozen(NEXT, FROZEN)),
}
"""What the page of an approval showed."""


def order(action: Action, actor: PersonId = ANNA, **changes: Any) -> Order:
    """An order that nothing but the alert's state could stand against."""
    at = changes.pop("at", T0 + timedelta(minutes=1))
    given: dict[str, Any] = {
        "decision_id": f"{action}-{actor}-{at:%H%M%S}", "alert_id": ID, "action": action, "actor": actor,
        "role": LEAST_ROLE[action], "at": at, "origin": ORIGIN,
        "content": NEXT if action is Action.UPDATE else CONTENT, "reason": "a reason",
        "seen_hash": SEEN.get(action),
        "clears": (Clearing(key=MENTION.key, reason="向学校核实过"),) if action in CLEARS else (),
    }  # fmt: skip
    return Order(**{**given, **changes})


def applied(alert: Alert | None, *orders: Order, findings: tuple[str, ...] = ()) -> Alert:
    for each in orders:
        mentions = [MENTION] if each.action in CLEARS else []
        alert = decide(alert, each, findings=findings, reach=SOME, frozen=FROZEN, mentions=mentions)
    assert alert is not None
    return alert


def drafted() -> Alert:
    return applied(None, order(Action.DRAFT))


def submitted() -> Alert:
    return applied(drafted(), order(Action.SUBMIT, ANNA))


def approved() -> Alert:
    return applied(submitted(), order(Action.APPROVE, BEN))


def with_update(alert: Alert, *, submitted: bool = True) -> Alert:
    """``alert``, which stands, with a new version by Anna that waits for its approval."""
    alert = applied(alert, order(Action.UPDATE, ANNA, at=T0 + timedelta(minutes=20)))
    if not submitted:
        return alert
    return applied(alert, order(Action.SUBMIT_UPDATE, ANNA, at=T0 + timedelta(minutes=21)))


def ready_for(state: State | None, action: Action) -> Alert | None:
    """An alert in ``state`` in which nothing but the table could stand against ``action``."""
    alert = in_state(state) if state else None
    if alert is None or state not in RELEASED or action not in UPDATING - {Action.UPDATE}:
        return alert
    unsubmitted = {Action.SUBMIT_UPDATE, Action.CLEAR_UPDATE}
    return with_update(alert, submitted=action not in unsubmitted)


def in_state(state: State) -> Alert:
    """An alert as it really comes to ``state``."""
    makers: dict[State, Alert] = {
        State.DRAFT: drafted(),
        State.SUBMITTED: submitted(),
        State.APPROVED: approved(),
        State.BROADCASTING: applied(approved(), order(Action.BEGIN)),
        State.COMPLETED: applied(approved(), order(Action.BEGIN), order(Action.COMPLETE)),
        State.RETURNED: applied(submitted(), order(Action.RETURN, BEN)),
        State.REJECTED: applied(submitted(), order(Action.REJECT, BEN)),
        State.RECALLED: applied(approved(), order(Action.RECALL, BEN)),
        State.EXPIRED: applied(approved(), order(Action.EXPIRE)),
    }
    assert makers[state].state is state
    return makers[state]


def every_step() -> list[tuple[State | None, Action]]:
    return [(state, action) for state in (None, *State) for action in Action]


def denied(alert: Alert | None, asked: Order, *, findings: tuple[str, ...] = (), reach: Any = SOME) -> str:
    with pytest.raises(Denied) as no:
        decide(alert, asked, findings=findings, reach=reach, frozen=FROZEN)
    assert str(no.value)
    return no.value.code


# --- the table ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "action"), every_step())
def test_the_table_alone_says_which_action_is_possible_in_which_state(
    state: State | None, action: Action
) -> None:
    alert = ready_for(state, action)
    asked = order(action, DORA, at=T0 + timedelta(minutes=30))
    if (state, action) in TRANSITIONS:
        assert applied(alert, asked).state is TRANSITIONS[state, action]
    else:
        assert denied(alert, asked) == ("not_now" if state else "no_such_alert")


def test_every_state_is_reached_and_every_action_is_possible_somewhere() -> None:
    assert set(TRANSITIONS.values()) == set(State)
    assert {action for _, action in TRANSITIONS} == set(Action) == set(ALLOWED_ROLES)


def test_nothing_follows_an_end_but_the_recall_of_what_went_out() -> None:
    assert {(state, action) for state, action in TRANSITIONS if state in ENDED} == {
        (State.EXPIRED, Action.RECALL)
    }


def test_what_expired_unapproved_cannot_be_recalled() -> None:
    expired = decide(drafted(), order(Action.EXPIRE), findings=(), reach=SOME, frozen=FROZEN)
    with pytest.raises(Denied) as denied:
        decide(expired, order(Action.RECALL), findings=(), reach=SOME, frozen=FROZEN)
    assert denied.value.code == "not_now"


def test_only_an_approval_leads_from_unreleased_to_released() -> None:
    into = {(a, s) for (s, a), after in TRANSITIONS.items() if after in RELEASED and s not in RELEASED}
    assert into == {(Action.APPROVE, State.SUBMITTED)}


def test_each_step_counts_one_revision_and_takes_the_orders_time() -> None:
    asked = order(Action.SUBMIT, at=T0 + timedelta(minutes=7))
    alert = decide(drafted(), asked, findings=(), reach=SOME, frozen=FROZEN)
    assert (alert.revision, alert.changed_at) == (2, asked.at)
    assert (alert.submitted_by, alert.submitted_at) == (ANNA, asked.at)


def test_a_denied_order_leaves_no_trace() -> None:
    alert = submitted()
    before = msgspec.json.encode(alert)
    assert denied(alert, order(Action.APPROVE, ANNA)) == "same_person"
    assert msgspec.json.encode(alert) == before


# --- who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("step", sorted(TRANSITIONS, key=str), ids=lambda step: f"{step[0]}-{step[1]}")
def test_only_the_roles_of_the_table_may_act_in_any_state(
    step: tuple[State | None, Action], role: Role
) -> None:
    state, action = step
    alert = ready_for(state, action)
    asked = order(action, DORA, role=role, at=T0 + timedelta(minutes=30))
    if role in ALLOWED_ROLES[action]:
        assert applied(alert, asked).state is TRANSITIONS[step]
    else:
        assert denied(alert, asked) == "wrong_role"


def test_residents_officers_administrators_and_auditors_decide_nothing() -> None:
    outside = {Role.RESIDENT, Role.OFFICER, Role.ADMINISTRATOR, Role.AUDITOR}
    assert not [action for action, may in ALLOWED_ROLES.items() if may & outside]


def test_no_machine_approves_submits_edits_or_recalls() -> None:
    by_system = {action for action, may in ALLOWED_ROLES.items() if Role.SYSTEM in may}
    assert by_system == {Action.DRAFT, Action.BEGIN, Action.COMPLETE, Action.EXPIRE}


@pytest.mark.parametrize("action", sorted(NEEDS_REASON))
@pytest.mark.parametrize("reason", [None, "", " \t"])
def test_returning_rejecting_recalling_and_dropping_need_a_reason(action: Action, reason: str | None) -> None:
    state = State.SUBMITTED if action in {Action.RETURN, Action.REJECT} else State.COMPLETED
    assert denied(ready_for(state, action), order(action, BEN, reason=reason)) == "reason_missing"


def test_the_reason_stays_with_the_alert() -> None:
    assert applied(submitted(), order(Action.RETURN, BEN, reason="看不懂")).reason == "看不懂"


# --- two persons, the exact bytes -----------------------------------------------------------------


def test_creator_cannot_approve_own_alert() -> None:
    alert = applied(None, order(Action.DRAFT, ANNA), order(Action.SUBMIT, CHEN))
    assert denied(alert, order(Action.APPROVE, ANNA)) == "same_person"
    assert applied(alert, order(Action.APPROVE, BEN)).approved_by == BEN


def test_last_editor_cannot_approve_own_words() -> None:
    alert = applied(drafted(), order(Action.EDIT, BEN), order(Action.SUBMIT, CHEN))
    assert denied(alert, order(Action.APPROVE, BEN)) == "same_person"


def test_submitter_cannot_approve_own_submission() -> None:
    alert = applied(drafted(), order(Action.SUBMIT, CHEN))
    assert denied(alert, order(Action.APPROVE, CHEN)) == "same_person"


def test_one_person_can_approve_what_the_system_drafted_only_if_another_submitted_it() -> None:
    alert = applied(
        None, order(Action.DRAFT, PersonId("system"), role=Role.SYSTEM), order(Action.SUBMIT, BEN)
    )
    assert denied(alert, order(Action.APPROVE, BEN)) == "same_person"
    assert applied(alert, order(Action.APPROVE, CHEN)).state is State.APPROVED


def test_an_approval_names_the_content_it_approves() -> None:
    assert denied(submitted(), order(Action.APPROVE, BEN, seen_hash=None)) == "hash_missing"


@pytest.mark.parametrize(
    "change",
    [
        {"title": "冒充市监局！"},
        {"text": CONTENT.text + "。"},
        {"correction": CONTENT.correction + " "},
        {"audience": Audience(district="示范区", towns=("东镇",), frozen=FROZEN)},
        {"audience": Audience(district="示范区", expression="标签:老人", frozen=FROZEN)},
        {"audience": Audience(district="示范区", frozen="e" + FROZEN[1:])},
        {"override": "诈骗团伙正在本区逐户打电话"},
        {"channels": ("sandbox", "webhook")},
        {"severity": "moderate"},
        {"expires_at": CONTENT.expires_at + timedelta(milliseconds=1)},
        {"exercise": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_approval_of_other_bytes_is_refused(change: dict[str, Any]) -> None:
    other = content_hash(msgspec.structs.replace(SUBMITTED_CONTENT, **change))
    assert other != content_hash(SUBMITTED_CONTENT)
    assert denied(submitted(), order(Action.APPROVE, BEN, seen_hash=other)) == "stale"


def test_the_hash_covers_every_field_of_the_content() -> None:
    fields = set(Content.__struct_fields__)
    assert fields == {
        "title",
        "text",
        "correction",
        "audience",
        "channels",
        "severity",
        "expires_at",
        "exercise",
        "override",
        "clearances",
    }
    assert set(Audience.__struct_fields__) == {"district", "towns", "expression", "frozen"}


def test_an_approved_alert_carries_the_hash_of_its_content() -> None:
    alert = approved()
    assert alert.approved_hash == content_hash(alert.content)


def test_an_edit_after_submission_voids_it() -> None:
    edited = applied(submitted(), order(Action.EDIT, CHEN))
    assert (edited.state, edited.submitted_by, edited.submitted_at) == (State.DRAFT, None, None)
    assert denied(edited, order(Action.APPROVE, BEN)) == "not_now"


def test_what_is_released_can_no_longer_be_edited() -> None:
    for state in RELEASED:
        assert denied(in_state(state), order(Action.EDIT, CHEN)) == "not_now"


def test_a_page_that_is_out_of_date_decides_nothing() -> None:
    assert denied(submitted(), order(Action.APPROVE, BEN, seen_revision=1)) == "stale"
    assert applied(submitted(), order(Action.APPROVE, BEN, seen_revision=2)).state is State.APPROVED


# --- what may go out ------------------------------------------------------------------------------


@pytest.mark.parametrize("action", [Action.SUBMIT, Action.APPROVE])
def test_findings_of_the_linter_stop_submission_and_approval(action: Action) -> None:
    alert = in_state(State.DRAFT if action is Action.SUBMIT else State.SUBMITTED)
    with pytest.raises(Denied, match="link: http") as no:
        decide(alert, order(action, BEN), findings=["link: http://a.example"], reach=SOME, frozen=FROZEN)
    assert no.value.code == "findings"


def test_findings_do_not_stop_a_draft_or_an_edit_and_stay_visible() -> None:
    alert = applied(None, order(Action.DRAFT), findings=("link: x",))
    assert alert.findings == ("link: x",)
    assert applied(alert, order(Action.EDIT)).findings == ()


@pytest.mark.parametrize("action", [Action.SUBMIT, Action.APPROVE])
def test_a_warning_to_nobody_is_refused(action: Action) -> None:
    alert = in_state(State.DRAFT if action is Action.SUBMIT else State.SUBMITTED)
    assert denied(alert, order(action, BEN), reach=(0, 0)) == "nobody"


def test_the_reach_that_was_approved_is_kept() -> None:
    alert = decide(submitted(), order(Action.APPROVE, BEN), findings=(), reach=(4601, 690_000), frozen=FROZEN)
    assert (alert.reach_groups, alert.reach_residents) == (4601, 690_000)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"title": ""}, "title_length"),
        ({"title": " "}, "title_length"),
        ({"title": "题" * (TITLE_LIMIT + 1)}, "title_length"),
        ({"text": ""}, "text_length"),
        ({"text": "文" * (TEXT_LIMIT + 1)}, "text_length"),
        ({"correction": "\n"}, "text_length"),
        ({"correction": "文" * (TEXT_LIMIT + 1)}, "text_length"),
        ({"channels": ()}, "channels"),
        ({"expires_at": T0}, "expiry"),
        ({"expires_at": T0 + timedelta(minutes=1)}, "expiry"),
        ({"expires_at": T0 + timedelta(minutes=1) + LONGEST_LIFE + timedelta(seconds=1)}, "expiry"),
    ],
)
@pytest.mark.parametrize("action", [Action.DRAFT, Action.EDIT])
def test_content_that_could_not_go_out_is_refused_at_once(
    action: Action, change: dict[str, Any], code: str
) -> None:
    alert = None if action is Action.DRAFT else drafted()
    asked = order(action, content=msgspec.structs.replace(CONTENT, **change))
    assert denied(alert, asked) == code


@pytest.mark.parametrize("text", ["文" * TEXT_LIMIT, "短"])
def test_content_at_its_limits_is_accepted(text: str) -> None:
    content = msgspec.structs.replace(
        CONTENT, title="题" * TITLE_LIMIT, text=text, expires_at=T0 + timedelta(minutes=1) + LONGEST_LIFE
    )
    assert applied(None, order(Action.DRAFT, content=content)).content == content


@pytest.mark.parametrize("action", [Action.DRAFT, Action.EDIT])
def test_writing_needs_something_written(action: Action) -> None:
    alert = None if action is Action.DRAFT else drafted()
    assert denied(alert, order(action, content=None)) == "content_missing"


def test_a_draft_needs_its_origin() -> None:
    assert denied(None, order(Action.DRAFT, origin=None)) == "content_missing"


@pytest.mark.parametrize("action", [Action.SUBMIT, Action.APPROVE])
def test_what_has_expired_meanwhile_goes_no_further(action: Action) -> None:
    alert = in_state(State.DRAFT if action is Action.SUBMIT else State.SUBMITTED)
    assert denied(alert, order(action, BEN, at=CONTENT.expires_at)) == "expiry"


@pytest.mark.parametrize("exercise", [True, False])
def test_an_exercise_never_becomes_live_nor_a_live_alert_an_exercise(exercise: bool) -> None:
    alert = applied(None, order(Action.DRAFT, content=msgspec.structs.replace(CONTENT, exercise=exercise)))
    other = msgspec.structs.replace(CONTENT, exercise=not exercise)
    assert denied(alert, order(Action.EDIT, content=other)) == "exercise"


# --- again and again ------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "action"), sorted((s, a) for s, a in TRANSITIONS if s is not None))
def test_a_decision_that_comes_again_changes_nothing(state: State, action: Action) -> None:
    asked = order(action, DORA, at=T0 + timedelta(minutes=30))
    once = applied(ready_for(state, action), asked)
    assert decide(once, asked, findings=["anything"], reach=(0, 0)) == once


def test_a_draft_that_comes_again_changes_nothing() -> None:
    assert applied(drafted(), order(Action.DRAFT)) == drafted()


def test_the_same_draft_under_another_decision_is_refused() -> None:
    assert denied(drafted(), order(Action.DRAFT, decision_id="another")) == "not_now"


def test_the_last_decisions_are_remembered_and_no_more() -> None:
    alert = drafted()
    for minute in range(REMEMBERED_DECISIONS + 5):
        alert = applied(alert, order(Action.EDIT, at=T0 + timedelta(minutes=1, seconds=minute)))
    assert len(alert.decisions) == REMEMBERED_DECISIONS
    assert alert.decisions[-1] == order(Action.EDIT, at=alert.changed_at).decision_id


def test_decide_gives_the_same_answer_to_the_same_question() -> None:
    asked = order(Action.APPROVE, BEN)
    assert decide(submitted(), asked, findings=(), reach=SOME, frozen=FROZEN) == decide(
        submitted(), asked, findings=(), reach=SOME
    )


def test_the_content_hash_is_pinned_so_that_no_release_of_ours_voids_standing_approvals() -> None:
    assert content_hash(CONTENT) == ("25f052d68fe0a980cbfb582b42ec9273b95c72d899b672c6e2ed60283dca844c")


def test_the_check_code_tells_each_alert_version_and_text_apart() -> None:
    codes = {check_code(a, v, t) for a in ("a", "a\n1") for v in (1, 2) for t in ("text", "text ", "")}
    assert len(codes) == 12
    assert all(len(code) == 8 and code == code.upper() for code in codes)
