"""Rooms as processes of their own, to be killed and started again, and who of them has what."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import GroupCoordinatorNotAvailableError
from pydantic import SecretStr

from fenghuo.servers.ports import free_port
from fenghuo.settings import Settings


@dataclass(slots=True)
class RoomProcess:
    """One process of a room, as docker-compose runs a replica; ``log`` takes what it says."""

    room: str
    told: Settings
    log: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    def begin(self) -> None:
        told = {name: getattr(self.told, name) for name in self.told.model_fields_set}
        environment = {f"FENGHUO_{name.upper()}": _word(value) for name, value in told.items()}
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "fenghuo", "room", self.room],
                env=os.environ | environment | {f"FENGHUO_{self.room.upper()}_PORT": str(self.port)},
                stdout=out,
                stderr=out,
            )

    async def ready(self) -> bool:
        """Whether it can do its work; the test fails when it ended by itself."""
        assert self.process is not None and self.process.poll() is None, self.log.read_text()[-2000:]
        try:
            async with httpx.AsyncClient(trust_env=False) as client:
                return (await client.get(f"http://127.0.0.1:{self.port}/ready")).is_success
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """As a crash would (kill -9), and wait till it is gone."""
        assert self.process is not None and self.process.poll() is None, self.log.read_text()[-2000:]
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """As an operator would; the test fails unless it ends well."""
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            assert self.process.wait(40) == 0, self.log.read_text()[-2000:]


def _word(value: object) -> str:
    """As the settings read it from the environment."""
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


async def shares(told: Settings, stage: str) -> list[set[int]]:
    """The partitions that each process has of the topic which ``stage`` ("room.name") reads; empty while
    Kafka is still sharing them out."""
    admin = AIOKafkaAdminClient(bootstrap_servers=told.kafka_servers)
    await admin.start()
    try:
        [answer] = await admin.describe_consumer_groups([f"{told.namespace}.{stage}"])
    except GroupCoordinatorNotAvailableError:  # a broker that has had no group yet
        return []
    finally:
        await admin.close()
    [(_error, _group, state, _kind, _protocol, members, *_)] = answer.groups
    if state != "Stable":
        return []
    given = [ConsumerProtocolMemberAssignment.decode(assigned).partitions() for *_, assigned in members]
    return [{place.partition for place in places} for places in given]
