"""The life of an update: a new version of a warning that stands, made by one person and approved by
another."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from fenghuo.domain.alert import (
    RELEASED,
    UPDATING,
    Action,
    Alert,
    Audience,
    PersonId,
    Role,
    State,
    content_hash,
)
from fenghuo.domain.alert_lifecycle import with_frozen
from tests.unit.domain.test_alert_lifecycle import (
    ANNA,
    BEN,
    CHEN,
    CONTENT,
    DORA,
    FROZEN,
    NEXT,
    SUBMITTED_CONTENT,
    T0,
    applied,
    denied,
    in_state,
    order,
    with_update,
)

LATER = T0 + timedelta(minutes=40)
STANDS = sorted(RELEASED)


def updated(alert: Alert) -> Alert:
    """``alert`` once Ben has approved Anna's new version of it."""
    return applied(with_update(alert), order(Action.APPROVE_UPDATE, BEN, at=LATER))


@pytest.mark.parametrize("state", STANDS)
def test_until_it_is_approved_the_old_version_stands_alone(state: State) -> None:
    before = in_state(state)
    waiting = with_update(before)
    assert waiting.update is not None
    assert waiting.update.content == with_frozen(NEXT, FROZEN)
    kept = ("state", "version", "content", "approved_by", "approved_hash", "completed_at", "reach_groups")
    assert [getattr(waiting, x) for x in kept] == [getattr(before, x) for x in kept]


@pytest.mark.parametrize("state", STANDS)
def test_an_approved_update_takes_the_old_versions_place_at_once(state: State) -> None:
    after = updated(in_state(state))
    assert (after.state, after.version, after.update, after.completed_at) == (State.APPROVED, 2, None, None)
    assert after.content == with_frozen(NEXT, FROZEN)
    assert after.approved_hash == content_hash(after.content)
    assert (after.approved_by, after.approved_at) == (BEN, LATER)
    assert (after.edited_by, after.submitted_by) == (ANNA, ANNA)


def test_an_updated_warning_is_sent_and_completed_and_updated_again() -> None:
    alert = applied(updated(in_state(State.COMPLETED)), order(Action.BEGIN, at=LATER))
    alert = applied(alert, order(Action.COMPLETE, at=LATER))
    assert (alert.state, alert.version, alert.completed_at) == (State.COMPLETED, 2, LATER)
    again = applied(alert, order(Action.UPDATE, CHEN, at=LATER, content=CONTENT))
    assert again.update is not None
    assert again.update.created_by == CHEN


@pytest.mark.parametrize("action", [Action.BEGIN, Action.COMPLETE])
def test_what_was_said_of_the_old_version_does_not_count_for_the_new_one(action: Action) -> None:
    alert = updated(in_state(State.BROADCASTING))
    assert denied(alert, order(action, at=LATER, version=1)) == "other_version"
    assert applied(alert, order(action, at=LATER, version=2)).version == 2


@pytest.mark.parametrize("action", [Action.RECALL, Action.EXPIRE])
@pytest.mark.parametrize("submitted", [True, False])
def test_the_end_of_the_warning_is_the_end_of_its_update(action: Action, submitted: bool) -> None:
    waiting = with_update(in_state(State.COMPLETED), submitted=submitted)
    assert applied(waiting, order(action, BEN, at=LATER)).update is None


def test_a_recall_names_the_version_that_stands_whatever_waits() -> None:
    waiting = with_update(in_state(State.COMPLETED))
    seen = content_hash(SUBMITTED_CONTENT)
    assert applied(waiting, order(Action.RECALL, BEN, at=LATER, seen_hash=seen)).state is State.RECALLED


def test_a_dropped_update_leaves_no_trace_on_what_stands() -> None:
    before = in_state(State.COMPLETED)
    after = applied(with_update(before), order(Action.DROP_UPDATE, CHEN, at=LATER))
    assert after.update is None
    assert (after.version, after.content, after.approved_by) == (1, before.content, before.approved_by)


