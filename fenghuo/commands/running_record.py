"""The record of the running system in data_dir: where its servers are, so that other commands find them."""

import json
from pathlib import Path

RUNNING = "running.json"
"""Exists in data_dir while the system runs."""


def write_running(folder: Path, addresses: dict[str, str]) -> None:
    """Write the record atomically, mode 600 (an address may hold a password)."""
    part = folder / f"{RUNNING}.part"
    part.touch(mode=0o600)
    part.write_text(json.dumps(addresses))
    part.replace(folder / RUNNING)


def read_running(folder: Path) -> dict[str, str]:
    """The record of ``folder``; empty if no system runs there."""
    try:
        found: dict[str, str] = json.loads((folder / RUNNING).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found


def remove_running(folder: Path) -> None:
    """Delete the record, if there is one."""
    (folder / RUNNING).unlink(missing_ok=True)
