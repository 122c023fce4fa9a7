"""What people do with alerts, from draft to recall; each action has its own form and guard."""

from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from console import access, changes
from console.clusters import alert_of, blank, origin_of, standing
from console.decisions import (
    SEVERITIES,
    BadForm,
    Form,
    content_of,
    is_stale,
    new_id,
    order_of,
    refusal_of,
    settle,
)
from console.failures import keep
from console.house import AtHand, House
from console.pages import show
from console.viewer import Viewer
from fenghuo import clock
from fenghuo.alerts import TEXT_LIMIT, TITLE_LIMIT, Action, Alert, Content, Order, content_hash
from fenghuo.events import DecisionMade

ActRequest = Request[Viewer, Any, Any]


async def read_form(request: ActRequest) -> tuple[dict[str, str], list[str]]:
    """(fields, chosen towns) of the form; what was typed is kept for an error's page."""
    form = await request.form()
    fields = {k: v for k, v in form.items() if isinstance(v, str)}
    keep(request, **{k: fields.get(k, "") for k in ("title", "text", "correction", "reason")})
    return fields, [x for x in form.getall("towns", []) if isinstance(x, str)]


async def alert_or_404(house: House, alert_id: str) -> Alert:
    alert = await house.desk.alert(alert_id)
    if alert is None:
        raise NotFoundException(alert_id)
    return alert


async def act(request: ActRequest, house: House, alert_id: str, action: Action) -> Response[Any]:
    """One decision without content: publish it, wait, and show the alert with the outcome."""
    form, _ = await read_form(request)
    order = _ordered(action, alert_id, request, form)
    if await house.desk.decision(order.decision_id) is None:
        alert = await alert_or_404(house, alert_id)
        if is_stale(alert, order):
            return await stale_page(request, house, alert, order)
    return await _settled(request, house, order)


def _ordered(
    action: Action,
    alert_id: str,
    request: ActRequest,
    form: Form,
    content: Content | None = None,
    **more: Any,
) -> Order:
    try:
        return order_of(action, alert_id, request.user.person, form, content=content, **more)
    except BadForm as error:
        raise HTTPException(status_code=400, detail=str(error)) from error


async def _settled(request: ActRequest, house: House, order: Order) -> Response[Any]:
    code = await settle(house, DecisionMade(event_id=order.decision_id, at=order.at, order=order))
    if code in {"stale", "not_now"}:
        alert = await house.desk.alert(order.alert_id)
        if alert and is_stale(alert, order):
            return await stale_page(request, house, alert, order)
    return Redirect(f"/alerts/{order.alert_id}?{urlencode({'decision': order.decision_id})}", status_code=303)


async def stale_page(request: ActRequest, house: House, alert: Alert, order: Order) -> Response[Any]:
    """409: what changed since the page was shown, and what had been typed."""
    history = await house.desk.history(alert.alert_id)
    before = changes.seen_content(history, order.seen_revision, order.seen_hash)
    return show(
        request,
        "stale.html",
        status=409,
        alert=alert,
        kept=request.scope["state"].get("kept", {}),
        since=changes.since(history, order.seen_revision),
        known=before is not None,
        changes=changes.differences(before, alert) if before else [],
        names=await house.names(),
    )


def _button(action: Action) -> HTTPRouteHandler:
    """The route of one action's form."""

    @post(f"/alerts/{{alert_id:str}}/{action}", guards=[access.action(action)], name=f"alert_{action}")
    async def press(request: ActRequest, house: AtHand, alert_id: FromPath[str]) -> Response[Any]:
        return await act(request, house, alert_id, action)

    return press


@get("/alerts/{alert_id:str}/edit", guards=[access.action(Action.EDIT)])
async def edit_page(request: ActRequest, house: AtHand, alert_id: FromPath[str]) -> Response[Any]:
    alert = await alert_or_404(house, alert_id)
    return await edit_form(request, house, alert.content, alert=alert, form=_as_form(alert))


