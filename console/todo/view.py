"""The worklist of the person who asks, and the template variables for it."""

from typing import Any

from console.todo.worklist import FRESH_S, Worklist, district_worklist, worklist_for
from console.web.authentication import ViewerRequest
from console.web.dependencies import Dependencies
from console.web.submission import new_id
from fenghuo import clock


async def viewer_worklist(request: ViewerRequest, deps: Dependencies, fresh_s: float = FRESH_S) -> Worklist:
    """The viewer's worklist, at most ``fresh_s`` old."""
    district = await district_worklist(deps, fresh_s)
    return worklist_for(district, request.user.person, clock.now(), deps.settings.undo_s)


def template_values(deps: Dependencies, worklist: Worklist) -> dict[str, Any]:
    return {"worklist": worklist, "undo_s": round(deps.settings.undo_s), "new_id": new_id}
