"""The file of the keys to platforms: who may read it, and what may stand in it."""

from pathlib import Path

import pytest

from broadcast.app import apps_by_channel
from fenghuo.errors import Refused
from fenghuo.security.credentials import Credential, load_credentials

FILE = """
[district]
channel = "wecom_customer_group"
corpid = "ww1"
secret = "s"

[notices]
channel = "wecom_app"
corpid = "ww1"
agentid = 1000002
secret = "s"
per_second = 5
"""


def written(folder: Path, text: str, mode: int = 0o600) -> str:
    path = folder / "credentials.toml"
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return str(path)


def test_each_table_is_a_credential_by_its_name(tmp_path: Path) -> None:
    found = load_credentials(written(tmp_path, FILE))
    assert found["notices"] == Credential(
        name="notices", channel="wecom_app", corpid="ww1", agentid=1000002, secret="s", per_second=5
    )
    assert found["district"].agentid == 0


@pytest.mark.parametrize(
    "line", ['agentid = "1000002"', "agentid = 1.5", "agentid = true", 'per_second = "5"', "colour = 1"]
)
def test_a_field_of_the_wrong_kind_is_refused_by_name(tmp_path: Path, line: str) -> None:
    with pytest.raises(Refused, match=line.partition(" ")[0]):
        load_credentials(written(tmp_path, f'[x]\nchannel = "wecom_app"\n{line}\n'))


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="chmod 600"):
        load_credentials(written(tmp_path, FILE, 0o640))


def test_the_one_app_that_sends_to_persons_is_used_and_of_several_none() -> None:
    def app(name: str, channel: str = "wecom_app") -> Credential:
        return Credential(name=name, channel=channel)

    assert apps_by_channel([app("a"), app("b", "wecom_customer_group")]) == {"wecom_app": "a"}
    assert apps_by_channel([app("a"), app("b")]) == apps_by_channel([]) == {}
