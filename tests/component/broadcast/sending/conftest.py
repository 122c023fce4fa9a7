"""Settings of the sender's tests: retries at once, no quiet hours."""

import pytest

from fenghuo.settings import Settings
from tests.support.builders import settings


@pytest.fixture
def told(redis_url: str, namespace: str) -> Settings:
    return settings(redis_url=redis_url, namespace=namespace, retry_base_s=0.01, quiet_from=0, quiet_to=0)
