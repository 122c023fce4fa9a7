"""After an approval: who has the warning, who is still to tap, when the rest will have it; the ledger as a
file. Asked once for all viewers."""

import asyncio
from collections import Counter
from datetime import datetime
from typing import Any

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from console.alerts.approval_preview import habits_of, halted_channels
from console.alerts.delivery_figures import OFFICERS_SHOWN, DeliveryFigures, figures
from console.alerts.forecast_inputs import foretold
from console.alerts.halted_channels import halted_of
from console.web import permissions
from console.web.dependencies import Dependencies, Deps
from console.web.rendering import SAFE_HEADERS, AnyRequest
from fenghuo import clock
from fenghuo.clock import to_ms
from fenghuo.domain.alert import RELEASED, Alert, State
from fenghuo.domain.delivery import Row
from fenghuo.domain.events import SETTLED, DeliveryState
from fenghuo.domain.forecast import Covered, Forecast
from fenghuo.domain.ledger import csv_file, ledger_lines

FIGURES_S, FORECAST_S = 1.0, 15.0
"""How old the figures and the forecast may be."""
HAVE_IT = frozenset({DeliveryState.SHOWN, DeliveryState.ACCEPTED})
CSV = "text/csv; charset=utf-8"


async def progress_of(house: Dependencies, alert: Alert) -> dict[str, Any]:
    """The release's figures, and its correction's where it was recalled; None before there is one."""
    nothing: dict[str, Any] = {
        "delivery": None, "correction": None, "sightings": 0, "predicted": None, "notices": {}, "halted": [],
        "officers_shown": OFFICERS_SHOWN,
    }  # fmt: skip
    if await house.desk.releases.get(alert.alert_id, alert.version) is None:
        return nothing
    stands, recalled = alert.state in RELEASED, alert.state is State.RECALLED
    return nothing | {
        "delivery": await _figures(house, alert, "warning"),
        "correction": await _figures(house, alert, "correction") if recalled else None,
        "sightings": len(await house.desk.alerts.sightings(alert.alert_id)),
        "predicted": await _forecast(house, alert) if stands and alert.completed_at is None else None,
        "notices": Counter(x.level for x in await house.desk.notices.sent(alert.alert_id, alert.version)),
        "halted": await halted_of(house, alert.content.channels) if stands or recalled else [],
    }


async def _rows(house: Dependencies, alert: Alert, kind: str) -> dict[str, Row]:
    name = f"ledger:{alert.alert_id}:{alert.version}:{kind}"
    return await house.shared.get(
        name, lambda: house.desk.deliveries.ledger(alert.alert_id, alert.version, kind), FIGURES_S
    )


async def _figures(house: Dependencies, alert: Alert, kind: str) -> DeliveryFigures:
    async def asked() -> DeliveryFigures:
        planned = await house.desk.deliveries.planned_count(alert.alert_id, alert.version, kind)
        rows = await _rows(house, alert, kind)
        return figures(rows, await house.groups(), planned, began_at(alert, kind))

    return await house.shared.get(f"figures:{alert.alert_id}:{alert.version}:{kind}", asked, FIGURES_S)


def began_at(alert: Alert, kind: str) -> datetime:
    """When the deliveries of ``kind`` were asked for."""
    return (alert.approved_at if kind == "warning" else alert.changed_at) or alert.changed_at


async def _forecast(house: Dependencies, alert: Alert) -> Forecast | None:
    """What the rest will take, from what is done by now; None until every delivery is asked for."""
    rows = await _rows(house, alert, "warning")
    planned = await house.desk.deliveries.planned_count(alert.alert_id, alert.version, "warning")
    if planned is None or len(rows) < planned:
        return None

    async def asked() -> Forecast | None:
        every = await house.groups()
        groups = [every[x] for x in sorted(rows) if x in every]
        began = began_at(alert, "warning")
        return await asyncio.to_thread(
            foretold, groups, {k: row.channel for k, row in rows.items()}, alert.content,
            habits=await habits_of(house, groups), settings=house.settings,
            halted=await halted_channels(house), released_at=began,
            elapsed_s=max(0.0, (clock.now() - began).total_seconds()),
            covered={
                k: Covered(max(0.0, (row.at_ms - to_ms(began)) / 1000), row.by)
                for k, row in rows.items() if row.state in HAVE_IT
            },
            lost={k for k, row in rows.items() if row.state in SETTLED - HAVE_IT},
        ) if groups else None  # fmt: skip

    return await house.shared.get(f"forecast:{alert.alert_id}:{alert.version}", asked, FORECAST_S)


@get("/alerts/{alert_id:str}/deliveries.csv", guards=[permissions.page("alerts")])
async def deliveries_csv(request: AnyRequest, house: Deps, alert_id: FromPath[str]) -> Response[bytes]:
    """The ledger of the version that stands (``?kind=correction``: of its correction), for a spreadsheet."""
    alert = await house.desk.alerts.get(alert_id)
    if alert is None:
        raise NotFoundException(alert_id)
    kind = "correction" if request.query_params.get("kind") == "correction" else "warning"
    rows = await _rows(house, alert, kind)
    history = await house.desk.alerts.history(alert.alert_id)
    lines = ledger_lines(rows, await house.groups(), history, alert.version, kind)
    name = f"{alert.alert_id[:8]}-v{alert.version}-{kind}.csv"
    headers = {
        "content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store", **SAFE_HEADERS,
    }  # fmt: skip
    return Response(csv_file(lines, await house.names()), media_type=CSV, headers=headers)


HANDLERS = [deliveries_csv]
