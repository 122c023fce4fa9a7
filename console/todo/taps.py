"""Submitting an officer's taps: one event for each group whose delivery still waits for it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec

from console.web.dependencies import Dependencies
from console.web.submission import BadForm
from fenghuo import clock
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId
from fenghuo.domain.channels import TAPPED_HERE
from fenghuo.domain.delivery import LatestRelease, LedgerRow
from fenghuo.domain.taps import OPEN_TO_TAP, is_current_release, may_tap, tap_id_of

MAX_TAPS = 500
"""Taps of one request."""
GONE = frozenset({"recalled", "replaced", "expired"})
"""Reasons why a text must not be sent any more; ``already`` records that it had been sent before."""
_DAY_MS = 86_400_000
_WHOLE_NUMBER = re.compile("[0-9]{1,9}")
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class TapInput(msgspec.Struct, frozen=True, kw_only=True):
    alert_id: Id
    version: int
    kind: e.TextKind
    group_id: Id
    tapped_at_ms: int = 0
    """By the device's clock; 0: now."""


class TapRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Taps that were made together. Idempotent: repeated under the same ``press_id``, they count once."""

    press_id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    taps: Annotated[tuple[TapInput, ...], msgspec.Meta(min_length=1, max_length=MAX_TAPS)]
    undo: bool = False
    already: bool = False
    """The officer says that the text had been sent before it was recalled or replaced."""


@dataclass(frozen=True, slots=True)
class TapResult:
    """The taps that were published, and (group id, reason) of the refused ones."""

    taps: Sequence[e.TapMade]
    refused: Sequence[tuple[str, str]]

    @property
    def status(self) -> int:
        """202 if a tap was taken, now or before; 410 if the text must not be sent any more."""
        reasons = {reason for _, reason in self.refused}
        if self.taps or reasons <= {"done"}:
            return 202
        if reasons & GONE:
            return 410
        return 403 if reasons == {"not_yours"} else 409


async def submit_taps(deps: Dependencies, person: e.Person, tap_request: TapRequest) -> TapResult:
    """Publish the taps that count by the state of the desk; Unavailable without a broker."""
    deps.require_started()
    taps = await _events_of(deps, person, tap_request)
    rows = await deps.desk.deliveries.rows(taps)
    latest = await deps.desk.releases.latest(sorted({x.alert_id for x in taps}))
    groups = await deps.groups()
    accepted, refused = [], []
    for tap, row in zip(taps, rows, strict=True):
        group = groups.get(tap.group_id)
        if group is None or not may_tap(person, group):
            reason: str | None = "not_yours"
        elif tap.undo:
            reason = undo_refusal(tap, row, latest.get(tap.alert_id), deps.settings.undo_s)
        else:
            reason = tap_refusal(tap, row, latest.get(tap.alert_id), already=tap_request.already)
        if reason is None:
            accepted.append(tap)
        else:
            refused.append((tap.group_id, reason))
    if accepted:
        await deps.transport.publish(accepted)
    return TapResult(accepted, refused)


async def _events_of(deps: Dependencies, person: e.Person, tap_request: TapRequest) -> list[e.TapMade]:
    """One event for each group."""
    now = clock.now()
    keys = {(x.alert_id, x.version) for x in tap_request.taps}
    releases = {key: await deps.desk.releases.get(*key) for key in keys}
    events: dict[str, e.TapMade] = {}
    for x in tap_request.taps:
        release = releases[x.alert_id, x.version]
        tap_id = tap_id_of(tap_request.press_id, x.alert_id, x.version, x.kind, x.group_id)
        events[tap_id] = e.TapMade(
            event_id=tap_id, at=now, tap_id=tap_id, person_id=person.person_id, alert_id=AlertId(x.alert_id),
            version=x.version, kind=x.kind, group_id=x.group_id, undo=tap_request.undo,
            tapped_at=clamp_tap_time(x.tapped_at_ms, now, release.approved_at if release else now),
        )  # fmt: skip
    return list(events.values())


def clamp_tap_time(tapped_at_ms: int, now: datetime, released_at: datetime) -> datetime:
    """The device's time of a tap if it is plausible: after the release and within the last day; else ``now``.

    A time before the release becomes the time of the release. Pure.
    """
    now_ms = clock.to_ms(now)
    if not now_ms - _DAY_MS <= tapped_at_ms <= now_ms:
        return now
    return max(clock.from_ms(tapped_at_ms), released_at)


def tap_refusal(
    tap: e.TapMade, row: LedgerRow | None, latest: LatestRelease | None, *, already: bool
) -> str | None:
    """Why a tap is refused (a key of ``todo.why_*``); None if it is accepted. Pure.

    A tap on a text that was recalled or replaced is accepted if it was made before that, or if the officer
    confirms with ``already``.
    """
    if row is None or latest is None:
        return "unknown"
    if row.channel not in TAPPED_HERE:
        return "elsewhere"
    if row.state not in OPEN_TO_TAP:
        return "done" if row.state is e.DeliveryState.SHOWN else "early"
    waiting = row.state is e.DeliveryState.WAITING
    made_before = not waiting and clock.to_ms(tap.tapped_at) < row.at_ms
    if already or made_before or (waiting and is_current_release(tap.kind, tap.version, latest)):
        return None
    if latest.version > tap.version:
        return "replaced"
    return latest.change if latest.change in GONE else "unknown"


def undo_refusal(
    tap: e.TapMade, row: LedgerRow | None, latest: LatestRelease | None, undo_s: float
) -> str | None:
    """Why a tap cannot be undone; None if it can, also while it waits to be counted. Pure."""
    if row is None or latest is None or row.channel not in TAPPED_HERE:
        return "unknown"
    if not is_current_release(tap.kind, tap.version, latest):
        return "undo_gone"
    if row.state is e.DeliveryState.WAITING:
        return None
    if row.state is not e.DeliveryState.SHOWN or row.cause != "tap" or row.by != tap.person_id:
        return "undo_other"
    is_late = clock.to_ms(tap.tapped_at) - row.at_ms > undo_s * 1000
    return "undo_late" if is_late else None


def tap_request_from_form(
    fields: Mapping[str, str], *, ticked: Sequence[str], listed: Sequence[str]
) -> TapRequest | None:
    """The request of a form's button: all, some, one:<group>, undo:<group> or already.

    None if the button needs ticked groups and none is; BadForm if none of our pages sends such a form.
    """
    button, _, group_id = fields.get("do", "").partition(":")
    groups = {"all": listed, "already": listed, "some": ticked}.get(button, [group_id])
    group_ids = [x for x in groups if x]
    if button in ("some", "already") and not group_ids:
        return None
    version = fields.get("version", "")
    release = {
        "alert_id": fields.get("alert_id", ""), "kind": fields.get("kind", ""),
        "version": int(version) if _WHOLE_NUMBER.fullmatch(version) else 0,
    }  # fmt: skip
    body: dict[str, Any] = {
        "press_id": fields.get("press_id", ""), "undo": button == "undo", "already": button == "already",
        "taps": [{**release, "group_id": x} for x in group_ids[:MAX_TAPS]],
    }  # fmt: skip
    try:
        return msgspec.convert(body, TapRequest)
    except msgspec.ValidationError as error:
        raise BadForm(str(error)) from error
