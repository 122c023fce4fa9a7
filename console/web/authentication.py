"""Authentication: the middleware that turns the session cookie into a Viewer.

The person and the role are read from the desk on every request, so a new role or a departure takes effect at
once.
"""

from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.middleware.authentication import AbstractAuthenticationMiddleware, AuthenticationResult

from console.web.sessions import COOKIE, Sessions
from fenghuo.desk.desk import Desk
from fenghuo.domain.events import Person


@dataclass(frozen=True, slots=True)
class Viewer:
    """The logged-in person, as the desk has them now."""

    person: Person
    token: str


ViewerRequest = Request[Viewer, Any, Any]
"""A request of somebody who is logged in, as a guard has made sure."""


class SessionMiddleware(AbstractAuthenticationMiddleware):
    """Puts the Viewer, or None, on the connection; guards refuse."""

    def __init__(self, app: Any, sessions: Sessions, desk: Desk) -> None:
        super().__init__(app, exclude=["^/static"])
        self._sessions = sessions
        self._desk = desk

    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        return AuthenticationResult(user=await self._viewer(connection.cookies.get(COOKIE)), auth=None)

    async def _viewer(self, token: str | None) -> Viewer | None:
        person_id = await self._sessions.find(token) if token else None
        person = await self._desk.directory.person(person_id) if person_id else None
        return Viewer(person, token) if person and token else None
