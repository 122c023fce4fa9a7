"""Writing a warning: a draft by hand, an edit, an update of a released warning. One form for all three."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from console.alerts.actions import alert_or_404, publish_and_redirect, stale_page
from console.alerts.blank_draft import alert_id_for, blank_content, origin_of
from console.alerts.names import names_of
from console.alerts.orders import SEVERITIES, content_from_form, is_stale, order_from_form, refusal_of
from console.clusters.lookup import current_cluster_or_404
from console.web import permissions
from console.web.authentication import ViewerRequest
from console.web.dependencies import Dependencies, Deps
from console.web.rendering import render_page, words_of
from console.web.submission import Form, new_id, read_form, values_of_field
from fenghuo import clock
from fenghuo.domain.alert import (
    OVERRIDE_LENGTHS,
    TEXT_LIMIT,
    TITLE_LIMIT,
    Action,
    Alert,
    Content,
    Mention,
    content_hash,
)
from fenghuo.domain.alert_lifecycle import affected_content
from fenghuo.domain.audience import ExpressionError, parse, unknown_names
from fenghuo.domain.channels import GROUP_CHANNELS, SANDBOX
from fenghuo.domain.events import Group


@get("/alerts/{alert_id:str}/edit", guards=[permissions.action(Action.EDIT)])
async def edit_page(request: ViewerRequest, deps: Deps, alert_id: FromPath[str]) -> Response[Any]:
    return await _show(request, deps, alert_id, Action.EDIT)


@post("/alerts/{alert_id:str}/edit", guards=[permissions.action(Action.EDIT)])
async def edit(request: ViewerRequest, deps: Deps, alert_id: FromPath[str]) -> Response[Any]:
    return await _submit(request, deps, alert_id, Action.EDIT)


@get("/alerts/{alert_id:str}/update", guards=[permissions.action(Action.UPDATE)])
async def update_page(request: ViewerRequest, deps: Deps, alert_id: FromPath[str]) -> Response[Any]:
    return await _show(request, deps, alert_id, Action.UPDATE)


@post("/alerts/{alert_id:str}/update", guards=[permissions.action(Action.UPDATE)])
async def update(request: ViewerRequest, deps: Deps, alert_id: FromPath[str]) -> Response[Any]:
    return await _submit(request, deps, alert_id, Action.UPDATE)


async def _show(request: ViewerRequest, deps: Dependencies, alert_id: str, action: Action) -> Response[Any]:
    alert = await alert_or_404(deps, alert_id)
    content = affected_content(alert, action)
    form = {
        "decision_id": new_id(),
        "seen_hash": content_hash(content),
        # A released alert gets new revisions while it is being sent, so only the hash of its text counts.
        "seen_revision": str(alert.revision) if action is Action.EDIT else "",
        "hours": str(hours_left(content)),
    }
    return await render_form(request, deps, content, action=action, alert=alert, form=form)


async def _submit(request: ViewerRequest, deps: Dependencies, alert_id: str, action: Action) -> Response[Any]:
    alert = await alert_or_404(deps, alert_id)
    form, content = await _read_content(request, affected_content(alert, action))
    order = order_from_form(action, alert_id, request.user.person, form, content=content)
    if await deps.desk.order_outcomes.get(order.decision_id) is None:
        if is_stale(alert, order):
            return await stale_page(request, deps, alert, order)
        denied = refusal_of(alert, order)
        problems = await _audience_problems(request, deps, content)
        if denied or problems:
            return await render_form(
                request, deps, content, action=action, alert=alert, form=form,
                wrong=denied.code if denied else "expression", problems=problems,
            )  # fmt: skip
    return await publish_and_redirect(request, deps, order)


async def _read_content(request: ViewerRequest, base: Content) -> tuple[Form, Content]:
    fields, form = await read_form(request), await request.form()
    towns, channels = values_of_field(form, "towns"), values_of_field(form, "channels")
    return fields, content_from_form(base, fields, towns, channels)


async def _audience_problems(request: ViewerRequest, deps: Dependencies, content: Content) -> list[str]:
    """What is wrong with the audience's expression: its syntax, or names that no group has."""
    language = words_of(request).language
    if not content.audience.expression:
        return []
    try:
        condition = parse(content.audience.expression)
    except ExpressionError as error:
        return [error.message(language)]
    return unknown_names(condition, (await _groups_of_district(deps, content)).values(), language)


async def _groups_of_district(deps: Dependencies, content: Content) -> Mapping[str, Group]:
    district = content.audience.district
    return {k: x for k, x in (await deps.groups()).items() if x.place.district == district}


