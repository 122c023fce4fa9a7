"""The to-do list of the person who asks, with what its templates need."""

from typing import Any

from litestar import Request

from console.todo.worklist import FRESH_S, Worklist, book, view_of
from console.web.authentication import Viewer
from console.web.dependencies import Dependencies
from console.web.submission import new_id
from fenghuo import clock

TodoRequest = Request[Viewer, Any, Any]


async def view_for(request: TodoRequest, house: Dependencies, fresh_s: float = FRESH_S) -> Worklist:
    found = await book(house, fresh_s)
    return view_of(found, request.user.person, clock.now(), house.settings.undo_s)


def _values(house: Dependencies, view: Worklist) -> dict[str, Any]:
    return {"view": view, "undo_s": round(house.settings.undo_s), "new_id": new_id}
