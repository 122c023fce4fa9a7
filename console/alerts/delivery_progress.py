"""After an approval: who has the warning, who has not tapped yet, when the others will have it; the ledger
as a file. Loaded once for all viewers."""

import asyncio
from collections import Counter
from datetime import datetime
from typing import Any

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from console.alerts.approval_preview import past_todos_by_person
from console.alerts.delivery_figures import OFFICERS_SHOWN, DeliveryFigures, figures_of
from console.alerts.forecast_inputs import forecast_for
from console.alerts.halted_channels import halted_among, wholly_halted
from console.web import permissions
from console.web.dependencies import Dependencies, Deps
from console.web.rendering import SAFE_HEADERS, AnyRequest
from fenghuo import clock
from fenghuo.clock import to_ms
from fenghuo.domain.alert import RELEASED, Alert, State
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.events import SETTLED, DeliveryState
from fenghuo.domain.forecast import Arrival, Forecast
from fenghuo.domain.ledger import csv_file, ledger_lines

FIGURES_S, FORECAST_S = 1.0, 15.0
"""How old the figures and the forecast may be."""
HAVE_IT = frozenset({DeliveryState.SHOWN, DeliveryState.ACCEPTED})
CSV = "text/csv; charset=utf-8"


async def progress_of(deps: Dependencies, alert: Alert) -> dict[str, Any]:
    """The template variables of the delivery: of the release, and of its correction if it was recalled."""
    unreleased: dict[str, Any] = {
        "delivery": None, "correction": None, "sightings": 0, "predicted": None, "notices": {}, "halted": [],
        "officers_shown": OFFICERS_SHOWN,
    }  # fmt: skip
    if await deps.desk.releases.get(alert.alert_id, alert.version) is None:
        return unreleased
    is_current, is_recalled = alert.state in RELEASED, alert.state is State.RECALLED
    return unreleased | {
        "delivery": await _figures(deps, alert, "warning"),
        "correction": await _figures(deps, alert, "correction") if is_recalled else None,
        "sightings": len(await deps.desk.alerts.sightings(alert.alert_id)),
        "predicted": await _forecast(deps, alert) if is_current and alert.completed_at is None else None,
        "notices": Counter(x.level for x in await deps.desk.notices.sent(alert.alert_id, alert.version)),
        "halted": await halted_among(deps, alert.content.channels) if is_current or is_recalled else [],
    }


async def _rows(deps: Dependencies, alert: Alert, kind: str) -> dict[str, LedgerRow]:
    key = f"ledger:{alert.alert_id}:{alert.version}:{kind}"
    return await deps.cache.get_or_load(
        key, lambda: deps.desk.deliveries.ledger(alert.alert_id, alert.version, kind), FIGURES_S
    )


async def _figures(deps: Dependencies, alert: Alert, kind: str) -> DeliveryFigures:
    async def load() -> DeliveryFigures:
        planned = await deps.desk.deliveries.planned_count(alert.alert_id, alert.version, kind)
        rows = await _rows(deps, alert, kind)
        return figures_of(rows, await deps.groups(), planned, requested_at(alert, kind))

    return await deps.cache.get_or_load(f"figures:{alert.alert_id}:{alert.version}:{kind}", load, FIGURES_S)


def requested_at(alert: Alert, kind: str) -> datetime:
    """When the deliveries of ``kind`` were requested."""
    return (alert.approved_at if kind == "warning" else alert.changed_at) or alert.changed_at


async def _forecast(deps: Dependencies, alert: Alert) -> Forecast | None:
    """When the remaining groups will have it, given what is done; None until every delivery is requested."""
    rows = await _rows(deps, alert, "warning")
    planned = await deps.desk.deliveries.planned_count(alert.alert_id, alert.version, "warning")
    if planned is None or len(rows) < planned:
        return None

    async def load() -> Forecast | None:
        known = await deps.groups()
        groups = [known[x] for x in sorted(rows) if x in known]
        released_at = requested_at(alert, "warning")
        return await asyncio.to_thread(
            forecast_for, groups, {k: row.channel for k, row in rows.items()}, alert.content,
            todos_by_person=await past_todos_by_person(deps, groups),
            settings=deps.settings, halted=await wholly_halted(deps), released_at=released_at,
            elapsed_s=max(0.0, (clock.now() - released_at).total_seconds()),
            arrived={
                k: Arrival(max(0.0, (row.at_ms - to_ms(released_at)) / 1000), row.by)
                for k, row in rows.items() if row.state in HAVE_IT
            },
            lost={k for k, row in rows.items() if row.state in SETTLED - HAVE_IT},
        ) if groups else None  # fmt: skip

    return await deps.cache.get_or_load(f"forecast:{alert.alert_id}:{alert.version}", load, FORECAST_S)


@get("/alerts/{alert_id:str}/deliveries.csv", guards=[permissions.page("alerts")])
async def deliveries_csv(request: AnyRequest, deps: Deps, alert_id: FromPath[str]) -> Response[bytes]:
    """The ledger of the current version (``?kind=correction``: of its correction), for a spreadsheet."""
    alert = await deps.desk.alerts.get(alert_id)
    if alert is None:
        raise NotFoundException(alert_id)
    kind = "correction" if request.query_params.get("kind") == "correction" else "warning"
    rows = await _rows(deps, alert, kind)
    history = await deps.desk.alerts.history(alert.alert_id)
    lines = ledger_lines(rows, await deps.groups(), history, alert.version, kind)
    name = f"{alert.alert_id[:8]}-v{alert.version}-{kind}.csv"
    headers = {
        "content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store", **SAFE_HEADERS,
    }  # fmt: skip
    return Response(csv_file(lines, await deps.names()), media_type=CSV, headers=headers)


HANDLERS = [deliveries_csv]