@pytest.mark.parametrize("action", sorted(UPDATING - {Action.UPDATE}))
def test_without_an_update_there_is_none_to_decide_on(action: Action) -> None:
    assert denied(in_state(State.COMPLETED), order(action, BEN, seen_hash=None)) == "no_update"


def test_an_update_is_submitted_before_it_is_approved_and_only_once() -> None:
    writing = with_update(in_state(State.COMPLETED), submitted=False)
    seen = content_hash(NEXT)
    assert denied(writing, order(Action.APPROVE_UPDATE, BEN, at=LATER, seen_hash=seen)) == "not_now"
    waiting = with_update(in_state(State.COMPLETED))
    assert denied(waiting, order(Action.SUBMIT_UPDATE, CHEN, at=LATER)) == "not_now"


def test_a_further_edit_voids_the_submission_and_keeps_the_creator() -> None:
    edited = applied(
        with_update(in_state(State.COMPLETED)), order(Action.UPDATE, CHEN, at=LATER, content=CONTENT)
    )
    assert edited.update is not None
    assert (edited.update.created_by, edited.update.edited_by) == (ANNA, CHEN)
    assert (edited.update.submitted_by, edited.update.content.audience.frozen) == (None, "")


# --- two persons ----------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["creator", "editor", "submitter"])
def test_whoever_made_edited_or_submitted_the_update_cannot_approve_it(who: str) -> None:
    persons = {"creator": CHEN, "editor": CHEN, "submitter": CHEN}
    alert = in_state(State.COMPLETED)
    makers = {name: BEN if name == who else person for name, person in persons.items()}
    alert = applied(
        alert,
        order(Action.UPDATE, makers["creator"], at=T0 + timedelta(minutes=20)),
        order(Action.UPDATE, makers["editor"], at=T0 + timedelta(minutes=21)),
        order(Action.SUBMIT_UPDATE, makers["submitter"], at=T0 + timedelta(minutes=22)),
    )
    assert denied(alert, order(Action.APPROVE_UPDATE, BEN, at=LATER)) == "same_person"
    assert applied(alert, order(Action.APPROVE_UPDATE, DORA, at=LATER)).version == 2


def test_whoever_drafted_the_warning_cannot_approve_its_update_either() -> None:
    assert in_state(State.COMPLETED).created_by == ANNA
    alert = applied(
        in_state(State.COMPLETED),
        order(Action.UPDATE, CHEN, at=T0 + timedelta(minutes=20)),
        order(Action.SUBMIT_UPDATE, CHEN, at=T0 + timedelta(minutes=21)),
    )
    assert denied(alert, order(Action.APPROVE_UPDATE, ANNA, at=LATER)) == "same_person"


