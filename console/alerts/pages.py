"""/alerts and /alerts/{id}: is this text right and safe for these people, and who has it by now?"""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from console.alerts.approval_preview import outlook_of
from console.alerts.conflict import differences
from console.alerts.delivery_progress import progress_of
from console.alerts.halted_channels import MAY_RESUME
from console.clusters.evidence import by_town, growth
from console.clusters.pages import followed
from console.web import permissions
from console.web.authentication import Viewer
from console.web.dependencies import Dependencies, Deps
from console.web.rendering import AnyRequest, render_fragment, render_page
from console.web.submission import new_id
from console.web.text_diff import marked
from console.web.words import Words
from fenghuo import clock
from fenghuo.domain import warning_text
from fenghuo.domain.alert import (
    ALLOWED_ROLES,
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
BEFORE = frozenset({State.DRAFT, State.SUBMITTED, State.RETURNED})
"""States in which a warning has not gone out and still may."""


@get("/alerts", guards=[permissions.page("alerts")])
async def alerts_page(request: AnyRequest, house: Deps) -> Response[Any]:
    every = await house.shared.get("alerts", house.desk.alerts.all)
    wanted = request.query_params.get("state", "")
    chosen = [a for a in every if not wanted or a.state == wanted]
    page, pages = paged(request.query_params.get("page", "1"), len(chosen), PER_PAGE)
    counts = Counter(str(a.state) for a in every)
    return render_page(
        request,
        "alerts.html",
        alerts=chosen[(page - 1) * PER_PAGE : page * PER_PAGE],
        wanted=wanted,
        counts=[(state, counts[state]) for state in State if counts[state]],
        total=len(every),
        page=page,
        pages=pages,
    )


def paged(asked: str, count: int, per_page: int) -> tuple[int, int]:
    """(page, pages): the page asked for if there is one, else the nearest."""
    pages = max(1, -(-count // per_page))
    number = int(asked) if asked.isdecimal() and len(asked) < 7 else 1
    return min(max(number, 1), pages), pages


@get("/alerts/{alert_id:str}", guards=[permissions.page("alerts")])
async def alert_page(
    request: Request[Viewer, Any, Any], house: Deps, alert_id: FromPath[str]
) -> Response[Any]:
    decision_id = request.query_params.get("decision", "")
    alert = await house.desk.alerts.get(alert_id)
    if alert is None:
        if not decision_id:
            raise NotFoundException(alert_id)
        return render_page(
            request, "alert_pending.html", alert_id=alert_id, **await _outcome_only(house, decision_id)
        )
    values = await values_of(house, alert, decision_id)
    return render_page(
        request,
        "alert.html",
        may=may_do(alert, request.user.person),
        why_not=why_not_approve(alert, request.user.person),
        may_resume=request.user.person.role in MAY_RESUME,
        resumed=request.query_params.get("resumed", ""),
        ids={action: new_id() for action in (*permissions.ACTIONS, "resume")},
        **values,
        **await ahead_of(house, alert),
    )


async def _outcome_only(house: Dependencies, decision_id: str) -> dict[str, Any]:
    settled = await house.desk.order_outcomes.get(decision_id)
    return {"decision_id": decision_id, "outcome": outcome_of(settled, (), decision_id)}


async def values_of(house: Dependencies, alert: Alert, decision_id: str) -> dict[str, Any]:
    """Everything that the page and its live fragments show of ``alert``."""
    history = await house.desk.alerts.history(alert.alert_id)
    settled = await house.desk.order_outcomes.get(decision_id) if decision_id else None
    return {
        "alert": alert,
        "preview": warning_text.as_previewed(alert),
        "code": check_code(alert.alert_id, alert.version, alert.content.text),
        "number": warning_text.number(alert.alert_id),
        "hash": content_hash(alert.content),
        "history": history,
        "names": await house.names(),
        "outcome": outcome_of(settled, history, decision_id) if decision_id else None,
        "decision_id": decision_id,
        "limit": TEXT_LIMIT,
        "signature": signature(alert),
        "changed": False,
        **await evidence_of(house, alert),
        **await progress_of(house, alert),
    }


async def ahead_of(house: Dependencies, alert: Alert) -> dict[str, Any]:
    """What waits for an approval: the content (the alert's, or its update's beside what stands), how it will
    read, and what approving it would do."""
    ahead = alert.update.content if alert.update else alert.content
    open_now = alert.update is not None or alert.state in BEFORE
    version = alert.version + 1 if alert.update else alert.version
    outlook = await outlook_of(house, alert, ahead) if open_now else None
    return {
        "ahead": ahead,
        "outlook": outlook,
        "ahead_unreadable": open_now and outlook is None,
        "changed_fields": differences(alert.content, ahead) if alert.update else [],
        "update_preview": warning_text.render(alert.alert_id, version, ahead.text, ahead.exercise),
        "update_hash": content_hash(ahead),
        "update_code": check_code(alert.alert_id, version, ahead.text),
    }


async def evidence_of(house: Dependencies, alert: Alert) -> dict[str, Any]:
    """The messages behind the alert with their differences marked, and its cluster's towns and growth."""
    texts = alert.origin.examples
    cluster = await followed(house, alert.origin.cluster_id) if alert.origin.cluster_id else None
    members = cluster.members if cluster else ()
    until = cluster.last_at + timedelta(hours=2) if cluster else alert.changed_at
    return {
        "examples": [texts[0], *[marked(texts[0], x) for x in texts[1:]]] if texts else [],
        "cluster": cluster,
        "towns": by_town(members),
        "growth": growth(members, min(clock.now(), until)),
    }


def may_do(alert: Alert, person: Person) -> set[str]:
    """The actions that the state, the role and the two-person rule leave to ``person``."""
    allowed = {
        a for a in permissions.ACTIONS if (alert.state, a) in TRANSITIONS and person.role in ALLOWED_ROLES[a]
    }
    if alert.findings or not alert.reach_groups:
        allowed -= {Action.SUBMIT, Action.APPROVE}
    update = alert.update
    if update is None:
        allowed -= UPDATING - {Action.UPDATE}
    elif update.findings or not update.reach_groups:
        allowed -= {Action.SUBMIT_UPDATE, Action.APPROVE_UPDATE}
    elif update.submitted_by is None:
        allowed -= {Action.APPROVE_UPDATE}
    else:
        allowed -= {Action.SUBMIT_UPDATE}
    return {
        str(a) for a in allowed
        if a not in {Action.APPROVE, Action.APPROVE_UPDATE} or person.person_id not in authors(alert, a)
    }  # fmt: skip


def why_not_approve(alert: Alert, person: Person) -> str | None:
    """The word key of why ``person`` may not approve what waits for approval; None if that is no question."""
    said: Alert | Update
    if alert.state is State.SUBMITTED:
        said = alert
    elif alert.update is not None and alert.update.submitted_by is not None:
        said = alert.update
    else:
        return None
    if person.role is not Role.APPROVER:
        return "alert.not_approve_role"
    mine = (
        ("created", said.created_by), ("edited", said.edited_by), ("submitted", said.submitted_by),
        ("created", alert.created_by),
    )  # fmt: skip
    return next((f"alert.not_approve_{did}" for did, who in mine if who == person.person_id), None)


def outcome_of(
    settled: tuple[str, str] | None, history: Sequence[AlertChanged], decision_id: str
) -> tuple[str, str, str | None]:
    """(tone, title key, more key) of a decision: done, refused with the reason, or under way."""
    if settled is None:
        return "amber", "outcome.under_way", "outcome.under_way_todo"
    if settled[0] == "ok":
        did = next((x.action for x in history if x.decision_id == decision_id), Action.EDIT)
        return "accent", f"outcome.ok_{did}", None
    return "amber", "outcome.refused", f"denied.{settled[0]}"


def signature(alert: Alert) -> str:
    """What a page's buttons depend on; while a released alert is being sent they stay the same."""
    state = "released" if alert.state in RELEASED else alert.state
    update = alert.update
    parts = [state, content_hash(alert.content)[:12]]
    return "-".join(parts if update is None else [*parts, content_hash(update.content)[:12]])


async def fragments(
    house: Dependencies, t: Words, alert_id: str, seen: str, decision_id: str
) -> dict[str, str]:
    """The live parts: state, outcome, delivery, history; and a word when the page is out of date."""
    values = await house.shared.get(
        f"alert:{alert_id}:{decision_id[:32]}", lambda: _live(house, alert_id, decision_id)
    )
    if values is None:
        return {}
    values = values | {"changed": bool(seen) and seen != values["signature"]}
    parts = ("status", "outcome", "delivery", "history")
    return {part: render_fragment(f"_alert_{part}.html", t, **values) for part in parts}


async def _live(house: Dependencies, alert_id: str, decision_id: str) -> dict[str, Any] | None:
    alert = await house.desk.alerts.get(alert_id)
    return await values_of(house, alert, decision_id) if alert else None


HANDLERS = [alerts_page, alert_page]
