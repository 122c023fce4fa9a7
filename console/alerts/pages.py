"""/alerts and /alerts/{id}: is this text right and safe for these people, and who has it already?"""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from console.alerts.approval_preview import preview_of
from console.alerts.conflict import differences
from console.alerts.delivery_progress import progress_of
from console.alerts.halted_channels import MAY_RESUME
from console.alerts.names import names_of
from console.clusters.evidence import growth_of, rows_by_town
from console.clusters.lookup import current_cluster
from console.web import permissions
from console.web.authentication import ViewerRequest
from console.web.dependencies import Dependencies, Deps
from console.web.pagination import clamp_page
from console.web.rendering import AnyRequest, render_fragment, render_page
from console.web.submission import new_id
from console.web.text_diff import mark_differences
from console.web.words import Words
from fenghuo import clock
from fenghuo.domain import warning_text
from fenghuo.domain.alert import (
    ALLOWED_ROLES,
    CLEARANCE_LENGTHS,
    RELEASED,
    TEXT_LIMIT,
    TRANSITIONS,
    UPDATING,
    Action,
    Alert,
    Role,
    State,
    Update,
    check_code,
    content_hash,
)
from fenghuo.domain.alert_lifecycle import authors
from fenghuo.domain.events import AlertChanged, Person

PER_PAGE = 30
UNRELEASED = frozenset({State.DRAFT, State.SUBMITTED, State.RETURNED})
"""States of a warning that has not gone out and still may."""


@get("/alerts", guards=[permissions.page("alerts")])
async def alerts_page(request: AnyRequest, deps: Deps) -> Response[Any]:
    alerts = await deps.cache.get_or_load("alerts", deps.desk.alerts.all)
    wanted = request.query_params.get("state", "")
    chosen = [a for a in alerts if not wanted or a.state == wanted]
    page, pages = clamp_page(request.query_params.get("page", "1"), len(chosen), PER_PAGE)
    counts = Counter(str(a.state) for a in alerts)
    return render_page(
        request,
        "alerts.html",
        alerts=chosen[(page - 1) * PER_PAGE : page * PER_PAGE],
        wanted=wanted,
        counts=[(state, counts[state]) for state in State if counts[state]],
        total=len(alerts),
        page=page,
        pages=pages,
    )


@get("/alerts/{alert_id:str}", guards=[permissions.page("alerts")])
async def alert_page(request: ViewerRequest, deps: Deps, alert_id: FromPath[str]) -> Response[Any]:
    decision_id = request.query_params.get("decision", "")
    alert = await deps.desk.alerts.get(alert_id)
    if alert is None:
        if not decision_id:
            raise NotFoundException(alert_id)
        return render_page(
            request, "alert_pending.html", alert_id=alert_id, **await _outcome_only(deps, decision_id)
        )
    values = await values_of(deps, alert, decision_id)
    return render_page(
        request,
        "alert.html",
        may=allowed_actions(alert, request.user.person),
        why_not=why_not_approve(alert, request.user.person),
        may_resume=request.user.person.role in MAY_RESUME,
        resumed=request.query_params.get("resumed", ""),
        ids={action: new_id() for action in (*permissions.ACTIONS, "resume")},
        **values,
        **await pending_values(deps, alert),
    )


async def _outcome_only(deps: Dependencies, decision_id: str) -> dict[str, Any]:
    settled = await deps.desk.order_outcomes.get(decision_id)
    return {"decision_id": decision_id, "outcome": outcome_of(settled, (), decision_id)}


async def values_of(deps: Dependencies, alert: Alert, decision_id: str) -> dict[str, Any]:
    """The template variables of the page and its live fragments."""
    history = await deps.desk.alerts.history(alert.alert_id)
    settled = await deps.desk.order_outcomes.get(decision_id) if decision_id else None
    return {
        "alert": alert,
        "text_preview": warning_text.as_previewed(alert),
        "code": check_code(alert.alert_id, alert.version, alert.content.text),
        "number": warning_text.number(alert.alert_id),
        "hash": content_hash(alert.content),
        "history": history,
        "names": await deps.names(),
        "shown_names": names_of(alert.content, alert.mentions),
        "clearance_lengths": CLEARANCE_LENGTHS,
        "outcome": outcome_of(settled, history, decision_id) if decision_id else None,
        "decision_id": decision_id,
        "limit": TEXT_LIMIT,
        "signature": signature(alert),
        "changed": False,
        **await evidence_of(deps, alert),
        **await progress_of(deps, alert),
    }


async def pending_values(deps: Dependencies, alert: Alert) -> dict[str, Any]:
    """The template variables of the content that can be approved: the alert's, or its update's.

    They hold the content, its differences to the released one, its text and code, and the approval preview.
    """
    content = alert.update.content if alert.update else alert.content
    can_be_approved = alert.update is not None or alert.state in UNRELEASED
    version = alert.version + 1 if alert.update else alert.version
    preview = await preview_of(deps, alert, content) if can_be_approved else None
    return {
        "pending_content": content,
        "update_names": names_of(content, alert.update.mentions) if alert.update else [],
        "approval_preview": preview,
        "audience_unreadable": can_be_approved and preview is None,
        "changed_fields": differences(alert.content, content) if alert.update else [],
        "update_preview": warning_text.render(alert.alert_id, version, content.text, content.exercise),
        "update_hash": content_hash(content),
        "update_code": check_code(alert.alert_id, version, content.text),
    }


