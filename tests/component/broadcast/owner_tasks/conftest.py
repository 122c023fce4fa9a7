"""Settings, a platform and a clock for the tests of owners' tasks."""

import pytest

from fenghuo import clock
from fenghuo.settings import Settings
from tests.support.builders import settings
from tests.support.delivery_builders import Time
from tests.support.scripted_channels import ScriptedTasks


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    moved = Time()
    monkeypatch.setattr(clock, "now", moved)
    return moved


@pytest.fixture
def told(redis_url: str, namespace: str) -> Settings:
    return settings(redis_url=redis_url, namespace=namespace, retry_base_s=1, quiet_from=0, quiet_to=0)


@pytest.fixture
def people() -> ScriptedTasks:
    return ScriptedTasks()
