"""The consumers room as processes of their own, to be killed and started again, and who of them has what."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import GroupCoordinatorNotAvailableError

from fenghuo.servers.ports import free_port
from fenghuo.settings import Settings


@dataclass(slots=True)
class Consumers:
    """One process of the consumers room, as docker-compose runs a replica; ``log`` takes what it says."""

    told: Settings
    log: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    def begin(self) -> None:
        told = self.told
        environment = os.environ | {
            "FENGHUO_BROKER": told.broker,
            "FENGHUO_KAFKA_SERVERS": told.kafka_servers,
            "FENGHUO_REDIS_URL": told.redis_url,
            "FENGHUO_NAMESPACE": told.namespace,
            "FENGHUO_KAFKA_SESSION_TIMEOUT_S": str(told.kafka_session_timeout_s),
            "FENGHUO_ALERT_HOURS": str(told.alert_hours),
            "FENGHUO_CONSUMERS_PORT": str(self.port),
        }
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "fenghuo", "room", "consumers"],
                env=environment,
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


async def shares(told: Settings, stage: str) -> list[set[int]]:
    """The partitions that each process has of the topic which the consumers' ``stage`` reads; empty while
    Kafka is still sharing them out."""
    admin = AIOKafkaAdminClient(bootstrap_servers=told.kafka_servers)
    await admin.start()
    try:
        [answer] = await admin.describe_consumer_groups([f"{told.namespace}.consumers.{stage}"])
    except GroupCoordinatorNotAvailableError:  # a broker that has had no group yet
        return []
    finally:
        await admin.close()
    [(_error, _group, state, _kind, _protocol, members, *_)] = answer.groups
    if state != "Stable":
        return []
    given = [ConsumerProtocolMemberAssignment.decode(assigned).partitions() for *_, assigned in members]
    return [{place.partition for place in places} for places in given]
