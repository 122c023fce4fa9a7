"""/todo: an officer's groups that wait for a warning: copy the text, paste it, say "sent". Writes taps.made.

GET and POST /todo are the page, which works without scripts; /api/todo and /api/taps are the same for
static/todo.js, which keeps presses on the phone until they have arrived, and for other programs.
"""

import asyncio
import contextlib
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.response import Redirect

from console import access
from console.decisions import new_id
from console.house import AtHand, House
from console.pages import SAFE_HEADERS, AnyRequest, render, show, words_of
from console.viewer import Viewer
from console.waiting import FRESH_S, View, book, bounded, view_of
from fenghuo import clock
from fenghuo import events as e
from fenghuo.alerts import AlertId, Role
from fenghuo.errors import Transient, Unavailable
from fenghuo.stores.projection import Row
from fenghuo.tapping import OPEN_TO_TAP, TAPPED, may_tap, still_asked, tap_id_of

AT_ONCE = 500
"""Taps of one press."""
SETTLE_S = 3.0
"""How long a page without scripts waits to see its taps counted."""
_LOOK_EVERY_S = 0.05
GONE = frozenset({"recalled", "replaced", "expired"})
"""Why a group's warning is not to be sent any more; whoever has sent it already says so (``already``)."""
TodoRequest = Request[Viewer, Any, Any]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class PressedTap(msgspec.Struct, frozen=True, kw_only=True):
    alert_id: Id
    version: int
    kind: e.Kind
    group_id: Id
    tapped_at_ms: int = 0
    """By the device's clock; 0: now."""


class Press(msgspec.Struct, frozen=True, kw_only=True):
    """One press of a button: it may arrive again and again under its id, and counts once."""

    press_id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    taps: Annotated[tuple[PressedTap, ...], msgspec.Meta(min_length=1, max_length=AT_ONCE)]
    undo: bool = False
    already: bool = False
    """That what was recalled or replaced meanwhile had been sent before."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a press: the taps that were published, and (group id, why not) of the others."""

    taps: Sequence[e.TapMade]
    refused: Sequence[tuple[str, str]]

    @property
    def status(self) -> int:
        """202 if something was taken or had been before; 410 when it is not to be sent any more."""
        whys = {why for _, why in self.refused}
        if self.taps or whys <= {"done"}:
            return 202
        if whys & GONE:
            return 410
        return 403 if whys == {"not_yours"} else 409


_PRESS = msgspec.json.Decoder(Press)
_WHOLE = re.compile("[0-9]{1,9}")


@get("/todo", guards=[access.page("todo")])
async def todo_page(request: TodoRequest, house: AtHand) -> Response[Any]:
    after = request.query_params.get("taken", "")
    view = await view_for(request, house, fresh_s=0 if after else FRESH_S)
    why = request.query_params.get("why", "")
    return show(
        request,
        "todo.html",
        taken=int(after) if after.isdecimal() and len(after) < 4 else None,
        undone="undo" in request.query_params,
        why=why if words_of(request).known(f"todo.why_{why}") else "",
        **_values(house, view),
    )


def _values(house: House, view: View) -> dict[str, Any]:
    return {"view": view, "undo_s": round(house.settings.undo_s), "new_id": new_id}


async def view_for(request: TodoRequest, house: House, fresh_s: float = FRESH_S) -> View:
    found = await book(house, fresh_s)
    return view_of(found, request.user.person, clock.now(), house.settings.undo_s)


@post("/todo", guards=[access.page("todo")])
async def todo_form(request: TodoRequest, house: AtHand) -> Response[Any]:
    """A button pressed without scripts: taken, waited for, and back to the page."""
    form = await request.form()
    fields = {k: v for k, v in form.items() if isinstance(v, str)}
    ticked = [x for x in form.getall("group", []) if isinstance(x, str)]
    every = [x for x in form.getall("shown", []) if isinstance(x, str)]
    press = press_of(fields, ticked, every)
    taken = await take(house, request.user.person, press) if press.taps else Taken((), ())
    await _counted(house, taken.taps)
    told = {"taken": str(len(taken.taps))} | ({"undo": "1"} if press.undo else {})
    whys = [why for _, why in taken.refused] or ([] if press.taps else ["none"])
    return Redirect(f"/todo?{urlencode(told | ({'why': whys[0]} if whys else {}))}", status_code=303)


