"""The room's composition root: builds the clients and lists the stages."""

import logging
from typing import TYPE_CHECKING

from consumers.clusters.clustering import Clustering
from consumers.decisions import Decisions
from consumers.expiry_loop import Expiry
from consumers.judging import judge_in_force
from consumers.live_library import LiveLibrary, seed_patterns
from consumers.projections import project_only
from consumers.service_table import load_services
from consumers.surge import Surge
from consumers.triage import SecondLook, Triage
from fenghuo import topics
from fenghuo.desk.desk import Desk
from fenghuo.runtime.room import Room, open_desk, open_transport
from fenghuo.settings import Settings
from fenghuo.transport.stage import Follow, Stage
from patterns.kernels import cache_error

if TYPE_CHECKING:
    from consumers.second_reader.reader import SecondReader

log = logging.getLogger(__name__)
ROOM = "consumers"


def build(settings: Settings) -> Room:
    """The room, not yet connected."""
    desk = open_desk(settings)
    transport = open_transport(settings, ROOM, desk)
    library = LiveLibrary(seed_patterns())
    reader = second_reader(settings)
    if why := cache_error():
        log.warning("the recogniser's machine code cannot be kept: each start compiles", extra={"why": why})
    return Room(
        name=ROOM,
        settings=settings,
        desk=desk,
        transport=transport,
        port=settings.consumers_port,
        host=settings.health_host,
        stages=stages(desk, settings, library, reader),
        follows=[Follow(topic=topics.PATTERNS_CHANGED, apply=library.apply)],
        loops=[Expiry(desk, transport, settings.cluster_hours).run],
        closing=[reader.aclose] if reader is not None else [],
    )


def second_reader(settings: Settings) -> "SecondReader | None":
    """The second reader, not yet connected; None while it is off, and then nothing of it is imported."""
    if not settings.second_reader_url:
        return None
    from consumers.second_reader.reader import SecondReader

    return SecondReader.of(settings)


def second_look(reader: "SecondReader | None", settings: Settings) -> SecondLook | None:
    """What has the second reader read the reports that the judge is unsure of; None while it is off."""
    if reader is None:
        return None
    from consumers.second_reader.second_look import SecondLooker

    return SecondLooker(reader, settings.second_reader_a_minute).look


def stages(
    desk: Desk, settings: Settings, library: LiveLibrary, reader: "SecondReader | None" = None
) -> list[Stage]:
    """Every stage of the room; the second ``reader`` keeps no urgent report waiting."""
    clustering = Clustering(desk, settings)
    key = settings.secret_key.get_secret_value()
    judge, services = judge_in_force(settings), load_services(settings.services_file)
    triage = Triage(library, judge, key, services, second_look(reader, settings))
    urgent = Triage(library, judge, key, services)
    return [
        Stage(
            room=ROOM, name="triage", topic=topics.REPORTS_RECEIVED, batch=256, fold_input=True,
            handle=triage.on_reports_received,
        ),
        Stage(
            room=ROOM, name="alarms", topic=topics.ALARMS_RECEIVED, batch=32, fold_input=True,
            handle=urgent.on_reports_received,
        ),
        Stage(
            room=ROOM, name="cluster", topic=topics.REPORTS_UNMATCHED, batch=100,
            handle=clustering.on_reports_unmatched, reset_cache=clustering.reset_cache,
        ),
        Stage(
            room=ROOM, name="surge", topic=topics.REPORTS_MATCHED, fold_input=True,
            handle=Surge(desk, settings).on_reports_matched,
        ),
        Stage(
            room=ROOM, name="handled", topic=topics.REPORTS_HANDLED, fold_input=True, handle=project_only,
        ),
        Stage(
            room=ROOM, name="decisions", topic=topics.DECISIONS_MADE, batch=50, fold_input=True,
            handle=Decisions(desk, [settings.issuer_name]).on_decisions_made,
        ),
        Stage(
            room=ROOM, name="groups", topic=topics.GROUPS_CHANGED, batch=500, fold_input=True,
            handle=project_only,
        ),
        Stage(
            room=ROOM, name="people", topic=topics.PEOPLE_CHANGED, fold_input=True,
            handle=project_only,
        ),
    ]  # fmt: skip
