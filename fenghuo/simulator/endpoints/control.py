"""/sim/...: to control the simulation (roster, faults, reset) and to read it (counts, log, timeline)."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from fenghuo.errors import Refused
from fenghuo.simulator import dashboard, faults, roster
from fenghuo.simulator.delivered_messages import DeliveredText, count, reached
from fenghuo.simulator.platform import SimulatedPlatform

LOG_PAGE = 10_000
POINTS = 200
SHARES = (50, 90, 99)
ControlHandler = Callable[[SimulatedPlatform, web.Request], Awaitable[dict[str, Any]]]


async def take_roster(platform: SimulatedPlatform, request: web.Request) -> dict[str, Any]:
    """Use the roster in the body from now on."""
    platform.use(roster.read(await _body(request)))
    new = platform.roster
    return {
        "robots": len(new.robots), "chats": len(new.chats), "hooks": len(new.hooks),
        "groups": len(new.groups), "officers": len(new.officers),
    }  # fmt: skip


async def take_faults(platform: SimulatedPlatform, request: web.Request) -> dict[str, Any]:
    """Use the faults in the body from now on; {} ends them."""
    platform.faults = faults.read(await _body(request))
    return {"ways": sorted(platform.faults.ways), "dead_credentials": platform.faults.dead_credentials}


async def reset(platform: SimulatedPlatform, request: web.Request) -> dict[str, Any]:
    """Drop all messages and requests."""
    platform.reset()
    return {}


async def state(platform: SimulatedPlatform, request: web.Request) -> dict[str, Any]:
    """The simulation's clock and its totals."""
    delivered, now_s = platform.delivered, platform.clock.now_s()
    return {
        "speed": platform.clock.speed, "seed": platform.seed, "elapsed_s": now_s,
        "local_time": platform.clock.local(now_s).isoformat(timespec="seconds"),
        "shown": delivered.shown, "doubles": delivered.doubles, "asked_again": delivered.asked_again,
        "forgotten_texts": delivered.forgotten, "open_tasks": platform.mass_sends.open(),
        "notices": sum(platform.notices.values()), "officers": platform.officers(),
    }  # fmt: skip


async def groups(platform: SimulatedPlatform, request: web.Request) -> dict[str, Any]:
    """What the group ?group= got, or each group."""
    only = request.query.get("group")
    wanted = platform.delivered.groups if only is None else {only: platform.delivered.groups.get(only, ())}
    return {
        "groups": {
            group_id: [{"text_sha": x.text_sha, "at_ms": x.at_ms, "channel": x.channel} for x in shown]
            for group_id, shown in wanted.items()
        }
    }


async def counts(platform: SimulatedPlatform, request: web.Request) -> dict[str, Any]:
    """How many groups have a text (?text_sha= or ?contains=), and doubles; with ?ids=1 which groups."""
    texts = _texts(platform, request)
    counted = count(texts)
    if request.query.get("ids"):
        counted["group_ids"] = sorted({group_id for text in texts for group_id in text.groups})
    return {
        **counted,
        "asked_again": platform.delivered.asked_again,
        "forgotten_texts": platform.delivered.forgotten,
    }


async def log(platform: SimulatedPlatform, request: web.Request) -> dict[str, Any]:
    """What was shown after message number ?since=, oldest first, at most LOG_PAGE, with the texts."""
    rows = []
    for shown in platform.delivered.since(_whole(request, "since", 0)):
        rows.append(
            {"number": shown.number, "at_ms": shown.at_ms, "group_id": shown.group_id,
             "channel": shown.channel, "text_sha": shown.text_sha}
        )  # fmt: skip
        if len(rows) == LOG_PAGE:
            break
    known = platform.delivered.texts
    texts = {sha: known[sha].text for sha in {row["text_sha"] for row in rows} if sha in known}
    return {"shown": rows, "texts": texts, "next": rows[-1]["number"] if rows else None}


async def timeline(platform: SimulatedPlatform, request: web.Request) -> dict[str, Any]:
    """When each share of residents had a text, in simulated seconds since the real time ?since_ms=.

    Shares of all residents of the roster, or of ?residents=.
    """
    steps = reached(_texts(platform, request), platform.members)
    since_s = platform.clock.sim_s(_whole(request, "since_ms", steps[0][0] if steps else 0))
    residents = _whole(request, "residents", sum(platform.members.values()))
    curve = [(round(platform.clock.sim_s(at_ms) - since_s, 3), total) for at_ms, total in steps]
    at_s = {
        str(share): next((at for at, total in curve if total * 100 >= residents * share), None)
        if residents
        else None
        for share in SHARES
    }
    every = max(1, len(curve) // POINTS)
    points = curve[::every] + (curve[-1:] if curve and (len(curve) - 1) % every else [])
    return {
        "residents": residents, "reached": curve[-1][1] if curve else 0, "at_s": at_s,
        "points": [[at, total / residents if residents else 0.0] for at, total in points],
    }  # fmt: skip


def add_routes(app: web.Application, platform: SimulatedPlatform, mark: Mapping[str, str]) -> None:
    """Add the routes of /sim/ to ``app``."""

    def as_json(handler: ControlHandler) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            platform.mass_sends.settle()
            try:
                _admit(request)
                body_fields, status = await handler(platform, request), 200
            except Refused as error:
                body_fields, status = {"error": str(error)}, 400
            body = json.dumps({"simulation": True, **body_fields}, ensure_ascii=False).encode()
            return web.Response(body=body, status=status, headers=mark, content_type="application/json")

        return handle

    async def page(_request: web.Request) -> web.Response:
        platform.mass_sends.settle()
        secured = {**mark, "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return web.Response(text=dashboard.render(platform), content_type="text/html", headers=secured)

    for path, handler in (("roster", take_roster), ("faults", take_faults), ("reset", reset)):
        app.router.add_post(f"/sim/{path}", as_json(handler))
    for path, handler in (
        ("state", state), ("groups", groups), ("counts", counts), ("log", log), ("timeline", timeline),
    ):  # fmt: skip
        app.router.add_get(f"/sim/{path}", as_json(handler))
    app.router.add_get("/sim/", page)


def _admit(request: web.Request) -> None:
    """Raise Refused for a change requested by a page of another site in a browser."""
    if request.method == "POST" and "Origin" in request.headers:
        raise Refused("pages of other sites may not change the simulation")


async def _body(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError):
        raise Refused("the body is no JSON") from None


def _whole(request: web.Request, name: str, usual: int) -> int:
    given = request.query.get(name, str(usual))
    if not given.isascii() or not given.isdigit() or len(given) > 18:
        raise Refused(f"{name} is a whole number")
    return int(given)


def _texts(platform: SimulatedPlatform, request: web.Request) -> list[DeliveredText]:
    return platform.delivered.find(request.query.get("text_sha", ""), request.query.get("contains", ""))
