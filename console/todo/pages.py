"""/todo: an officer's groups that wait for a warning: copy the text, paste it into the group, tap "sent".

Works without scripts; static/todo.js uses api.py instead and keeps taps on the phone until they have arrived.
Writes taps.made.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.response import Redirect

from console.todo.taps import TapResult, submit_taps, tap_request_from_form
from console.todo.view import template_values, viewer_worklist
from console.todo.worklist import FRESH_S, district_worklist, worklist_for
from console.web import permissions
from console.web.authentication import Viewer, ViewerRequest
from console.web.dependencies import Dependencies, Deps
from console.web.rendering import AnyRequest, render_page, words_of
from console.web.submission import text_fields, values_of_field
from fenghuo import clock
from fenghuo.domain import events as e
from fenghuo.domain.alert import Role
from fenghuo.errors import Transient, Unavailable

WAIT_S = 3.0
"""How long the page without scripts waits until its taps have been counted."""
_POLL_S = 0.05


@get("/todo", guards=[permissions.page("todo")])
async def todo_page(request: ViewerRequest, deps: Deps) -> Response[Any]:
    taken = request.query_params.get("taken", "")
    worklist = await viewer_worklist(request, deps, fresh_s=0 if taken else FRESH_S)
    why = request.query_params.get("why", "")
    return render_page(
        request,
        "todo.html",
        taken=int(taken) if taken.isdecimal() and len(taken) < 4 else None,
        undone="undo" in request.query_params,
        why=why if words_of(request).known(f"todo.why_{why}") else "",
        **template_values(deps, worklist),
    )


@post("/todo", guards=[permissions.page("todo")])
async def todo_form(request: ViewerRequest, deps: Deps) -> Response[Any]:
    """A button without scripts: submit the taps, wait until they are counted, and redirect to the page."""
    form = await request.form()
    tap_request = tap_request_from_form(
        text_fields(form), ticked=values_of_field(form, "group"), listed=values_of_field(form, "shown")
    )
    if tap_request is None:
        return Redirect(f"/todo?{urlencode({'taken': '0', 'why': 'none'})}", status_code=303)
    result = await submit_taps(deps, request.user.person, tap_request)
    await _wait_until_counted(deps, result.taps)
    return Redirect(f"/todo?{urlencode(_outcome(result, tap_request.undo))}", status_code=303)


def _outcome(result: TapResult, undo: bool) -> dict[str, str]:
    """The query parameters that tell the page what became of the taps."""
    return {
        "taken": str(len(result.taps)),
        **({"undo": "1"} if undo else {}),
        **({"why": result.refused[0][1]} if result.refused else {}),
    }


async def _wait_until_counted(deps: Dependencies, taps: Sequence[e.TapMade]) -> None:
    """Return once all of ``taps`` have been counted, or after WAIT_S."""
    with contextlib.suppress(TimeoutError, Unavailable):
        async with asyncio.timeout(WAIT_S):
            while True:
                if len(await deps.desk.deliveries.applied_taps(taps)) == len(taps):
                    return
                await asyncio.sleep(_POLL_S)


def pending_count_hook(deps: Dependencies) -> Callable[[AnyRequest], Awaitable[None]]:
    """A hook before each request: the number of groups that wait for an officer, for the navigation."""

    async def count(request: AnyRequest) -> None:
        viewer: Viewer | None = request.scope.get("user")
        path = request.url.path
        if viewer is None or viewer.person.role is not Role.OFFICER or request.method != "GET":
            return
        if path.startswith(("/api", "/live", "/static")):
            return
        try:
            district = await district_worklist(deps)
        except Transient:
            return  # the page itself reports that the desk is unavailable
        worklist = worklist_for(district, viewer.person, clock.now(), deps.settings.undo_s)
        request.scope["state"]["pending_count"] = worklist.pending_count

    return count


HANDLERS = [todo_page, todo_form]
