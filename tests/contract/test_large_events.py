"""The largest event, on both transports: the frozen audience of a city."""

import random

import pytest

from fenghuo import clock
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId
from fenghuo.domain.audience import digest_of
from fenghuo.runtime.room import open_desk, open_transport
from fenghuo.settings import Settings
from fenghuo.topics import ALERTS_CHANGED
from tests.support.builders import settings


@pytest.fixture(params=["redis", "kafka"])
def in_force(request: pytest.FixtureRequest, redis_url: str, namespace: str) -> Settings:
    kafka = request.getfixturevalue("kafka_bootstrap") if request.param == "kafka" else ""
    return settings(broker=request.param, redis_url=redis_url, kafka_servers=kafka, namespace=namespace)


async def test_an_audience_of_fifty_thousand_groups_is_one_event(in_force: Settings) -> None:
    dice = random.Random(1)
    ids = tuple(sorted(f"310115-{dice.randrange(10**8):08}-{n:05}" for n in range(50_000)))
    frozen = e.AudienceFrozen(
        event_id="frozen", at=clock.now(), alert_id=AlertId("a1"), digest=digest_of(ids), group_ids=ids
    )
    desk = open_desk(in_force)
    transport = open_transport(in_force, "consumers", desk)
    found: list[e.Event] = []

    async def take(events: list[e.Event]) -> None:
        found.extend(events)

    await transport.start()
    try:
        await transport.publish([frozen])
        await transport.replay(ALERTS_CHANGED, take)
    finally:
        await transport.stop()
        await desk.client.aclose()
    assert found == [frozen]
