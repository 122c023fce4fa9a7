"""/wall: the messages in the groups of the sandbox, as the sandbox channel of broadcast wrote them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Response, get

from console.web import permissions
from console.web.dependencies import Dependencies, Deps
from console.web.rendering import AnyRequest, render_fragment, render_page
from console.web.words import Words
from fenghuo.desk.deliveries import WallEntry
from fenghuo.desk.redis import reaching_redis
from fenghuo.domain.events import Group

GROUPS_SHOWN = 36
MESSAGES_SHOWN = 3
_SEARCHED = 4000
"""Number of latest messages that are searched for groups of one town."""


class WallMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message on a group's wall."""

    group_id: str
    kind: str
    text: str
    at_ms: int
    alert_id: str | None = None
    report_id: str | None = None


_MESSAGE = msgspec.json.Decoder(WallMessage)


@dataclass(frozen=True, slots=True)
class Screen:
    """One group's screen: its latest messages, the newest last."""

    group_id: str
    name: str
    town: str
    members: int
    messages: Sequence[WallMessage]


async def latest_groups(deps: Dependencies, town: str, groups: Mapping[str, Group]) -> list[str]:
    """The groups with the latest messages; only groups of ``town`` if it is given."""
    async with reaching_redis():
        raw = await deps.desk.client.zrevrange(deps.desk.keys.wall_recent, 0, _SEARCHED - 1)
    ids = dict.fromkeys(WallEntry.decode(member).group_id for member in raw)
    found = [x for x in ids if not town or (x in groups and groups[x].place.town == town)]
    return found[:GROUPS_SHOWN]


async def load_screens(deps: Dependencies, town: str) -> list[Screen]:
    groups = await deps.groups()
    ids = await latest_groups(deps, town, groups)
    async with reaching_redis():
        pipe = deps.desk.client.pipeline(transaction=False)
        for group_id in ids:
            pipe.hvals(deps.desk.keys.wall(group_id))
        raw = await pipe.execute() if ids else []
    return [_screen(group_id, groups.get(group_id), found) for group_id, found in zip(ids, raw, strict=True)]


def _screen(group_id: str, group: Group | None, raw: Sequence[bytes]) -> Screen:
    messages = sorted((_MESSAGE.decode(x) for x in raw), key=lambda m: m.at_ms)[-MESSAGES_SHOWN:]
    if group is None:
        return Screen(group_id, group_id, "", 0, messages)
    return Screen(group_id, group.name, group.place.town, group.members, messages)


async def values_of(deps: Dependencies, town: str) -> dict[str, Any]:
    alerts = await deps.cache.get_or_load("alerts", deps.desk.alerts.all)
    released = [a for a in alerts if a.approved_at is not None]
    latest = max(released, key=lambda a: a.approved_at or a.changed_at, default=None)
    shown = planned = 0
    if latest:
        rows = await deps.desk.deliveries.ledger(latest.alert_id, latest.version)
        count = await deps.desk.deliveries.planned_count(latest.alert_id, latest.version)
        planned = max(count or 0, len(rows))
        shown = sum(row.state == "shown" for row in rows.values())
    return {"screens": await load_screens(deps, town), "latest": latest, "shown": shown, "planned": planned}


async def fragments(deps: Dependencies, t: Words, town: str) -> dict[str, str]:
    """The live part of the page: counter and screens."""
    values = await deps.cache.get_or_load(f"wall:{town[:40]}", lambda: values_of(deps, town))
    return {"screens": render_fragment("_wall.html", t, **values)}


@get("/wall", guards=[permissions.page("wall")])
async def wall(request: AnyRequest, deps: Deps) -> Response[Any]:
    town = request.query_params.get("town", "")
    groups = await deps.groups()
    towns = sorted({group.place.town for group in groups.values() if group.place.town})
    return render_page(request, "wall.html", town=town, towns=towns, **await values_of(deps, town))


HANDLERS = [wall]
