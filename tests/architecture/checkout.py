"""The files of this checkout, as git knows them."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@cache
def tracked() -> list[Path]:
    """Every file that is in git or would be by `git add`, as a path below the root."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.fail(
            "run the tests in a git checkout: what is tracked cannot be told otherwise", pytrace=False
        )
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout.decode()  # fmt: skip
    return [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]
