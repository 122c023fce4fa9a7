"""Channels that were halted, and the person's word that they may go on. Writes channels.changed."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response, post
from litestar.exceptions import HTTPException
from litestar.response import Redirect

from console.web import permissions
from console.web.authentication import Viewer
from console.web.dependencies import Dependencies, Deps
from console.web.error_pages import keep_input
from console.web.submission import REASON_LIMIT, BadForm, id_of
from fenghuo import clock
from fenghuo.domain.alert import Role
from fenghuo.domain.events import ChannelChanged, derive_id
from fenghuo.errors import Unavailable

MAY_RESUME = frozenset({Role.APPROVER, Role.ADMINISTRATOR})


async def all_halted(house: Dependencies) -> dict[str, ChannelChanged]:
    """Every channel, and credential of a channel, that is halted, by name."""
    return await house.shared.get("halted", house.desk.deliveries.halted)


async def halted_of(house: Dependencies, channels: Iterable[str]) -> list[ChannelChanged]:
    """Those of ``channels``, and of their credentials, that are halted, by name."""
    wanted = set(channels)
    halted = await all_halted(house)
    return [halted[name] for name in sorted(halted) if name.partition("/")[0] in wanted]


@post("/channels/resume", guards=[permissions.only(MAY_RESUME)])
async def resume(request: Request[Viewer, Any, Any], house: Deps) -> Response[Any]:
    """Let a channel go on; pressing twice is once, and what is not halted stays as it is."""
    form = {k: v for k, v in (await request.form()).items() if isinstance(v, str)}
    reason = form.get("reason", "").strip()[:REASON_LIMIT]
    keep_input(request, reason=reason)
    name, alert_id = form.get("name", ""), form.get("alert_id", "")
    try:
        pressed = id_of(form)
    except BadForm as error:
        raise HTTPException(status_code=400, detail=str(error)) from error
    if not reason:
        raise HTTPException(status_code=422, detail="a reason is needed")
    if name in await house.desk.deliveries.halted():
        await _publish(house, request.user, pressed, name, reason)
    back = f"/alerts/{alert_id}?{urlencode({'resumed': name})}" if alert_id.isalnum() else "/alerts"
    return Redirect(back, status_code=303)


async def _publish(house: Dependencies, viewer: Viewer, pressed: str, name: str, reason: str) -> None:
    if not house.started():
        raise Unavailable("the room is still starting")
    await house.transport.publish([
        ChannelChanged(
            event_id=derive_id("resumed", pressed, name), at=clock.now(), name=name, halted=False,
            reason=reason, by=viewer.person.person_id,
        )
    ])  # fmt: skip


HANDLERS = [resume]
