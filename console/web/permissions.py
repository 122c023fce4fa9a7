"""Permissions: the roles of each page, and guards for routes; an alert's actions follow ALLOWED_ROLES."""

from collections.abc import Callable
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from console.web.authentication import Viewer
from fenghuo.domain.alert import ALLOWED_ROLES, Action, Role
from fenghuo.domain.taps import TODO_ROLES

AnyConnection = ASGIConnection[Any, Any, Any, Any]
Guard = Callable[[AnyConnection, BaseRouteHandler], None]

STAFF = frozenset({Role.OFFICER, Role.ANALYST, Role.APPROVER, Role.ADMINISTRATOR, Role.AUDITOR})
"""Roles that may log in to the console."""
TEAM = frozenset({Role.ANALYST, Role.APPROVER, Role.ADMINISTRATOR, Role.AUDITOR})
"""Roles that may read reports and evidence."""

PAGES: dict[str, frozenset[Role]] = {
    "todo": TODO_ROLES,
    "queue": TEAM,
    "clusters": TEAM,
    "alerts": STAFF,
    "wall": STAFF,
    "report": frozenset({Role.OFFICER, Role.ANALYST, Role.APPROVER}),
    "groups": STAFF,
    "people": frozenset({Role.ADMINISTRATOR, Role.AUDITOR}),
}
"""The roles of each page; the navigation shows a person only the pages of their role."""

HOME: dict[Role, str] = {
    Role.OFFICER: "/report",
    Role.ANALYST: "/queue",
    Role.APPROVER: "/queue",
    Role.ADMINISTRATOR: "/groups",
    Role.AUDITOR: "/alerts",
}

ACTIONS = (
    Action.DRAFT,
    Action.EDIT,
    Action.CLEAR,
    Action.SUBMIT,
    Action.APPROVE,
    Action.RETURN,
    Action.REJECT,
    Action.RECALL,
    Action.UPDATE,
    Action.CLEAR_UPDATE,
    Action.SUBMIT_UPDATE,
    Action.APPROVE_UPDATE,
    Action.DROP_UPDATE,
)
"""Actions that people take on an alert; the others are the system's."""


def page(name: str) -> Guard:
    """A guard for the page ``name`` of PAGES."""
    return only(PAGES[name])


def action(which: Action) -> Guard:
    """A guard for one action on alerts."""
    return only(ALLOWED_ROLES[which])


def only(roles: frozenset[Role]) -> Guard:
    def guard(connection: AnyConnection, _handler: BaseRouteHandler) -> None:
        viewer: Viewer | None = connection.user
        if viewer is None:
            raise NotAuthorizedException("log in first")
        if viewer.person.role not in roles:
            raise PermissionDeniedException(f"{viewer.person.role} may not open this")

    return guard


def pages_of(role: Role) -> list[str]:
    return [name for name, roles in PAGES.items() if role in roles]
