"""The to-do list as JSON for the page and for other programs: the list, its live part, taps."""

import hashlib
from typing import Any

import msgspec
from litestar import MediaType, Response, get, post

from console.todo.taps import TapRequest, take
from console.todo.view import TodoRequest, _values, view_for
from console.web import permissions
from console.web.dependencies import Deps
from console.web.rendering import SAFE_HEADERS, render_fragment, words_of
from fenghuo import clock

_PRESS = msgspec.json.Decoder(TapRequest)


@get("/api/todo", guards=[permissions.page("todo")])
async def todo_api(request: TodoRequest, house: Deps) -> Response[Any]:
    """{"todos": [...], "done": [...], "stopped": [...], "now_ms": n}: see console.waiting.View."""
    view = await view_for(request, house)
    body = msgspec.to_builtins(view) | {"now_ms": clock.to_ms(clock.now())}
    return _json(body)


@get("/api/todo/part", guards=[permissions.page("todo")])
async def todo_part(request: TodoRequest, house: Deps) -> Response[Any]:
    """The page's live part; 304 while nothing has changed. ``X-Now``: the server's clock, ms."""
    view = await view_for(request, house)
    t = words_of(request)
    tag = f'"{hashlib.sha256(msgspec.json.encode((t.language, view))).hexdigest()[:24]}"'
    headers = {"etag": tag, "x-now": str(clock.to_ms(clock.now())), "cache-control": "no-store"}
    if request.headers.get("if-none-match") == tag:
        return Response(None, status_code=304, headers=headers)
    html = render_fragment(
        "_todos.html", t, csrf=request.headers.get("x-csrftoken", ""), **_values(house, view)
    )
    return Response(html, media_type=MediaType.HTML, headers={**headers, **SAFE_HEADERS})


@post("/api/taps", guards=[permissions.page("todo")], status_code=202)
async def taps_api(request: TodoRequest, house: Deps) -> Response[Any]:
    """Take a press: {"press_id", "taps": [...], "undo", "already"} to {"taken", "refused": [...]}.

    202 as soon as something was taken, or had been by an earlier arrival; 410 for what is not to be sent any
    more, 409 for what waits for nobody, 403 for others' groups; 400 for what is no press. The taps are with
    the broker once it answers.
    """
    try:
        press = _PRESS.decode(await request.body())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return _json({"error": "bad_press", "why": str(error)[:200]}, 400)
    taken = await take(house, request.user.person, press)
    t = words_of(request)
    refused = [
        {"group_id": group_id, "why": why, "say": t(f"todo.why_{why}")} for group_id, why in taken.refused
    ]
    return _json({"taken": len(taken.taps), "refused": refused}, taken.status)


def _json(body: dict[str, Any], status: int = 200) -> Response[Any]:
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(msgspec.json.encode(body), status_code=status, media_type=MediaType.JSON, headers=headers)
