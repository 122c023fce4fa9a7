"""What libraries are told before they are imported, so that they take no more than is used."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from fenghuo import commands
from tests.architecture.checkout import ROOT

LOADED = """
from patterns.characters.character_facts import syllables
from pypinyin.constants import PHRASES_DICT
print(len(PHRASES_DICT), len(syllables()) > 20_000, syllables()[ord("骗")])
"""


class Registered:
    """An entry point that notes the environment in which its command is loaded."""

    name = "seen"

    def __init__(self) -> None:
        self.environment: dict[str, str] = {}

    def load(self) -> commands.click.Command:
        self.environment = dict(os.environ)
        return commands.click.Command("seen", callback=lambda: None)


@pytest.mark.parametrize("name", commands.LIBRARY_THREADS)
def test_a_command_is_loaded_sparing_unless_the_operator_says_otherwise(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered = Registered()
    monkeypatch.setattr(commands, "entry_points", lambda **_: [registered])
    for given, seen in ((None, commands.LIBRARY_THREADS[name]), ("7", "7")):
        with monkeypatch.context() as changed:
            changed.delenv(name, raising=False)
            if given is not None:
                changed.setenv(name, given)
            assert CliRunner().invoke(commands.main, ["seen"]).exit_code == 0
            assert registered.environment[name] == seen


def test_the_sounds_of_characters_need_no_phrases() -> None:
    told = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, cwd=ROOT,
        env={**os.environ, **commands.LIBRARY_THREADS, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert told.stdout.split() == ["0", "True", "pian"]