def hours_left(content: Content) -> int:
    """Whole hours until the expiry, at least 1."""
    seconds = (content.expires_at - clock.now()).total_seconds()
    return min(168, max(1, round(seconds / 3600)))


async def render_form(
    request: ViewerRequest,
    deps: Dependencies,
    content: Content,
    *,
    action: Action,
    form: Form,
    alert: Alert | None = None,
    wrong: str | None = None,
    problems: Sequence[str] = (),
    cluster_id: str | None = None,
) -> Response[Any]:
    """The form, new or with what was typed; ``problems`` are those of the audience's expression."""
    groups = (await _groups_of_district(deps, content)).values()
    towns = towns_of(groups)
    return render_page(
        request,
        "edit.html",
        status=422 if wrong else 200,
        content=content,
        form=form,
        action=action,
        alert=alert,
        wrong=wrong,
        problems=problems,
        cluster_id=cluster_id,
        reach=form.get("reach") or _audience_choice(content),
        towns=towns,
        channels=channels_of(groups, content),
        all_groups=sum(x[1] for x in towns),
        all_people=sum(x[2] for x in towns),
        severities=SEVERITIES,
        text_limit=TEXT_LIMIT,
        title_limit=TITLE_LIMIT,
        override_lengths=OVERRIDE_LENGTHS,
        shown_names=names_of(content, _mentions_of(alert, action)),
        names=await deps.names(),
    )


def _mentions_of(alert: Alert | None, action: Action) -> tuple[Mention, ...]:
    """The names in the text as it was last kept."""
    if alert is None:
        return ()
    return alert.update.mentions if action is Action.UPDATE and alert.update else alert.mentions


def _audience_choice(content: Content) -> str:
    audience = content.audience
    return "expression" if audience.expression else "towns" if audience.towns else "all"


def towns_of(groups: Collection[Group]) -> list[tuple[str, int, int]]:
    """(town, groups, residents), by name."""
    count: Counter[str] = Counter()
    people: Counter[str] = Counter()
    for group in groups:
        count[group.place.town] += 1
        people[group.place.town] += group.members
    return [(town, count[town], people[town]) for town in sorted(count)]


def channels_of(groups: Collection[Group], content: Content) -> list[tuple[str, int]]:
    """(channel, number of groups with such a way) for channels that a group has or that are chosen.

    An exercise goes to the sandbox only.
    """
    count = Counter(name for group in groups for name in {way.channel for way in group.ways})
    if content.exercise:
        return [(SANDBOX.name, len(groups))]
    return [(name, count[name]) for name in GROUP_CHANNELS if count[name] or name in content.channels]


@get("/clusters/{cluster_id:str}/draft", guards=[permissions.action(Action.DRAFT)])
async def draft_page(request: ViewerRequest, deps: Deps, cluster_id: FromPath[str]) -> Response[Any]:
    cluster = await current_cluster_or_404(deps, cluster_id)
    if cluster.cluster_id != cluster_id:
        return Redirect(f"/clusters/{cluster.cluster_id}/draft", status_code=303)
    content = blank_content(cluster)
    form = {"decision_id": new_id(), "hours": str(hours_left(content))}
    return await render_form(request, deps, content, action=Action.DRAFT, form=form, cluster_id=cluster_id)


@post("/clusters/{cluster_id:str}/draft", guards=[permissions.action(Action.DRAFT)])
async def draft(request: ViewerRequest, deps: Deps, cluster_id: FromPath[str]) -> Response[Any]:
    """Create a draft by hand. It has the alert id of the automatic draft, so there are never two."""
    cluster = await current_cluster_or_404(deps, cluster_id)
    form, content = await _read_content(request, blank_content(cluster))
    problems = await _audience_problems(request, deps, content)
    shown_again: dict[str, Any] = {
        "action": Action.DRAFT,
        "form": form,
        "problems": problems,
        "cluster_id": cluster.cluster_id,
    }
    if cluster.cluster_id != cluster_id:
        return await render_form(request, deps, content, wrong="merged", **shown_again)
    order = order_from_form(
        Action.DRAFT,
        alert_id_for(cluster_id),
        request.user.person,
        form,
        content=content,
        origin=origin_of(cluster),
    )
    denied = refusal_of(None, order)
    if (denied or problems) and await deps.desk.order_outcomes.get(order.decision_id) is None:
        wrong = denied.code if denied else "expression"
        return await render_form(request, deps, content, wrong=wrong, **shown_again)
    return await publish_and_redirect(request, deps, order)


HANDLERS: list[HTTPRouteHandler] = [edit_page, edit, update_page, update, draft_page, draft]
