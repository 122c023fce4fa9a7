"""What people decide on alerts, from submission to recall; each action has its own form and guard."""

from typing import Any
from urllib.parse import urlencode

from litestar import Response, post
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from console.alerts import conflict
from console.alerts.orders import is_stale, order_of
from console.web import permissions
from console.web.dependencies import Dependencies, Deps
from console.web.rendering import render_page
from console.web.submission import ActRequest, BadForm, Form, publish_and_wait, read_form
from fenghuo.domain.alert import Action, Alert, Content, Order
from fenghuo.domain.alert_lifecycle import affected_content
from fenghuo.domain.events import DecisionMade


async def alert_or_404(house: Dependencies, alert_id: str) -> Alert:
    alert = await house.desk.alerts.get(alert_id)
    if alert is None:
        raise NotFoundException(alert_id)
    return alert


async def act(request: ActRequest, house: Dependencies, alert_id: str, action: Action) -> Response[Any]:
    """One decision without content: publish it, wait, and show the alert with the outcome."""
    form, _ = await read_form(request)
    order = order_from_form(action, alert_id, request, form)
    if await house.desk.order_outcomes.get(order.decision_id) is None:
        alert = await alert_or_404(house, alert_id)
        if is_stale(alert, order):
            return await stale_page(request, house, alert, order)
    return await settled_page(request, house, order)


def order_from_form(
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


async def settled_page(request: ActRequest, house: Dependencies, order: Order) -> Response[Any]:
    code = await publish_and_wait(house, DecisionMade(event_id=order.decision_id, at=order.at, order=order))
    if code in {"stale", "not_now"}:
        alert = await house.desk.alerts.get(order.alert_id)
        if alert and is_stale(alert, order):
            return await stale_page(request, house, alert, order)
    return Redirect(f"/alerts/{order.alert_id}?{urlencode({'decision': order.decision_id})}", status_code=303)


async def stale_page(request: ActRequest, house: Dependencies, alert: Alert, order: Order) -> Response[Any]:
    """409: what changed since the page was shown, and what had been typed."""
    history = await house.desk.alerts.history(alert.alert_id)
    before = conflict.seen_content(history, order.seen_revision, order.seen_hash, order.action)
    return render_page(
        request,
        "stale.html",
        status=409,
        alert=alert,
        kept=request.scope["state"].get("kept", {}),
        since=conflict.since(history, order.seen_revision),
        known=before is not None,
        changes=conflict.differences(before, affected_content(alert, order.action)) if before else [],
        names=await house.names(),
    )


def _button(action: Action) -> HTTPRouteHandler:
    """The route of one action's form."""

    @post(f"/alerts/{{alert_id:str}}/{action}", guards=[permissions.action(action)], name=f"alert_{action}")
    async def press(request: ActRequest, house: Deps, alert_id: FromPath[str]) -> Response[Any]:
        return await act(request, house, alert_id, action)

    return press


HANDLERS: list[HTTPRouteHandler] = [
    _button(action)
    for action in permissions.ACTIONS
    if action not in {Action.DRAFT, Action.EDIT, Action.UPDATE}
]
"""The actions without content; console.editing has those with one."""
