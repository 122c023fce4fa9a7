"""Channels that were halted, and the person's word that they may go on. Writes channels.changed."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response, post
from litestar.exceptions import HTTPException
from litestar.response import Redirect

from console import access
from console.decisions import REASON_LIMIT, BadForm, id_of
from console.failures import keep
from console.house import AtHand, House
from console.viewer import Viewer
from fenghuo import clock
from fenghuo.alerts import Role
from fenghuo.errors import Unavailable
from fenghuo.events import ChannelChanged, derive_id

MAY_RESUME = frozenset({Role.APPROVER, Role.ADMINISTRATOR})


async def all_halted(house: House) -> dict[str, ChannelChanged]:
    """Every channel, and credential of a channel, that is halted, by name."""
    return await house.shared.get("halted", house.desk.halted)


async def halted_of(house: House, channels: Iterable[str]) -> list[ChannelChanged]:
    """Those of ``channels``, and of their credentials, that are halted, by name."""
    wanted = set(channels)
    halted = await all_halted(house)
    return [halted[name] for name in sorted(halted) if name.partition("/")[0] in wanted]


@post("/channels/resume", guards=[access.only(MAY_RESUME)])
async def resume(request: Request[Viewer, Any, Any], house: AtHand) -> Response[Any]:
    """Let a channel go on; pressing twice is once, and what is not halted stays as it is."""
    form = {k: v for k, v in (await request.form()).items() if isinstance(v, str)}
    reason = form.get("reason", "").strip()[:REASON_LIMIT]
    keep(request, reason=reason)
    name, alert_id = form.get("name", ""), form.get("alert_id", "")
    try:
        pressed = id_of(form)
    except BadForm as error:
        raise HTTPException(status_code=400, detail=str(error)) from error
    if not reason:
        raise HTTPException(status_code=422, detail="a reason is needed")
    if name in await house.desk.halted():
        await _publish(house, request.user, pressed, name, reason)
    back = f"/alerts/{alert_id}?{urlencode({'resumed': name})}" if alert_id.isalnum() else "/alerts"
    return Redirect(back, status_code=303)


async def _publish(house: House, viewer: Viewer, pressed: str, name: str, reason: str) -> None:
    if not house.started():
        raise Unavailable("the room is still starting")
    await house.transport.publish([
        ChannelChanged(
            event_id=derive_id("resumed", pressed, name), at=clock.now(), name=name, halted=False,
            reason=reason, by=viewer.person.person_id,
        )
    ])  # fmt: skip


HANDLERS = [resume]
