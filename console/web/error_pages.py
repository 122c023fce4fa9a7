"""Exception handlers: each error becomes a page that says what happened, what was kept, and what to do."""

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
_STATUSES_WITH_WORDS = {400, 403, 404, 405, 409, 413, 422, 429, 503}


def error_page(request: AnyRequest, status: int, code: str | None = None) -> Response[str]:
    """The page of ``status``; ``code`` chooses a more exact wording (error.<code>_title and _todo)."""
    code = code or (str(status) if status in _STATUSES_WITH_WORDS else "500")
    typed = request.scope.get("state", {}).get("typed", {})
    try:
        answer = render_page(request, "error.html", status=status, code=code, typed=typed)
    except Exception:
        log.exception("an error page failed")
        return Response("500", status_code=500, media_type=MediaType.TEXT)
    if status in {429, 503}:
        answer.headers["retry-after"] = str(RETRY_S)
    return answer


def on_http(request: AnyRequest, error: HTTPException) -> Response[Any]:
    detail = str(error.detail)
    if error.status_code == 403 and detail.startswith("CSRF"):
        return error_page(request, 403, "csrf")
    if error.status_code >= 500:
        log.error("a page failed", exc_info=error, extra={"path": request.url.path})
    return error_page(request, error.status_code)


def on_not_logged_in(request: AnyRequest, _error: NotAuthorizedException) -> Response[Any]:
    """Redirect to the login, and back here afterwards; 401 for requests of scripts."""
    if request.url.path.startswith(("/live", "/api")):
        return Response("", status_code=401, media_type=MediaType.TEXT)
    back = request.url.path if request.method == "GET" else "/"
    return Redirect(f"/login?next={quote(back)}", status_code=303)


def on_unavailable(request: AnyRequest, error: Exception) -> Response[Any]:
    log.warning("cannot serve a page", extra={"path": request.url.path, "why": str(error)})
    return error_page(request, 503)


def on_refused(request: AnyRequest, error: Refused) -> Response[Any]:
    log.warning("refused", extra={"path": request.url.path, "why": str(error)})
    return error_page(request, 422)


def on_error(request: AnyRequest, error: Exception) -> Response[Any]:
    log.exception("a page failed", exc_info=error, extra={"path": request.url.path})
    return error_page(request, 500)


HANDLERS: Any = {
    NotAuthorizedException: on_not_logged_in,
    HTTPException: on_http,
    Transient: on_unavailable,
    RedisError: on_unavailable,
    Refused: on_refused,
    Exception: on_error,
}
