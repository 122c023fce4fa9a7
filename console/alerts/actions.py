"""/alerts/{id}/{action}: what people decide on an alert, from submission to recall; a form and guard each."""

from typing import Any
from urllib.parse import urlencode

from litestar import Response, post
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from console.alerts import conflict
from console.alerts.orders import is_stale, order_from_form
from console.web import permissions
from console.web.authentication import ViewerRequest
from console.web.dependencies import Dependencies, Deps
from console.web.rendering import render_page
from console.web.submission import publish_and_wait, read_form
from fenghuo.domain.alert import Action, Alert, Order
from fenghuo.domain.alert_lifecycle import affected_content
from fenghuo.domain.events import DecisionMade


async def alert_or_404(deps: Dependencies, alert_id: str) -> Alert:
    alert = await deps.desk.alerts.get(alert_id)
    if alert is None:
        raise NotFoundException(alert_id)
    return alert


async def take_action(
    request: ViewerRequest, deps: Dependencies, alert_id: str, action: Action
) -> Response[Any]:
    """Decide without content: publish the order, wait, and show the alert with the outcome."""
    form = await read_form(request)
    order = order_from_form(action, alert_id, request.user.person, form)
    if await deps.desk.order_outcomes.get(order.decision_id) is None:
        alert = await alert_or_404(deps, alert_id)
        if is_stale(alert, order):
            return await stale_page(request, deps, alert, order)
    return await publish_and_redirect(request, deps, order)


async def publish_and_redirect(request: ViewerRequest, deps: Dependencies, order: Order) -> Response[Any]:
    """Publish the order, wait, and redirect to the alert; the conflict page if the order came too late."""
    code = await publish_and_wait(deps, DecisionMade(event_id=order.decision_id, at=order.at, order=order))
    if code in {"stale", "not_now"}:
        alert = await deps.desk.alerts.get(order.alert_id)
        if alert and is_stale(alert, order):
            return await stale_page(request, deps, alert, order)
    return Redirect(f"/alerts/{order.alert_id}?{urlencode({'decision': order.decision_id})}", status_code=303)


async def stale_page(request: ViewerRequest, deps: Dependencies, alert: Alert, order: Order) -> Response[Any]:
    """409: what changed since the page was shown, and what had been typed."""
    history = await deps.desk.alerts.history(alert.alert_id)
    before = conflict.seen_content(history, order.seen_revision, order.seen_hash, order.action)
    return render_page(
        request,
        "stale.html",
        status=409,
        alert=alert,
        typed=request.scope["state"].get("typed", {}),
        since=conflict.changes_since(history, order.seen_revision),
        known=before is not None,
        changes=conflict.differences(before, affected_content(alert, order.action)) if before else [],
        names=await deps.names(),
    )


def _handler(action: Action) -> HTTPRouteHandler:
    """The route of one action's form."""

    @post(f"/alerts/{{alert_id:str}}/{action}", guards=[permissions.action(action)], name=f"alert_{action}")
    async def handle(request: ViewerRequest, deps: Deps, alert_id: FromPath[str]) -> Response[Any]:
        return await take_action(request, deps, alert_id, action)

    return handle


HANDLERS: list[HTTPRouteHandler] = [
    _handler(action)
    for action in permissions.ACTIONS
    if action not in {Action.DRAFT, Action.EDIT, Action.UPDATE}
]
"""The actions without content; editor.py has those with content."""
