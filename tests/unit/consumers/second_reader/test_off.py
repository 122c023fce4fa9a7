"""Off by default; while it is off, nothing of it is imported."""

import subprocess
import sys

import pytest

from consumers.second_reader.reader import SecondReader
from fenghuo.errors import Refused
from tests.support.builders import settings
from tests.support.stub_model import KEY, reader_settings

PROBE = """
import sys
from consumers import app
from fenghuo.settings import Settings
given = Settings(_env_file=None, secret_key="s" * 40, redis_url="redis://127.0.0.1:1", {more})
app.build(given)
reader = app.second_reader(given)
print(reader is not None, sorted(x for x in sys.modules if x.startswith("consumers.second_reader")))
"""


def imported(more: str = "") -> str:
    """What of it a process has imported that has built the room."""
    probed = subprocess.run(
        [sys.executable, "-c", PROBE.replace("{more}", more)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return probed.stdout.strip()


def test_while_it_is_off_the_room_imports_nothing_of_it() -> None:
    assert imported() == "False []"


def test_while_it_is_on_the_room_has_one() -> None:
    assert imported('second_reader_url="http://10.0.0.5/v1", second_reader_model="m"').startswith("True [")


def test_by_default_there_is_none() -> None:
    assert settings().second_reader_url == ""
    assert SecondReader.of(settings()) is None


@pytest.mark.parametrize(
    "url",
    ["http://8.8.8.8/v1", "https://[2001:4860::8888]:8000", "http://169.254.169.254/v1", "http://100.64.0.1"],
)
def test_an_address_outside_the_districts_networks_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="FENGHUO_SECOND_READER_NETWORKS"):
        SecondReader.of(settings(second_reader_url=url, second_reader_model="m"))


@pytest.mark.parametrize(
    "url", ["http://10.2.3.4:8000/v1", "http://[fd00::1]/v1", "http://[::ffff:10.0.0.1]"]
)
def test_a_private_address_is_not(url: str) -> None:
    assert SecondReader.of(settings(second_reader_url=url, second_reader_model="m")) is not None


def test_a_district_may_name_networks_of_its_own() -> None:
    given = settings(
        second_reader_url="http://20.1.2.3/v1", second_reader_model="m", second_reader_networks="20.1.0.0/16"
    )
    assert SecondReader.of(given) is not None


def test_an_authority_file_that_is_none_is_refused() -> None:
    with pytest.raises(Refused, match="FENGHUO_CA_FILE"):
        SecondReader.of(reader_settings("https://127.0.0.1:1", ca_file="/nowhere.pem"))


def test_the_key_is_not_shown_with_the_settings() -> None:
    assert KEY not in repr(reader_settings("http://127.0.0.1:1"))
