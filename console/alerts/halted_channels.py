"""Halted channels: which ones are, and /channels/resume. Writes channels.changed."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from litestar import Response, post
from litestar.exceptions import HTTPException
from litestar.response import Redirect

from console.web import permissions
from console.web.authentication import Viewer, ViewerRequest
from console.web.dependencies import Dependencies, Deps
from console.web.submission import REASON_LIMIT, decision_id_of, keep_input, text_fields
from fenghuo import clock
from fenghuo.domain.alert import Role
from fenghuo.domain.events import ChannelChanged, derive_id

MAY_RESUME = frozenset({Role.APPROVER, Role.ADMINISTRATOR})


async def all_halted(deps: Dependencies) -> dict[str, ChannelChanged]:
    """Halted channels (``channel``) and halted credentials (``channel/credential``), by name."""
    return await deps.cache.get_or_load("halted", deps.desk.deliveries.halted)


async def wholly_halted(deps: Dependencies) -> set[str]:
    """The channels that are halted with all their credentials."""
    return {name for name in await deps.desk.deliveries.halted() if "/" not in name}


async def halted_among(deps: Dependencies, channels: Iterable[str]) -> list[ChannelChanged]:
    """The halted ones of ``channels`` and of their credentials, in the order of their names."""
    wanted = set(channels)
    halted = await all_halted(deps)
    return [halted[name] for name in sorted(halted) if name.partition("/")[0] in wanted]


@post("/channels/resume", guards=[permissions.only(MAY_RESUME)])
async def resume(request: ViewerRequest, deps: Deps) -> Response[Any]:
    """Resume a halted channel. Idempotent; does nothing if it is not halted."""
    form = text_fields(await request.form())
    reason = form.get("reason", "").strip()[:REASON_LIMIT]
    keep_input(request, reason=reason)
    name, alert_id = form.get("name", ""), form.get("alert_id", "")
    decision_id = decision_id_of(form)
    if not reason:
        raise HTTPException(status_code=422, detail="a reason is needed")
    if name in await deps.desk.deliveries.halted():
        await _publish(deps, request.user, decision_id, name, reason)
    back = f"/alerts/{alert_id}?{urlencode({'resumed': name})}" if alert_id.isalnum() else "/alerts"
    return Redirect(back, status_code=303)


async def _publish(deps: Dependencies, viewer: Viewer, decision_id: str, name: str, reason: str) -> None:
    deps.require_started()
    await deps.transport.publish([
        ChannelChanged(
            event_id=derive_id("resumed", decision_id, name), at=clock.now(), name=name, halted=False,
            reason=reason, by=viewer.person.person_id,
        )
    ])  # fmt: skip


HANDLERS = [resume]
