"""Forms that people submit: reading them, publishing what was decided, waiting for its outcome."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from litestar import Request

from console.web.authentication import Viewer
from console.web.dependencies import Dependencies
from console.web.error_pages import keep_input
from fenghuo.domain.events import ClusterCorrected, DecisionMade, UrgentHandled
from fenghuo.errors import Unavailable

Form = Mapping[str, str]
ActRequest = Request[Viewer, Any, Any]
KEPT = ("title", "text", "correction", "expression", "override", "reason")
"""Fields that an error's page shows again as they were typed."""
REASON_LIMIT = 500
_LOOK_EVERY_S = 0.05
_ID = re.compile(r"[0-9a-f]{32}")
WAIT_S = 3.0
"""How long a page waits for its decision to settle before it says that it is under way."""


class BadForm(ValueError):
    """A form without what our own pages put into it: nothing was done."""


def new_id() -> str:
    return uuid4().hex


def is_id(text: str) -> bool:
    """Whether ``text`` is an id that a page of ours made."""
    return _ID.fullmatch(text) is not None


def id_of(form: Form) -> str:
    """The decision's id that our page put into ``form``; BadForm without one."""
    decision_id = form.get("decision_id", "")
    if not is_id(decision_id):
        raise BadForm("no decision_id")
    return decision_id


async def publish_and_wait(
    house: Dependencies, said: DecisionMade | ClusterCorrected | UrgentHandled
) -> str | None:
    """Publish what was decided unless it is settled already; its code ("ok" or why not), None if under way.

    Raises Unavailable or Crowded when the broker did not take it: then nothing was decided.
    """
    settled = await house.desk.order_outcomes.get(said.event_id)
    if settled is not None:
        return settled[0]
    if not house.started():
        raise Unavailable("the room is still starting")
    await house.transport.publish([said])
    try:
        async with asyncio.timeout(WAIT_S):
            return await _outcome(house, said.event_id)
    except (TimeoutError, Unavailable):
        return None


async def _outcome(house: Dependencies, decision_id: str) -> str:
    while True:
        settled = await house.desk.order_outcomes.get(decision_id)
        if settled is not None:
            return settled[0]
        await asyncio.sleep(_LOOK_EVERY_S)


async def read_form(request: ActRequest) -> tuple[dict[str, str], list[str]]:
    """(fields, chosen towns) of the form; what was typed is kept for an error's page."""
    form = await request.form()
    fields = {k: v for k, v in form.items() if isinstance(v, str)}
    keep_input(request, **{k: fields.get(k, "") for k in KEPT})
    return fields, [x for x in form.getall("towns", []) if isinstance(x, str)]
