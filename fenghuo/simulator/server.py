"""The endpoints as an aiohttp application, with the faults in force around each."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from fenghuo.simulator.endpoints import control, robots, webhooks, wecom
from fenghuo.simulator.endpoints.endpoint import Endpoint
from fenghuo.simulator.faults import PLAIN, Fault, choose, latency_s
from fenghuo.simulator.platform import SimulatedPlatform
from fenghuo.simulator.requests import PlatformRequest, PlatformResponse
from fenghuo.simulator.response_model import unit

MARK = {"X-Fenghuo-Simulation": "1"}
"""In every response, so that a simulated message is not mistaken for a real one."""
LARGEST_BODY = 64 * 1024 * 1024
"""A roster of 50,000 groups; messages have their own, smaller limits."""
MOST_OF_A_MESSAGE = 1024 * 1024
TICK_S = 0.05
"""Real seconds between two checks for due taps."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(platform: SimulatedPlatform) -> web.Application:
    """The application with all routes; nothing runs before its start."""
    app = web.Application(client_max_size=LARGEST_BODY)
    for endpoint in (*wecom.ENDPOINTS, *robots.ENDPOINTS, *webhooks.ENDPOINTS):
        app.router.add_route(endpoint.method, endpoint.path, serve(platform, endpoint))
    control.add_routes(app, platform, MARK)
    app.cleanup_ctx.append(lambda _app: _tapping(platform))
    return app


def serve(platform: SimulatedPlatform, endpoint: Endpoint) -> Handler:
    """The handler of one endpoint."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if (request.content_length or 0) > MOST_OF_A_MESSAGE:
            return web.Response(status=413, headers=MARK)
        body = await request.read()
        name = request.match_info.get("name", "")
        platform_request = PlatformRequest(request.query, request.headers, body, request.remote or "", name)
        if platform.behaviour(endpoint.way) is PLAIN:
            return _written(endpoint.reply(platform, platform_request))
        return await _misbehave(platform, endpoint, platform_request, request)

    return handle


async def _misbehave(
    platform: SimulatedPlatform, endpoint: Endpoint, platform_request: PlatformRequest, request: web.Request
) -> web.StreamResponse:
    wrong = platform.behaviour(endpoint.way)
    drawn = platform.draw(endpoint.way, endpoint.target(platform_request))
    if wait_s := latency_s(wrong, unit("latency", drawn)):
        await asyncio.sleep(wait_s)
    fault, code = choose(wrong, drawn)
    if fault is Fault.BROKEN_BEFORE:
        return _dropped(request)
    if fault is Fault.RATE_LIMITED:
        return _written(endpoint.refuse(endpoint.busy, platform_request, ""))
    if fault is Fault.CODE:
        return _written(endpoint.refuse(code, platform_request, ""))
    answer = endpoint.reply(platform, platform_request)
    if fault is Fault.TIMEOUT_AFTER and answer.taken:
        await asyncio.sleep(wrong.hang_s)
        return _dropped(request)
    return _written(answer)


def _written(answer: PlatformResponse) -> web.Response:
    body = json.dumps(answer.body, ensure_ascii=False).encode()
    headers = {**MARK, **answer.headers} if answer.headers else MARK
    return web.Response(body=body, status=answer.status, headers=headers, content_type="application/json")


def _dropped(request: web.Request) -> web.Response:
    """Abort the connection; the returned response is never sent."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _tapping(platform: SimulatedPlatform) -> Any:
    """Carry out due taps while the application runs."""

    async def tap() -> None:
        while True:
            platform.mass_sends.settle()
            await asyncio.sleep(TICK_S)

    tapping = asyncio.create_task(tap())
    yield
    tapping.cancel()
    await asyncio.gather(tapping, return_exceptions=True)
