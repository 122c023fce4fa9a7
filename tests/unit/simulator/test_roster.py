"""The roster: what is read, what is refused."""

from pathlib import Path
from typing import Any

import pytest

from fenghuo.errors import Refused
from fenghuo.simulator import roster
from tests.support.simulated_platform import ROSTER


def _with(change: dict[str, Any]) -> dict[str, Any]:
    return {**ROSTER, **change}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"owners": [{"userid": "zhang", "profile": "lazy"}]}, "no profile 'lazy'"),
        ({"officers": [{"person_id": "w", "password": "p", "profile": "x"}]}, "no profile 'x'"),
        ({"robots": [{"channel": "sms", "key": "k", "group_id": "g"}]}, "cannot be used"),
        ({"robots": [{"channel": "feishu", "key": "k", "group_id": "g"}] * 2}, "same robot twice"),
        ({"chats": [{"chat_id": "wr1", "owner": "a", "group_id": "g", "corp": "other"}]}, "the corp 'other'"),
        ({"corps": []}, "does not have"),
        ({"robot": []}, "cannot be used"),
    ],
)
def test_a_roster_with_a_mistake_is_refused_with_the_reason(change: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused, match=why):
        roster.read(_with(change))


def test_a_roster_is_read_from_toml(tmp_path: Path) -> None:
    path = tmp_path / "roster.toml"
    path.write_text('hooks = ["g1"]\n[[robots]]\nchannel = "feishu"\nkey = "t"\ngroup_id = "g2"\n')
    found = roster.read(roster.parse(path))
    assert found.hooks == ("g1",)
    assert found.robots[0].key == "t"
    path.write_text("hooks = [")
    with pytest.raises(Refused, match=r"roster\.toml"):
        roster.parse(path)