def press_of(fields: Mapping[str, str], ticked: Sequence[str], every: Sequence[str]) -> Press:
    """The press that a form means by its button: all, some, one:<group>, undo:<group> or already.

    Raises HTTPException 400 for what no form of ours sends; ``taps`` is empty when nothing was ticked.
    """
    what, _, group_id = fields.get("do", "").partition(":")
    groups = {"all": every, "already": every, "some": ticked}.get(what, [group_id])
    told = {name: fields.get(name, "") for name in ("alert_id", "kind")}
    version = fields.get("version", "")
    taps = [
        {**told, "version": int(version) if _WHOLE.fullmatch(version) else 0, "group_id": g}
        for g in groups
        if g
    ]
    body: dict[str, Any] = {
        "press_id": fields.get("press_id", ""), "taps": taps[:AT_ONCE], "undo": what == "undo",
        "already": what == "already",
    }  # fmt: skip
    try:
        if what in ("some", "already") and not taps:
            return Press(press_id=fields.get("press_id", ""), taps=())
        return msgspec.convert(body, Press)
    except msgspec.ValidationError as error:
        raise HTTPException(status_code=400, detail=str(error)) from error


async def _counted(house: House, taps: Sequence[e.TapMade]) -> None:
    """Return once all of ``taps`` have counted, or after SETTLE_S."""
    with contextlib.suppress(TimeoutError, Unavailable):
        async with asyncio.timeout(SETTLE_S):
            while True:
                if len(await house.desk.taps_seen(taps)) == len(taps):
                    return
                await asyncio.sleep(_LOOK_EVERY_S)


@get("/api/todo", guards=[access.page("todo")])
async def todo_api(request: TodoRequest, house: AtHand) -> Response[Any]:
    """{"todos": [...], "done": [...], "stopped": [...], "now_ms": n}: see console.waiting.View."""
    view = await view_for(request, house)
    body = msgspec.to_builtins(view) | {"now_ms": clock.to_ms(clock.now())}
    return _json(body)


@get("/api/todo/part", guards=[access.page("todo")])
async def todo_part(request: TodoRequest, house: AtHand) -> Response[Any]:
    """The page's live part; 304 while nothing has changed. ``X-Now``: the server's clock, ms."""
    view = await view_for(request, house)
    t = words_of(request)
    tag = f'"{hashlib.sha256(msgspec.json.encode((t.language, view))).hexdigest()[:24]}"'
    headers = {"etag": tag, "x-now": str(clock.to_ms(clock.now())), "cache-control": "no-store"}
    if request.headers.get("if-none-match") == tag:
        return Response(None, status_code=304, headers=headers)
    html = render("_todos.html", t, csrf=request.headers.get("x-csrftoken", ""), **_values(house, view))
    return Response(html, media_type=MediaType.HTML, headers={**headers, **SAFE_HEADERS})


@post("/api/taps", guards=[access.page("todo")], status_code=202)
async def taps_api(request: TodoRequest, house: AtHand) -> Response[Any]:
    """Take a press: {"press_id", "taps": [...], "undo", "already"} to {"taken", "refused": [...]}.

    202 as soon as something was taken, or had been by an earlier arrival; 410 for what is not to be sent any
    more, 409 for what waits for nobody, 403 for others' groups; 400 for what is no press. The taps are with
    the broker once it answers.
    """
    try:
        press = _PRESS.decode(await request.body())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return _json({"error": "bad_press", "why": str(error)[:200]}, 400)
    taken = await take(house, request.user.person, press)
    t = words_of(request)
    refused = [
        {"group_id": group_id, "why": why, "say": t(f"todo.why_{why}")} for group_id, why in taken.refused
    ]
    return _json({"taken": len(taken.taps), "refused": refused}, taken.status)


def _json(body: dict[str, Any], status: int = 200) -> Response[Any]:
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(msgspec.json.encode(body), status_code=status, media_type=MediaType.JSON, headers=headers)


