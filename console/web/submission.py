"""Submitted forms: reading them, publishing what was decided, waiting for its outcome."""

import asyncio
import re
from collections.abc import Mapping
from uuid import uuid4

from litestar.datastructures import FormMultiDict
from litestar.exceptions import ClientException

from console.web.authentication import ViewerRequest
from console.web.dependencies import Dependencies
from console.web.rendering import AnyRequest
from fenghuo.domain.events import ClusterCorrected, DecisionMade, UrgentHandled
from fenghuo.errors import Unavailable

Form = Mapping[str, str]
TYPED_FIELDS = ("title", "text", "correction", "expression", "override", "reason")
"""Fields that an error page shows again as they were typed."""
REASON_LIMIT = 500
_POLL_S = 0.05
_ID = re.compile(r"[0-9a-f]{32}")
WAIT_S = 3.0
"""How long a page waits for the outcome of its decision before it says that the decision is under way."""


class BadForm(ClientException):
    """A form that none of our pages sends. Answered with 400; nothing was done."""


def new_id() -> str:
    return uuid4().hex


def is_id(text: str) -> bool:
    """Whether ``text`` has the form of ``new_id``."""
    return _ID.fullmatch(text) is not None


def decision_id_of(form: Form) -> str:
    """The id that the page put into ``form``, which makes a second submission the same decision.

    Raises BadForm without one.
    """
    decision_id = form.get("decision_id", "")
    if not is_id(decision_id):
        raise BadForm("no decision_id")
    return decision_id


def text_fields(form: FormMultiDict) -> dict[str, str]:
    """The form's fields without its files; of a repeated field the last value."""
    return {name: value for name, value in form.items() if isinstance(value, str)}


def values_of_field(form: FormMultiDict, name: str) -> list[str]:
    """All values of a repeated field, such as ticked boxes."""
    return [value for value in form.getall(name, []) if isinstance(value, str)]


async def read_form(request: ViewerRequest) -> dict[str, str]:
    """The form's fields; TYPED_FIELDS and the reasons of clearances are kept for an error page."""
    fields = text_fields(await request.form())
    typed = {name: text for name, text in fields.items() if name in TYPED_FIELDS or name.startswith("clear-")}
    keep_input(request, **typed)
    return fields


def keep_input(request: AnyRequest, **typed: str) -> None:
    """Remember what was typed, so that an error page can give it back."""
    request.scope["state"]["typed"] = {name: text for name, text in typed.items() if text.strip()}


async def publish_and_wait(
    deps: Dependencies, event: DecisionMade | ClusterCorrected | UrgentHandled
) -> str | None:
    """Publish ``event`` unless it is settled already, and return its code: "ok" or the reason against it.

    None if it is not settled within WAIT_S. Raises Unavailable or Crowded if the broker did not take it: then
    nothing was decided.
    """
    settled = await deps.desk.order_outcomes.get(event.event_id)
    if settled is not None:
        return settled[0]
    deps.require_started()
    await deps.transport.publish([event])
    try:
        async with asyncio.timeout(WAIT_S):
            return await _poll_outcome(deps, event.event_id)
    except (TimeoutError, Unavailable):
        return None


async def _poll_outcome(deps: Dependencies, decision_id: str) -> str:
    while True:
        settled = await deps.desk.order_outcomes.get(decision_id)
        if settled is not None:
            return settled[0]
        await asyncio.sleep(_POLL_S)
