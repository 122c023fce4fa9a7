"""/todo: an officer's groups that wait for a warning: copy the text, paste it, say "sent". Writes taps.made.

GET and POST /todo are the page, which works without scripts; /api/todo and /api/taps are the same for
static/todo.js, which keeps presses on the phone until they have arrived, and for other programs.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.response import Redirect

from console.todo.api import taps_api, todo_api, todo_part
from console.todo.taps import (
    TapResult,
    press_of,
    take,
)
from console.todo.view import TodoRequest, _values, view_for
from console.todo.worklist import FRESH_S, book, view_of
from console.web import permissions
from console.web.authentication import Viewer
from console.web.dependencies import Dependencies, Deps
from console.web.rendering import AnyRequest, render_page, words_of
from fenghuo import clock
from fenghuo.domain import events as e
from fenghuo.domain.alert import Role
from fenghuo.errors import Transient, Unavailable

SETTLE_S = 3.0
"""How long a page without scripts waits to see its taps counted."""
_LOOK_EVERY_S = 0.05


@get("/todo", guards=[permissions.page("todo")])
async def todo_page(request: TodoRequest, house: Deps) -> Response[Any]:
    after = request.query_params.get("taken", "")
    view = await view_for(request, house, fresh_s=0 if after else FRESH_S)
    why = request.query_params.get("why", "")
    return render_page(
        request,
        "todo.html",
        taken=int(after) if after.isdecimal() and len(after) < 4 else None,
        undone="undo" in request.query_params,
        why=why if words_of(request).known(f"todo.why_{why}") else "",
        **_values(house, view),
    )


@post("/todo", guards=[permissions.page("todo")])
async def todo_form(request: TodoRequest, house: Deps) -> Response[Any]:
    """A button pressed without scripts: taken, waited for, and back to the page."""
    form = await request.form()
    fields = {k: v for k, v in form.items() if isinstance(v, str)}
    ticked = [x for x in form.getall("group", []) if isinstance(x, str)]
    every = [x for x in form.getall("shown", []) if isinstance(x, str)]
    press = press_of(fields, ticked, every)
    taken = await take(house, request.user.person, press) if press.taps else TapResult((), ())
    await _counted(house, taken.taps)
    told = {"taken": str(len(taken.taps))} | ({"undo": "1"} if press.undo else {})
    whys = [why for _, why in taken.refused] or ([] if press.taps else ["none"])
    return Redirect(f"/todo?{urlencode(told | ({'why': whys[0]} if whys else {}))}", status_code=303)


async def _counted(house: Dependencies, taps: Sequence[e.TapMade]) -> None:
    """Return once all of ``taps`` have counted, or after SETTLE_S."""
    with contextlib.suppress(TimeoutError, Unavailable):
        async with asyncio.timeout(SETTLE_S):
            while True:
                if len(await house.desk.deliveries.applied_taps(taps)) == len(taps):
                    return
                await asyncio.sleep(_LOOK_EVERY_S)


def pending_count_hook(house: Dependencies) -> Callable[[AnyRequest], Awaitable[None]]:
    """A hook before each page: how many groups wait for an officer, for the navigation."""

    async def count(request: AnyRequest) -> None:
        viewer: Viewer | None = request.scope.get("user")
        path = request.url.path
        if viewer is None or viewer.person.role is not Role.OFFICER or request.method != "GET":
            return
        if path.startswith(("/api", "/live", "/static")):
            return
        try:
            found = await book(house)
        except Transient:
            return  # the page itself says that the desk is away
        view = view_of(found, viewer.person, clock.now(), house.settings.undo_s)
        request.scope["state"]["waiting"] = view.waiting

    return count


HANDLERS = [todo_page, todo_form, todo_api, todo_part, taps_api]
