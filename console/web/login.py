"""The doors: /login, /logout, and / which leads each role to its page."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect

from console.web.authentication import Viewer
from console.web.dependencies import Dependencies, Deps
from console.web.error_pages import failure
from console.web.permissions import HOME, STAFF, only
from console.web.rendering import AnyRequest, render_page
from console.web.sessions import COOKIE, SESSION_S
from fenghuo.security.passwords import LOGIN_WINDOW_S

Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]


def safe_redirect(path: str) -> str:
    """``path`` if it is one of ours, else the start: no form may send people to another site."""
    ours = path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path
    return path if ours else "/"


@get("/", guards=[only(STAFF)])
async def start(request: Request[Viewer, Any, Any]) -> Redirect:
    """Each role's own page; an officer's to-do when something waits there."""
    waiting = request.scope["state"].get("waiting", 0)
    return Redirect("/todo" if waiting else HOME[request.user.person.role], status_code=303)


@get("/login")
async def login_page(request: AnyRequest) -> Response[Any]:
    if request.user:
        return Redirect("/", status_code=303)
    return render_page(
        request, "login.html", next=safe_redirect(request.query_params.get("next", "/")), wrong=None, name=""
    )


@post("/login")
async def login(request: AnyRequest, house: Deps, data: Form) -> Response[Any]:
    """Open a session; a wrong name and a wrong password look the same and take as long."""
    name, password = data.get("person", "").strip()[:100], data.get("password", "")
    address = request.client.host if request.client else ""
    if not await house.auth.may_try(name, address):
        answer = failure(request, 429, "login")
        answer.headers["retry-after"] = str(LOGIN_WINDOW_S)
        return answer
    right = await house.auth.check_password(name, password)
    person = await house.desk.directory.person(name) if right else None
    if person is None or person.role not in STAFF:
        back = safe_redirect(data.get("next", "/"))
        return render_page(request, "login.html", status=401, next=back, wrong="login.wrong", name=name)
    await house.auth.forget_tries(name, address)
    return start_session(await house.sessions.open(name), safe_redirect(data.get("next", "/")), house)


def start_session(token: str, to: str, house: Dependencies) -> Redirect:
    cookie = Cookie(
        key=COOKIE,
        value=token,
        path="/",
        max_age=SESSION_S,
        httponly=True,
        samesite="lax",
        secure=house.settings.console_secure_cookies,
    )
    return Redirect(to, status_code=303, cookies=[cookie])


@post("/logout")
async def logout(request: AnyRequest, house: Deps) -> Redirect:
    if request.user:
        await house.sessions.close(request.user.token)
    return Redirect(
        "/login", status_code=303, cookies=[Cookie(key=COOKIE, value="", path="/", max_age=0, httponly=True)]
    )


HANDLERS = [start, login_page, login, logout]