async def evidence_of(deps: Dependencies, alert: Alert) -> dict[str, Any]:
    """The reported messages with their differences marked, and the cluster's towns and growth."""
    texts = alert.origin.examples
    cluster = await current_cluster(deps, alert.origin.cluster_id) if alert.origin.cluster_id else None
    members = cluster.members if cluster else ()
    until = cluster.last_at + timedelta(hours=2) if cluster else alert.changed_at
    return {
        "examples": [texts[0], *[mark_differences(texts[0], x) for x in texts[1:]]] if texts else [],
        "cluster": cluster,
        "towns": rows_by_town(members),
        "growth": growth_of(members, min(clock.now(), until)),
    }


def allowed_actions(alert: Alert, person: Person) -> set[str]:
    """The actions that the state, the role and the two-person rule allow ``person``."""
    allowed = {
        a for a in permissions.ACTIONS if (alert.state, a) in TRANSITIONS and person.role in ALLOWED_ROLES[a]
    }
    if _is_held(alert):
        allowed -= {Action.SUBMIT, Action.APPROVE}
    if not alert.content.uncleared(alert.mentions):
        allowed -= {Action.CLEAR}
    update = alert.update
    if update is None:
        allowed -= UPDATING - {Action.UPDATE}
    else:
        allowed -= _not_of_update(update)
    return {
        str(a) for a in allowed
        if a not in {Action.APPROVE, Action.APPROVE_UPDATE} or person.person_id not in authors(alert, a)
    }  # fmt: skip


def _is_held(written: Alert | Update) -> bool:
    """Whether something stands against the release: an objection, a name that nobody cleared, no group."""
    uncleared = written.content.uncleared(written.mentions)
    return bool(written.findings or uncleared or not written.reach_groups)


def _not_of_update(update: Update) -> set[Action]:
    """The actions on a new version that are not possible now."""
    barred = {Action.SUBMIT_UPDATE} if update.submitted_by else {Action.APPROVE_UPDATE}
    if update.submitted_by or not update.content.uncleared(update.mentions):
        barred |= {Action.CLEAR_UPDATE}
    return barred | ({Action.SUBMIT_UPDATE, Action.APPROVE_UPDATE} if _is_held(update) else set())


def why_not_approve(alert: Alert, person: Person) -> str | None:
    """The word key of why ``person`` may not approve; None if they may, or if nothing waits for approval."""
    submitted: Alert | Update
    if alert.state is State.SUBMITTED:
        submitted = alert
    elif alert.update is not None and alert.update.submitted_by is not None:
        submitted = alert.update
    else:
        return None
    if person.role is not Role.APPROVER:
        return "alert.not_approve_role"
    involved = (
        ("created", submitted.created_by), ("edited", submitted.edited_by),
        ("submitted", submitted.submitted_by), ("created", alert.created_by),
        *(("cleared", x.by) for x in submitted.content.clearances),
    )  # fmt: skip
    return next((f"alert.not_approve_{did}" for did, who in involved if who == person.person_id), None)


def outcome_of(
    settled: tuple[str, str] | None, history: Sequence[AlertChanged], decision_id: str
) -> tuple[str, str, str | None]:
    """(tone, title key, detail key) of a decision: done, refused with the reason, or under way."""
    if settled is None:
        return "amber", "outcome.under_way", "outcome.under_way_todo"
    if settled[0] == "ok":
        action = next((x.action for x in history if x.decision_id == decision_id), Action.EDIT)
        return "accent", f"outcome.ok_{action}", None
    return "amber", "outcome.refused", f"denied.{settled[0]}"


def signature(alert: Alert) -> str:
    """A value that changes when the page's buttons do, and not while a released alert is being sent."""
    state = "released" if alert.state in RELEASED else alert.state
    update = alert.update
    parts = [state, content_hash(alert.content)[:12]]
    return "-".join(parts if update is None else [*parts, content_hash(update.content)[:12]])


async def fragments(
    deps: Dependencies, t: Words, alert_id: str, seen: str, decision_id: str
) -> dict[str, str]:
    """The live parts: state, outcome, delivery, history; and a message when the page is out of date."""
    values = await deps.cache.get_or_load(
        f"alert:{alert_id}:{decision_id[:32]}", lambda: _load(deps, alert_id, decision_id)
    )
    if values is None:
        return {}
    values = values | {"changed": bool(seen) and seen != values["signature"]}
    parts = ("status", "outcome", "delivery", "history")
    return {part: render_fragment(f"_alert_{part}.html", t, **values) for part in parts}


async def _load(deps: Dependencies, alert_id: str, decision_id: str) -> dict[str, Any] | None:
    alert = await deps.desk.alerts.get(alert_id)
    return await values_of(deps, alert, decision_id) if alert else None


HANDLERS = [alerts_page, alert_page]
