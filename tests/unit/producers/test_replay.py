"""Which dead letters are published again, and as whom."""

from datetime import UTC, datetime

import pytest

from fenghuo.domain import events as e
from fenghuo.spreadsheets.tables import TableRow
from fenghuo.topics import TOPICS
from producers.import_rows import COLUMNS, report_of
from producers.replay import plan_replay, writer_of

SECRET = "s" * 32
NOW = datetime(2025, 3, 8, 6, 30, tzinfo=UTC)


def row(**cells: str) -> TableRow:
    return TableRow(7, {name: cells.get(name, "") for name in COLUMNS})


def taken(**cells: str) -> e.ReportReceived:
    event = report_of(row(**({"text": "转账"} | cells)), district="示范区", secret=SECRET, now=NOW)
    assert isinstance(event, e.ReportReceived), event
    return event


def letter(topic: str, value: bytes, position: str = "1") -> e.DeadLettered:
    return e.DeadLettered(
        event_id=position, at=NOW, topic=topic, stage="x", position=position, reason="x", key="k", value=value
    )


def test_letters_go_back_by_their_topics_writer_and_once() -> None:
    report = taken()
    sighting = e.SightingRecorded(event_id="1", at=NOW, alert_id="a", report_id="r", place=report.place)  # type: ignore[arg-type]
    good, other = e.encode(report), e.encode(sighting)
    found = plan_replay(
        [
            letter("reports.received", good), letter("reports.received", good, "2"),
            letter("reports.sighted", other), letter("reports.sighted", good), letter("gone", good),
            letter("reports.received", b"{}"),
        ]
    )  # fmt: skip
    assert found.to_publish == {"producers": [report], "consumers": [sighting]}
    assert found.repeated == 1
    assert sorted(x for x, _ in found.staying) == ["gone", "reports.received", "reports.sighted"]
    assert found.by_topic == {"reports.received": 1, "reports.sighted": 1}


@pytest.mark.parametrize("topic", TOPICS, ids=lambda x: x.name)
def test_every_topic_has_a_room_to_replay_as(topic: object) -> None:
    assert writer_of(topic) in topic.writers  # type: ignore[arg-type, attr-defined]