@pytest.mark.parametrize(
    "change",
    [
        {"title": "冒充市监局！"},
        {"text": NEXT.text + "。"},
        {"correction": NEXT.correction + " "},
        {"audience": Audience(district="示范区", towns=("东镇",), frozen=FROZEN)},
        {"audience": Audience(district="示范区", frozen="e" + FROZEN[1:])},
        {"channels": ("sandbox", "webhook")},
        {"severity": "moderate"},
        {"expires_at": NEXT.expires_at + timedelta(milliseconds=1)},
        {"override": "诈骗团伙正在本区逐户打电话"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_approval_of_other_bytes_is_refused(change: dict[str, Any]) -> None:
    other = msgspec.structs.replace(with_frozen(NEXT, FROZEN), **change)
    asked = order(Action.APPROVE_UPDATE, BEN, at=LATER, seen_hash=content_hash(other))
    assert denied(with_update(in_state(State.COMPLETED)), asked) == "stale"


def test_a_page_that_showed_the_old_version_approves_no_update() -> None:
    asked = order(Action.APPROVE_UPDATE, BEN, at=LATER, seen_hash=content_hash(SUBMITTED_CONTENT))
    assert denied(with_update(in_state(State.COMPLETED)), asked) == "stale"


def test_two_people_do_not_start_an_update_over_each_other() -> None:
    waiting = with_update(in_state(State.COMPLETED), submitted=False)
    late = order(Action.UPDATE, CHEN, at=LATER, seen_hash=content_hash(SUBMITTED_CONTENT))
    assert denied(waiting, late) == "stale"


# --- what may go out ------------------------------------------------------------------------------


@pytest.mark.parametrize("action", [Action.SUBMIT_UPDATE, Action.APPROVE_UPDATE])
def test_findings_and_an_empty_audience_stop_an_update_too(action: Action) -> None:
    alert = with_update(in_state(State.COMPLETED), submitted=action is Action.APPROVE_UPDATE)
    assert denied(alert, order(action, BEN, at=LATER), findings=("link: x",)) == "findings"
    assert denied(alert, order(action, BEN, at=LATER), reach=(0, 0)) == "nobody"


@pytest.mark.parametrize("exercise", [True, False])
def test_an_update_keeps_an_exercise_an_exercise(exercise: bool) -> None:
    text = msgspec.structs.replace(CONTENT, exercise=exercise)
    seen = content_hash(with_frozen(text, FROZEN))
    alert = applied(
        None, order(Action.DRAFT, content=text), order(Action.SUBMIT),
        order(Action.APPROVE, BEN, seen_hash=seen),
    )  # fmt: skip
    other = msgspec.structs.replace(NEXT, exercise=not exercise)
    assert denied(alert, order(Action.UPDATE, at=LATER, content=other)) == "exercise"


@pytest.mark.parametrize("action", [Action.EDIT, Action.UPDATE])
def test_an_alert_stays_in_its_district(action: Action) -> None:
    alert = in_state(State.DRAFT if action is Action.EDIT else State.COMPLETED)
    other = msgspec.structs.replace(CONTENT, audience=Audience(district="别处"))
    assert denied(alert, order(action, content=other)) == "district"


# --- frozen audience and override -----------------------------------------------------------------


def test_a_submission_freezes_the_groups_and_an_edit_thaws_them() -> None:
    submitted = in_state(State.SUBMITTED)
    assert submitted.content == SUBMITTED_CONTENT
    edited = applied(submitted, order(Action.EDIT, content=SUBMITTED_CONTENT))
    assert edited.content == CONTENT


@pytest.mark.parametrize("action", [Action.DRAFT, Action.EDIT])
def test_nobody_writes_frozen_groups_by_hand(action: Action) -> None:
    alert = None if action is Action.DRAFT else in_state(State.DRAFT)
    assert applied(alert, order(action, content=SUBMITTED_CONTENT)).content.audience.frozen == ""


def test_what_was_submitted_before_groups_were_frozen_is_submitted_again() -> None:
    old = msgspec.structs.replace(in_state(State.SUBMITTED), content=CONTENT)
    asked = order(Action.APPROVE, BEN, seen_hash=content_hash(CONTENT))
    assert denied(old, asked) == "not_frozen"


@pytest.mark.parametrize(
    ("override", "severity", "code"),
    [
        ("短" * 9, "severe", "override_length"),
        (" " * 12, "severe", "override_length"),
        ("长" * 201, "severe", "override_length"),
        ("诈骗团伙正在本区逐户打电话", "moderate", "override_severity"),
    ],
)
def test_only_a_severe_warning_overrides_the_limits_and_says_why(
    override: str, severity: str, code: str
) -> None:
    text = msgspec.structs.replace(CONTENT, override=override, severity=severity)
    assert denied(in_state(State.DRAFT), order(Action.EDIT, content=text)) == code


@pytest.mark.parametrize("n", [10, 200])
def test_an_overrides_reason_stands_in_the_content(n: int) -> None:
    text = msgspec.structs.replace(CONTENT, override="理" * n)
    assert applied(in_state(State.DRAFT), order(Action.EDIT, content=text)).content.override == "理" * n


def test_a_machine_updates_nothing() -> None:
    for action in UPDATING:
        asked = order(action, PersonId("system"), role=Role.SYSTEM, at=LATER)
        assert denied(with_update(in_state(State.COMPLETED)), asked) == "wrong_role"
