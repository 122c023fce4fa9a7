"""Simulated officers at a to-do page: they log in, forward, and report each tap, over a bad network too."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

import uvicorn
from litestar import Litestar, Request, Response, get, post
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotAuthorizedException
from litestar.params import Body
from litestar.response import Redirect

from fenghuo.simulator.officers import Officers
from tests.support.simulated_platform import Simulation, simulation
from tests.support.waiting import until

QUICK = {"median_s": 1, "sigma": 0.1, "night": 1.0, "taps": 1.0, "heeds": 1.0}
ASKED_ONLY = {**QUICK, "taps": 0.0}


class Console:
    """A to-do page with the console's contract and CSRF: who may log in, what waits, what was reported."""

    def __init__(self) -> None:
        self.todos: dict[str, list[dict[str, Any]]] = {}
        self.presses: list[dict[str, Any]] = []
        self.taken: dict[str, dict[str, Any]] = {}
        self.logins: list[str] = []
        self.lose = 0
        """So many reports are taken and then answered with 503."""
        self.sessions: set[str] = set()
        self.looked: Callable[[], None] = lambda: None
        """Called while a look at the page is being answered."""
        self.recalled: set[str] = set()
        """The groups whose warning was recalled in the very moment between forwarding and reporting."""

    def ask(self, person: str, *groups: str, text: str = "预警", level: str = "owner") -> None:
        waiting = [{"group_id": g, "name": g, "level": level} for g in groups]
        self.todos.setdefault(person, []).append(
            {"alert_id": "A1", "version": 1, "kind": "warning", "text": text, "severity": "severe",
             "since_ms": 0, "groups": waiting}
        )  # fmt: skip

    def who(self, request: Request[Any, Any, Any]) -> str:
        person = request.cookies.get("session", "")
        if person not in self.sessions:
            raise NotAuthorizedException
        return person

    def take(self, person: str, press: dict[str, Any]) -> None:
        self.presses.append(press)
        if press["press_id"] in self.taken:
            return
        if not press.get("already") and self.recalled & {tap["group_id"] for tap in press["taps"]}:
            return
        self.taken[press["press_id"]] = press
        tapped = {tap["group_id"] for tap in press["taps"]}
        for todo in self.todos[person]:
            todo["groups"] = [g for g in todo["groups"] if g["group_id"] not in tapped]

    def reported(self) -> list[str]:
        """The groups of all presses, each press counted once."""
        return sorted(tap["group_id"] for press in self.taken.values() for tap in press["taps"])

    def web(self) -> Litestar:
        console = self

        @get("/login")
        async def page() -> str:
            return "login"

        @post("/login")
        async def login(
            data: Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)],
        ) -> Response[Any]:
            console.logins.append(data["person"])
            if data["password"] != "p":
                return Response("no", status_code=401)
            console.sessions.add(data["person"])
            return Redirect("/", status_code=303, cookies=[Cookie(key="session", value=data["person"])])

        @get("/api/todo")
        async def todo(request: Request[Any, Any, Any]) -> dict[str, Any]:
            answer = {"todos": console.todos.get(console.who(request), [])}
            console.looked()
            return answer

        @post("/api/taps", status_code=202)
        async def taps(
            request: Request[Any, Any, Any], data: Annotated[dict[str, Any], Body()]
        ) -> Response[dict[str, Any]]:
            console.take(console.who(request), data)
            if console.lose:
                console.lose -= 1
                return Response({}, status_code=503)
            gone = console.recalled if not data.get("already") else ()
            refused = [
                {"group_id": t["group_id"], "why": "recalled"} for t in data["taps"] if t["group_id"] in gone
            ]
            return Response({"taken": 0, "refused": refused}, status_code=410 if refused else 202)

        csrf = CSRFConfig(secret="s" * 32, cookie_name="fenghuo_csrf", cookie_httponly=True)
        return Litestar([page, login, todo, taps], csrf_config=csrf, openapi_config=None, logging_config=None)


@asynccontextmanager
async def at_work(
    console: Console, *officers: dict[str, str], profile: dict[str, Any]
) -> AsyncIterator[tuple[Simulation, Officers]]:
    """Officers of a simulation at work on ``console``."""
    server = uvicorn.Server(uvicorn.Config(console.web(), log_level="critical", lifespan="off"))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    listening = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    roster = {"officers": [*officers], "profiles": {"usual": profile}, "webhook_secret": "hook-secret"}
    async with simulation(roster) as sim:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        playing = Officers(sim.platform, url, poll_s=0.05)
        working = asyncio.create_task(playing.work())
        try:
            yield sim, playing
        finally:
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working
            server.should_exit = True
            await serving
            listening.close()


def person(name: str, password: str = "p") -> dict[str, str]:
    return {"person_id": name, "password": password}


async def seen(playing: Officers, polls: int = 3) -> None:
    """Wait until the officers have looked some more times."""
    target = playing.tally["polls"] + polls

    async def looked() -> bool:
        return playing.tally["polls"] >= target

    await until(looked, what="looks at the page")


async def reports(console: Console, count: int, sim: Simulation) -> None:
    """Let time pass until so many groups were reported."""

    async def there() -> bool:
        sim.watch.at += 1
        return len(console.reported()) >= count

    await until(there, what="taps")


