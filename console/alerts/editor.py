"""Writing a warning: a draft by hand, an edit, a new version of one that stands. One form for the three."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from console.alerts.actions import alert_or_404, order_from_form, settled_page, stale_page
from console.alerts.orders import SEVERITIES, content_of, is_stale, refusal_of
from console.clusters.pages import alert_of, blank, origin_of, standing
from console.web import permissions
from console.web.dependencies import Dependencies, Deps
from console.web.rendering import render_page, words_of
from console.web.submission import ActRequest, BadForm, Form, new_id, read_form
from fenghuo import clock
from fenghuo.domain.alert import (
    OVERRIDE_LENGTHS,
    TEXT_LIMIT,
    TITLE_LIMIT,
    Action,
    Alert,
    Content,
    content_hash,
)
from fenghuo.domain.alert_lifecycle import affected_content
from fenghuo.domain.audience import ExpressionError, parse, unknown_names
from fenghuo.domain.channels import GROUP_CHANNELS, SANDBOX
from fenghuo.domain.events import Group


@get("/alerts/{alert_id:str}/edit", guards=[permissions.action(Action.EDIT)])
async def edit_page(request: ActRequest, house: Deps, alert_id: FromPath[str]) -> Response[Any]:
    return await _page(request, house, alert_id, Action.EDIT)


@post("/alerts/{alert_id:str}/edit", guards=[permissions.action(Action.EDIT)])
async def edit(request: ActRequest, house: Deps, alert_id: FromPath[str]) -> Response[Any]:
    return await _rewrite(request, house, alert_id, Action.EDIT)


@get("/alerts/{alert_id:str}/update", guards=[permissions.action(Action.UPDATE)])
async def update_page(request: ActRequest, house: Deps, alert_id: FromPath[str]) -> Response[Any]:
    return await _page(request, house, alert_id, Action.UPDATE)


@post("/alerts/{alert_id:str}/update", guards=[permissions.action(Action.UPDATE)])
async def update(request: ActRequest, house: Deps, alert_id: FromPath[str]) -> Response[Any]:
    return await _rewrite(request, house, alert_id, Action.UPDATE)


async def _page(request: ActRequest, house: Dependencies, alert_id: str, action: Action) -> Response[Any]:
    alert = await alert_or_404(house, alert_id)
    content = affected_content(alert, action)
    form = {
        "decision_id": new_id(),
        "seen_hash": content_hash(content),
        # A warning that stands moves on by itself while it is sent; its words do not.
        "seen_revision": str(alert.revision) if action is Action.EDIT else "",
        "hours": str(hours_left(content)),
    }
    return await edit_form(request, house, content, action=action, alert=alert, form=form)


async def _rewrite(request: ActRequest, house: Dependencies, alert_id: str, action: Action) -> Response[Any]:
    alert = await alert_or_404(house, alert_id)
    form, content = await _typed(request, affected_content(alert, action))
    order = order_from_form(action, alert_id, request, form, content)
    if await house.desk.order_outcomes.get(order.decision_id) is None:
        if is_stale(alert, order):
            return await stale_page(request, house, alert, order)
        denied = refusal_of(alert, order)
        told = await _objections(request, house, content)
        if denied or told:
            return await edit_form(
                request, house, content, action=action, alert=alert, form=form,
                wrong=denied.code if denied else "expression", told=told,
            )  # fmt: skip
    return await settled_page(request, house, order)


async def _typed(request: ActRequest, base: Content) -> tuple[Form, Content]:
    form, towns = await read_form(request)
    chosen = [x for x in (await request.form()).getall("channels", []) if isinstance(x, str)]
    try:
        return form, content_of(base, form, towns, chosen)
    except BadForm as error:
        raise HTTPException(status_code=400, detail=str(error)) from error


async def _objections(request: ActRequest, house: Dependencies, content: Content) -> list[str]:
    """What is wrong with the audience's expression: how it is written, or names that no group has."""
    language = words_of(request).language
    if not content.audience.expression:
        return []
    try:
        condition = parse(content.audience.expression)
    except ExpressionError as error:
        return [error.message(language)]
    return unknown_names(condition, (await _district(house, content)).values(), language)


async def _district(house: Dependencies, content: Content) -> Mapping[str, Group]:
    here = content.audience.district
    return {k: x for k, x in (await house.groups()).items() if x.place.district == here}


def hours_left(content: Content) -> int:
    """Whole hours until the expiry, at least 1."""
    seconds = (content.expires_at - clock.now()).total_seconds()
    return min(168, max(1, round(seconds / 3600)))


async def edit_form(
    request: ActRequest,
    house: Dependencies,
    content: Content,
    *,
    action: Action,
    form: Form,
    alert: Alert | None = None,
    wrong: str | None = None,
    told: Sequence[str] = (),
    cluster_id: str | None = None,
) -> Response[Any]:
    """The form, as it stands or as it was typed; ``told`` says what is wrong with the expression."""
    groups = (await _district(house, content)).values()
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
        told=told,
        cluster_id=cluster_id,
        reach=form.get("reach") or _reach(content),
        towns=towns,
        channels=channels_of(groups, content),
        all_groups=sum(x[1] for x in towns),
        all_people=sum(x[2] for x in towns),
        severities=SEVERITIES,
        text_limit=TEXT_LIMIT,
        title_limit=TITLE_LIMIT,
        override_lengths=OVERRIDE_LENGTHS,
    )


def _reach(content: Content) -> str:
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
    """(channel, groups that have it among their ways), for those that a group has or that are chosen; an
    exercise has the sandbox alone."""
    count = Counter(name for group in groups for name in {way.channel for way in group.ways})
    if content.exercise:
        return [(SANDBOX.name, len(groups))]
    return [(name, count[name]) for name in GROUP_CHANNELS if count[name] or name in content.channels]


@get("/clusters/{cluster_id:str}/draft", guards=[permissions.action(Action.DRAFT)])
async def draft_page(request: ActRequest, house: Deps, cluster_id: FromPath[str]) -> Response[Any]:
    cluster = await standing(house, cluster_id)
    if cluster.cluster_id != cluster_id:
        return Redirect(f"/clusters/{cluster.cluster_id}/draft", status_code=303)
    content = blank(cluster)
    form = {"decision_id": new_id(), "hours": str(hours_left(content))}
    return await edit_form(request, house, content, action=Action.DRAFT, form=form, cluster_id=cluster_id)


@post("/clusters/{cluster_id:str}/draft", guards=[permissions.action(Action.DRAFT)])
async def draft(request: ActRequest, house: Deps, cluster_id: FromPath[str]) -> Response[Any]:
    """A draft by hand; its alert has the id that the machine's draft would have, so there are never two."""
    cluster = await standing(house, cluster_id)
    form, content = await _typed(request, blank(cluster))
    told = await _objections(request, house, content)
    again: dict[str, Any] = {
        "action": Action.DRAFT,
        "form": form,
        "told": told,
        "cluster_id": cluster.cluster_id,
    }
    if cluster.cluster_id != cluster_id:
        return await edit_form(request, house, content, wrong="merged", **again)
    order = order_from_form(
        Action.DRAFT, alert_of(cluster_id), request, form, content, origin=origin_of(cluster)
    )
    denied = refusal_of(None, order)
    if (denied or told) and await house.desk.order_outcomes.get(order.decision_id) is None:
        wrong = denied.code if denied else "expression"
        return await edit_form(request, house, content, wrong=wrong, **again)
    return await settled_page(request, house, order)


HANDLERS: list[HTTPRouteHandler] = [edit_page, edit, update_page, update, draft_page, draft]
