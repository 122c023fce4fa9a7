"""Taking an officer's press: one tap for each group that still waits for it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar.exceptions import HTTPException

from console.todo.worklist import clamp_tap_time
from console.web.dependencies import Dependencies
from fenghuo import clock
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId
from fenghuo.domain.channels import TAPPED_HERE
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.taps import OPEN_TO_TAP, is_current_release, may_tap, tap_id_of
from fenghuo.errors import Unavailable

AT_ONCE = 500
"""Taps of one press."""
GONE = frozenset({"recalled", "replaced", "expired"})
"""Why a group's warning is not to be sent any more; whoever has sent it already says so (``already``)."""
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class TapInput(msgspec.Struct, frozen=True, kw_only=True):
    alert_id: Id
    version: int
    kind: e.Kind
    group_id: Id
    tapped_at_ms: int = 0
    """By the device's clock; 0: now."""


class TapRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One press of a button: it may arrive again and again under its id, and counts once."""

    press_id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    taps: Annotated[tuple[TapInput, ...], msgspec.Meta(min_length=1, max_length=AT_ONCE)]
    undo: bool = False
    already: bool = False
    """That what was recalled or replaced meanwhile had been sent before."""


@dataclass(frozen=True, slots=True)
class TapResult:
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


async def take(house: Dependencies, person: e.Person, press: TapRequest) -> TapResult:
    """Publish the taps of ``press`` that count by the desk as it is; Unavailable when the broker is away."""
    if not house.started():
        raise Unavailable("the room is still starting")
    made = await _made(house, person, press)
    rows = await house.desk.deliveries.rows(made)
    standing = await house.desk.releases.latest(sorted({x.alert_id for x in made}))
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
    return TapResult(taken, refused)


async def _made(house: Dependencies, person: e.Person, press: TapRequest) -> list[e.TapMade]:
    """The press as events, each group once."""
    now = clock.now()
    keys = {(x.alert_id, x.version) for x in press.taps}
    releases = {key: await house.desk.releases.get(*key) for key in keys}
    made: dict[str, e.TapMade] = {}
    for x in press.taps:
        release = releases[x.alert_id, x.version]
        tap_id = tap_id_of(press.press_id, x.alert_id, x.version, x.kind, x.group_id)
        made[tap_id] = e.TapMade(
            event_id=tap_id, at=now, tap_id=tap_id, person_id=person.person_id, alert_id=AlertId(x.alert_id),
            version=x.version, kind=x.kind, group_id=x.group_id, undo=press.undo,
            tapped_at=clamp_tap_time(x.tapped_at_ms, now, release.approved_at if release else now),
        )  # fmt: skip
    return list(made.values())


def why_no_tap(
    tap: e.TapMade, row: LedgerRow | None, standing: tuple[int, str] | None, *, already: bool
) -> str | None:
    """Why a tap is not taken (a key of ``todo.why_*``); None if it is. Pure.

    What was recalled or replaced is asked about once more, unless it was tapped before that.
    """
    if row is None or standing is None:
        return "unknown"
    if row.channel not in TAPPED_HERE:
        return "elsewhere"
    if row.state not in OPEN_TO_TAP:
        return "done" if row.state is e.DeliveryState.SHOWN else "early"
    waiting = row.state is e.DeliveryState.WAITING
    before = not waiting and clock.to_ms(tap.tapped_at) < row.at_ms
    if already or before or (waiting and is_current_release(tap.kind, tap.version, standing)):
        return None
    version, release = standing
    return "replaced" if version > tap.version else release if release in GONE else "unknown"


def why_no_undo(
    tap: e.TapMade, row: LedgerRow | None, standing: tuple[int, str] | None, undo_s: float
) -> str | None:
    """Why a tap is not taken back; None if it is. Pure. A tap that waits to be counted still may be."""
    if row is None or standing is None or row.channel not in TAPPED_HERE:
        return "unknown"
    if not is_current_release(tap.kind, tap.version, standing):
        return "undo_gone"
    if row.state is e.DeliveryState.WAITING:
        return None
    if row.state is not e.DeliveryState.SHOWN or row.cause != "tap" or row.by != tap.person_id:
        return "undo_other"
    late = clock.to_ms(tap.tapped_at) - row.at_ms > undo_s * 1000
    return "undo_late" if late else None


def press_of(fields: Mapping[str, str], ticked: Sequence[str], every: Sequence[str]) -> TapRequest:
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
            return TapRequest(press_id=fields.get("press_id", ""), taps=())
        return msgspec.convert(body, TapRequest)
    except msgspec.ValidationError as error:
        raise HTTPException(status_code=400, detail=str(error)) from error


_WHOLE = re.compile("[0-9]{1,9}")
