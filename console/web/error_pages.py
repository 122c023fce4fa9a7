"""Whatever goes wrong becomes a page that says what happened, what is safe, and what to do."""

import logging
from typing import Any
from urllib.parse import quote

from litestar import MediaType, Response
from litestar.exceptions import HTTPException, NotAuthorizedException
from litestar.response import Redirect
from redis.exceptions import RedisError

from console.web.rendering import AnyRequest, render_page
from fenghuo.errors import Refused, Transient

log = logging.getLogger(__name__)
RETRY_S = 5
_WORDED = {400, 403, 404, 405, 409, 413, 422, 429, 503}


def failure(request: AnyRequest, status: int, code: str | None = None) -> Response[str]:
    """The page of ``status``; ``code`` chooses a closer wording (error.<code>_title and _todo)."""
    code = code or (str(status) if status in _WORDED else "500")
    kept = request.scope.get("state", {}).get("kept", {})
    try:
        answer = render_page(request, "error.html", status=status, code=code, kept=kept)
    except Exception:
        log.exception("the page of an error failed")
        return Response("500", status_code=500, media_type=MediaType.TEXT)
    if status in {429, 503}:
        answer.headers["retry-after"] = str(RETRY_S)
    return answer


def keep_input(request: AnyRequest, **typed: str) -> None:
    """Remember what was typed, so that an error's page can give it back."""
    request.scope["state"]["kept"] = {name: text for name, text in typed.items() if text.strip()}


def on_http(request: AnyRequest, error: HTTPException) -> Response[Any]:
    detail = str(error.detail)
    if error.status_code == 403 and detail.startswith("CSRF"):
        return failure(request, 403, "csrf")
    if error.status_code >= 500:
        log.error("a page failed", exc_info=error, extra={"path": request.url.path})
    return failure(request, error.status_code)


def on_stranger(request: AnyRequest, _error: NotAuthorizedException) -> Response[Any]:
    """Nobody is logged in: to the door, and back here afterwards."""
    if request.url.path.startswith(("/live", "/api")):
        return Response("", status_code=401, media_type=MediaType.TEXT)
    back = request.url.path if request.method == "GET" else "/"
    return Redirect(f"/login?next={quote(back)}", status_code=303)


def on_away(request: AnyRequest, error: Exception) -> Response[Any]:
    log.warning("cannot serve a page", extra={"path": request.url.path, "why": str(error)})
    return failure(request, 503)


def on_refused(request: AnyRequest, error: Refused) -> Response[Any]:
    log.warning("refused", extra={"path": request.url.path, "why": str(error)})
    return failure(request, 422)


def on_bug(request: AnyRequest, error: Exception) -> Response[Any]:
    log.exception("a page failed", exc_info=error, extra={"path": request.url.path})
    return failure(request, 500)


HANDLERS: Any = {
    NotAuthorizedException: on_stranger,
    HTTPException: on_http,
    Transient: on_away,
    RedisError: on_away,
    Refused: on_refused,
    Exception: on_bug,
}