async def test_an_officer_forwards_when_the_moment_has_come_and_reports_it() -> None:
    console = Console()
    console.ask("wang", "g1", "g2")
    async with at_work(console, person("wang"), profile=QUICK) as (sim, playing):
        await seen(playing)
        assert console.presses == []
        assert sim.platform.delivered.shown == 0
        await reports(console, 2, sim)
        await seen(playing)
        assert console.reported() == ["g1", "g2"]
        assert sim.got("g1") == sim.got("g2") == ["预警"]
        (press,) = console.presses
        assert len(press["press_id"]) == 32
        assert press["undo"] is False
        tap = press["taps"][0]
        assert (tap["alert_id"], tap["version"], tap["kind"]) == ("A1", 1, "warning")
        assert sim.platform.delivered.log[0].channel == "relay"


async def test_a_report_without_an_answer_is_posted_again_as_the_same_press() -> None:
    console = Console()
    console.lose = 1
    console.ask("wang", "g1")
    async with at_work(console, person("wang"), profile=QUICK) as (sim, playing):
        await seen(playing)
        sim.watch.at = 10

        async def twice() -> bool:
            return len(console.presses) == 2

        await until(twice, what="the second try")
        assert console.presses[0] == console.presses[1]
        assert sim.got("g1") == ["预警"]
        assert sim.platform.delivered.doubles == 0


async def test_nothing_is_forwarded_that_was_taken_back_before_the_tap() -> None:
    console = Console()
    console.ask("wang", "g1")
    async with at_work(console, person("wang"), profile=QUICK) as (sim, playing):
        await seen(playing)
        console.todos.clear()
        sim.watch.at = 10
        await seen(playing, 5)
        assert sim.platform.delivered.shown == 0
        assert console.presses == []


async def test_an_officer_looks_once_more_right_before_forwarding() -> None:
    """The warning is taken back just after the look at which the moment had come."""
    console = Console()
    console.ask("wang", "g1")
    async with at_work(console, person("wang"), profile=QUICK) as (sim, playing):
        await seen(playing)

        def take_back() -> None:
            sim.watch.at = 10
            console.todos.clear()

        console.looked = take_back
        await seen(playing, 5)
        assert sim.platform.delivered.shown == 0
        assert console.presses == []


async def test_a_deputy_who_finds_the_text_in_the_group_reports_without_forwarding() -> None:
    console = Console()
    console.ask("wang", "g1")
    console.ask("zhao", "g1", level="deputy")
    async with at_work(console, person("wang"), person("zhao"), profile=QUICK) as (sim, playing):
        await seen(playing, 6)
        await reports(console, 2, sim)
        await seen(playing, 6)
        assert console.reported() == ["g1", "g1"]
        assert sim.got("g1") == ["预警"]
        assert playing.tally["already_there"] == 1


async def test_a_notice_makes_an_officer_tap() -> None:
    console = Console()
    console.ask("wang", "g1")
    async with at_work(console, person("wang"), profile=ASKED_ONLY) as (sim, playing):
        sim.watch.at = 1000
        await seen(playing)
        assert console.presses == []
        await sim.hook("wang", {"text": "还有 1 个群待发"}, "n1", place="notice")
        await seen(playing)
        await reports(console, 1, sim)
        await seen(playing)
        assert (await sim.get("/sim/state"))["officers"]["taps"] == 1


async def test_an_officer_whose_session_ended_logs_in_again() -> None:
    console = Console()
    async with at_work(console, person("wang"), profile=QUICK) as (sim, playing):
        await seen(playing)
        console.sessions.clear()
        console.ask("wang", "g1")

        async def twice() -> bool:
            return playing.tally["logins"] == 2

        await until(twice, what="the second login")
        await seen(playing)
        await reports(console, 1, sim)


async def test_a_wrong_password_keeps_nobody_else_out() -> None:
    console = Console()
    console.ask("wang", "g1")
    async with at_work(console, person("zhao", "wrong"), person("wang"), profile=QUICK) as (sim, playing):
        await seen(playing)
        await reports(console, 1, sim)
        assert playing.tally["kept_out"] >= 1
        assert console.reported() == ["g1"]


async def test_what_was_recalled_between_forwarding_and_reporting_is_reported_as_sent_already() -> None:
    console = Console()
    console.recalled = {"g1"}
    console.ask("wang", "g1")
    async with at_work(console, person("wang"), profile=QUICK) as (sim, playing):
        await seen(playing)
        await reports(console, 1, sim)
        await seen(playing)
        first, second = console.presses
        assert "already" not in first
        assert second["already"] is True
        assert second["taps"] == first["taps"]
        assert (playing.tally["refused"], playing.tally["already_sent"], playing.tally["taps"]) == (1, 1, 1)
        assert sim.got("g1") == ["预警"]


async def test_a_duty_account_leaves_what_is_not_yet_its_own() -> None:
    console = Console()
    console.ask("wang", "g1", "g2")
    console.todos["wang"][0]["groups"][1]["opened"] = False
    async with at_work(console, person("wang"), profile=QUICK) as (sim, playing):
        await seen(playing)
        await reports(console, 1, sim)
        await seen(playing)
        assert console.reported() == ["g1"]
        assert sim.got("g2") == []


async def test_many_groups_are_reported_in_presses_of_five_hundred() -> None:
    console = Console()
    console.ask("wang", *[f"g{n:03}" for n in range(501)])
    async with at_work(console, person("wang"), profile=QUICK) as (sim, playing):
        await seen(playing)
        await reports(console, 501, sim)
        assert [len(press["taps"]) for press in console.presses] == [500, 1]
        assert sim.platform.delivered.shown == 501