@post("/alerts/{alert_id:str}/edit", guards=[access.action(Action.EDIT)])
async def edit(request: ActRequest, house: AtHand, alert_id: FromPath[str]) -> Response[Any]:
    alert = await alert_or_404(house, alert_id)
    form, towns = await read_form(request)
    content = _content(alert.content, form, towns)
    order = _ordered(Action.EDIT, alert_id, request, form, content)
    if await house.desk.decision(order.decision_id) is None:
        if is_stale(alert, order):
            return await stale_page(request, house, alert, order)
        if denied := refusal_of(alert, order):
            return await edit_form(request, house, content, alert=alert, form=form, wrong=denied.code)
    return await _settled(request, house, order)


def _content(base: Content, form: Form, towns: list[str]) -> Content:
    try:
        return content_of(base, form, towns)
    except BadForm as error:
        raise HTTPException(status_code=400, detail=str(error)) from error


def _as_form(alert: Alert) -> dict[str, str]:
    return {
        "decision_id": new_id(),
        "seen_hash": content_hash(alert.content),
        "seen_revision": str(alert.revision),
        "hours": str(hours_left(alert.content)),
    }


def hours_left(content: Content) -> int:
    """Whole hours until the expiry, at least 1."""
    seconds = (content.expires_at - clock.now()).total_seconds()
    return min(168, max(1, round(seconds / 3600)))


async def edit_form(
    request: ActRequest,
    house: House,
    content: Content,
    *,
    form: Form,
    alert: Alert | None = None,
    wrong: str | None = None,
    cluster_id: str | None = None,
) -> Response[Any]:
    """The form, as it stands or as it was typed."""
    towns = await towns_of(house, content.audience.district)
    return show(
        request,
        "edit.html",
        status=422 if wrong else 200,
        content=content,
        form=form,
        alert=alert,
        wrong=wrong,
        cluster_id=cluster_id,
        towns=towns,
        all_groups=sum(x[1] for x in towns),
        all_people=sum(x[2] for x in towns),
        severities=SEVERITIES,
        text_limit=TEXT_LIMIT,
        title_limit=TITLE_LIMIT,
    )


async def towns_of(house: House, district: str) -> list[tuple[str, int, int]]:
    """(town, groups, residents) of a district, by name; groups without a town are not to choose."""
    found_towns: dict[str, tuple[int, int]] = {}
    for group in (await house.groups()).values():
        if group.place.district == district:
            groups, people = found_towns.get(group.place.town, (0, 0))
            found_towns[group.place.town] = (groups + 1, people + group.members)
    return [(town, *sizes) for town, sizes in sorted(found_towns.items())]


@get("/clusters/{cluster_id:str}/draft", guards=[access.action(Action.DRAFT)])
async def draft_page(request: ActRequest, house: AtHand, cluster_id: FromPath[str]) -> Response[Any]:
    cluster = await standing(house, cluster_id)
    if cluster.cluster_id != cluster_id:
        return Redirect(f"/clusters/{cluster.cluster_id}/draft", status_code=303)
    content = blank(cluster)
    form = {"decision_id": new_id(), "hours": str(hours_left(content))}
    return await edit_form(request, house, content, form=form, cluster_id=cluster_id)


@post("/clusters/{cluster_id:str}/draft", guards=[access.action(Action.DRAFT)])
async def draft(request: ActRequest, house: AtHand, cluster_id: FromPath[str]) -> Response[Any]:
    """A draft by hand; its alert has the id that the machine's draft would have, so there are never two."""
    cluster = await standing(house, cluster_id)
    form, towns = await read_form(request)
    content = _content(blank(cluster), form, towns)
    if cluster.cluster_id != cluster_id:
        return await edit_form(
            request, house, content, form=form, wrong="merged", cluster_id=cluster.cluster_id
        )
    order = _ordered(Action.DRAFT, alert_of(cluster_id), request, form, content, origin=origin_of(cluster))
    denied = refusal_of(None, order)
    if denied and await house.desk.decision(order.decision_id) is None:
        return await edit_form(request, house, content, form=form, wrong=denied.code, cluster_id=cluster_id)
    return await _settled(request, house, order)


HANDLERS: list[HTTPRouteHandler] = [
    edit_page,
    edit,
    draft_page,
    draft,
    *[_button(x) for x in (Action.SUBMIT, Action.APPROVE, Action.RETURN, Action.REJECT, Action.RECALL)],
]
