"""/api/todo and /api/taps: the to-do list and taps for static/todo.js and for other programs."""

import hashlib
from typing import Any

import msgspec
from litestar import MediaType, Response, get, post

from console.todo.taps import TapRequest, submit_taps
from console.todo.view import template_values, viewer_worklist
from console.web import permissions
from console.web.authentication import ViewerRequest
from console.web.dependencies import Deps
from console.web.rendering import SAFE_HEADERS, render_fragment, words_of
from fenghuo import clock

_TAP_REQUEST = msgspec.json.Decoder(TapRequest)


@get("/api/todo", guards=[permissions.page("todo")])
async def todo_api(request: ViewerRequest, deps: Deps) -> Response[Any]:
    """{"todos": [...], "done": [...], "stopped": [...], "now_ms": n}: see Worklist."""
    worklist = await viewer_worklist(request, deps)
    return _json(msgspec.to_builtins(worklist) | {"now_ms": clock.to_ms(clock.now())})


@get("/api/todo/part", guards=[permissions.page("todo")])
async def todo_part(request: ViewerRequest, deps: Deps) -> Response[Any]:
    """The page's live part as HTML; 304 while nothing has changed. ``X-Now``: the server's clock in ms."""
    worklist = await viewer_worklist(request, deps)
    t = words_of(request)
    tag = f'"{hashlib.sha256(msgspec.json.encode((t.language, worklist))).hexdigest()[:24]}"'
    headers = {"etag": tag, "x-now": str(clock.to_ms(clock.now())), "cache-control": "no-store"}
    if request.headers.get("if-none-match") == tag:
        return Response(None, status_code=304, headers=headers)
    csrf = request.headers.get("x-csrftoken", "")
    html = render_fragment("_todos.html", t, csrf=csrf, **template_values(deps, worklist))
    return Response(html, media_type=MediaType.HTML, headers={**headers, **SAFE_HEADERS})


@post("/api/taps", guards=[permissions.page("todo")], status_code=202)
async def taps_api(request: ViewerRequest, deps: Deps) -> Response[Any]:
    """Submit taps: {"press_id", "taps": [...], "undo", "already"}; answers {"taken", "refused": [...]}.

    Idempotent under ``press_id``. 202 if a tap was taken, now or by an earlier request; 410 if the text must
    not be sent any more; 409 if nothing waits for the taps; 403 for groups of others; 400 for an invalid
    body. Once it answers, the broker has the taps.
    """
    try:
        tap_request = _TAP_REQUEST.decode(await request.body())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return _json({"error": "bad_press", "why": str(error)[:200]}, 400)
    result = await submit_taps(deps, request.user.person, tap_request)
    t = words_of(request)
    refused = [
        {"group_id": group_id, "why": why, "say": t(f"todo.why_{why}")} for group_id, why in result.refused
    ]
    return _json({"taken": len(result.taps), "refused": refused}, result.status)


def _json(body: dict[str, Any], status: int = 200) -> Response[Any]:
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(msgspec.json.encode(body), status_code=status, media_type=MediaType.JSON, headers=headers)


HANDLERS = [todo_api, todo_part, taps_api]
