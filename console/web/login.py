"""/login and /logout, and / which redirects each role to its home page."""

from typing import Annotated, Any

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect

from console.web.authentication import ViewerRequest
from console.web.dependencies import Dependencies, Deps
from console.web.error_pages import error_page
from console.web.permissions import HOME, STAFF, only
from console.web.rendering import AnyRequest, render_page
from console.web.sessions import COOKIE, SESSION_S
from fenghuo.security.passwords import LOGIN_WINDOW_S

LoginForm = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]


def safe_redirect(path: str) -> str:
    """``path`` if it is on this site, else /: no form may send people to another site."""
    is_local = path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path
    return path if is_local else "/"


@get("/", guards=[only(STAFF)])
async def start(request: ViewerRequest) -> Redirect:
    """Redirect to the role's home page; an officer for whom something waits, to the to-do list."""
    pending = request.scope["state"].get("pending_count", 0)
    return Redirect("/todo" if pending else HOME[request.user.person.role], status_code=303)


@get("/login")
async def login_page(request: AnyRequest) -> Response[Any]:
    if request.user:
        return Redirect("/", status_code=303)
    return render_page(
        request, "login.html", next=safe_redirect(request.query_params.get("next", "/")), wrong=None, name=""
    )


@post("/login")
async def login(request: AnyRequest, deps: Deps, data: LoginForm) -> Response[Any]:
    """Start a session; a wrong name and a wrong password look alike and take equally long."""
    name, password = data.get("person", "").strip()[:100], data.get("password", "")
    address = request.client.host if request.client else ""
    if not await deps.auth.may_try(name, address):
        answer = error_page(request, 429, "login")
        answer.headers["retry-after"] = str(LOGIN_WINDOW_S)
        return answer
    is_right = await deps.auth.check_password(name, password)
    person = await deps.desk.directory.person(name) if is_right else None
    if person is None or person.role not in STAFF:
        back = safe_redirect(data.get("next", "/"))
        return render_page(request, "login.html", status=401, next=back, wrong="login.wrong", name=name)
    await deps.auth.forget_tries(name, address)
    return start_session(await deps.sessions.open(name), safe_redirect(data.get("next", "/")), deps)


def start_session(token: str, path: str, deps: Dependencies) -> Redirect:
    cookie = Cookie(
        key=COOKIE,
        value=token,
        path="/",
        max_age=SESSION_S,
        httponly=True,
        samesite="lax",
        secure=deps.settings.console_secure_cookies,
    )
    return Redirect(path, status_code=303, cookies=[cookie])


@post("/logout")
async def logout(request: AnyRequest, deps: Deps) -> Redirect:
    if request.user:
        await deps.sessions.close(request.user.token)
    return Redirect(
        "/login", status_code=303, cookies=[Cookie(key=COOKIE, value="", path="/", max_age=0, httponly=True)]
    )


HANDLERS = [start, login_page, login, logout]
