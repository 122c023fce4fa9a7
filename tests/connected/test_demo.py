"""The demo as a newcomer runs it: one command, one line of JSON, on a machine with nothing but Python."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fenghuo.servers.ports import free_port

GROUPS = 400


@pytest.mark.parametrize("machine", ["with redis-server", "with nothing but Python"])
def test_the_demo_warns_every_group_once_and_says_so_in_json(machine: str, tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FENGHUO_")}
    ports = ("CONSOLE", "INTAKE", "CONSUMERS", "BROADCAST")
    environment |= {f"FENGHUO_{name}_PORT": str(free_port()) for name in ports}
    if machine == "with nothing but Python":
        environment["PATH"] = str(tmp_path)  # no redis-server there: the wheel's own serves
    done = subprocess.run(
        [sys.executable, "-m", "fenghuo", "demo", "--auto", "--json", "--groups", str(GROUPS)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (line,) = done.stdout.splitlines()
    result = json.loads(line)
    assert (result["groups"], result["delivered"]) == (GROUPS, GROUPS)
    assert (result["failed"], result["duplicates"]) == (0, 0)
    assert result["reports"] >= 6
    assert result["clusters"] >= 1
    assert result["report_to_draft_s"] > 0 and result["approval_to_last_group_s"] > 0