async def take(house: House, person: e.Person, press: Press) -> Taken:
    """Publish the taps of ``press`` that count by the desk as it is; Unavailable when the broker is away."""
    if not house.started():
        raise Unavailable("the room is still starting")
    made = await _made(house, person, press)
    rows = await house.desk.ledger_rows(made)
    standing = await house.desk.standing(sorted({x.alert_id for x in made}))
    groups = await house.groups()
    taken, refused = [], []
    for tap, row in zip(made, rows, strict=True):
        group = groups.get(tap.group_id)
        if group is None or not may_tap(person, group):
            why: str | None = "not_yours"
        elif tap.undo:
            why = why_no_undo(tap, row, standing.get(tap.alert_id), house.settings.undo_s)
        else:
            why = why_no_tap(tap, row, standing.get(tap.alert_id), already=press.already)
        if why is None:
            taken.append(tap)
        else:
            refused.append((tap.group_id, why))
    if taken:
        await house.transport.publish(taken)
    return Taken(taken, refused)


async def _made(house: House, person: e.Person, press: Press) -> list[e.TapMade]:
    """The press as events, each group once."""
    now = clock.now()
    releases = {key: await house.desk.release(*key) for key in {(x.alert_id, x.version) for x in press.taps}}
    made: dict[str, e.TapMade] = {}
    for x in press.taps:
        release = releases[x.alert_id, x.version]
        tap_id = tap_id_of(press.press_id, x.alert_id, x.version, x.kind, x.group_id)
        made[tap_id] = e.TapMade(
            event_id=tap_id, at=now, tap_id=tap_id, person_id=person.person_id, alert_id=AlertId(x.alert_id),
            version=x.version, kind=x.kind, group_id=x.group_id, undo=press.undo,
            tapped_at=bounded(x.tapped_at_ms, now, release.approved_at if release else now),
        )  # fmt: skip
    return list(made.values())


def why_no_tap(
    tap: e.TapMade, row: Row | None, standing: tuple[int, str] | None, *, already: bool
) -> str | None:
    """Why a tap is not taken (a key of ``todo.why_*``); None if it is. Pure.

    What was recalled or replaced is asked about once more, unless it was tapped before that.
    """
    if row is None or standing is None:
        return "unknown"
    if row.channel not in TAPPED:
        return "elsewhere"
    if row.state not in OPEN_TO_TAP:
        return "done" if row.state is e.DeliveryState.SHOWN else "early"
    waiting = row.state is e.DeliveryState.WAITING
    before = not waiting and clock.to_ms(tap.tapped_at) < row.at_ms
    if already or before or (waiting and still_asked(tap.kind, tap.version, standing)):
        return None
    version, release = standing
    return "replaced" if version > tap.version else release if release in GONE else "unknown"


def why_no_undo(
    tap: e.TapMade, row: Row | None, standing: tuple[int, str] | None, undo_s: float
) -> str | None:
    """Why a tap is not taken back; None if it is. Pure. A tap that waits to be counted still may be."""
    if row is None or standing is None or row.channel not in TAPPED:
        return "unknown"
    if not still_asked(tap.kind, tap.version, standing):
        return "undo_gone"
    if row.state is e.DeliveryState.WAITING:
        return None
    if row.state is not e.DeliveryState.SHOWN or row.cause != "tap" or row.by != tap.person_id:
        return "undo_other"
    late = clock.to_ms(tap.tapped_at) - row.at_ms > undo_s * 1000
    return "undo_late" if late else None


def counting(house: House) -> Callable[[AnyRequest], Awaitable[None]]:
    """A hook before each page: how many groups wait for an officer, for the navigation."""

    async def count(request: AnyRequest) -> None:
        viewer: Viewer | None = request.scope.get("user")
        path = request.url.path
        if viewer is None or viewer.person.role is not Role.OFFICER or request.method != "GET":
            return
        if path.startswith(("/api", "/live", "/static")):
            return
        try:
            found = await book(house)
        except Transient:
            return  # the page itself says that the desk is away
        view = view_of(found, viewer.person, clock.now(), house.settings.undo_s)
        request.scope["state"]["waiting"] = view.waiting

    return count


HANDLERS = [todo_page, todo_form, todo_api, todo_part, taps_api]
