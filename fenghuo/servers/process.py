"""A server's process: started in its own session, ended by its process id, never left a zombie."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fenghuo.servers.lock import POLL_S, is_free

KILL_WAIT_S = 10.0

# Servers started by this process, by process id: they are reaped here whichever handle ends them.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(kw_only=True, eq=False)
class RunningServer:
    """A server that answers. ``adopted``: it was already running when it was asked for."""

    folder: Path
    pid: int
    adopted: bool
    lock: Path
    _ended: bool = field(default=False, init=False, repr=False)

    def stop(self, timeout_s: float = 10) -> None:
        """Send SIGTERM and wait; after ``timeout_s`` send SIGKILL. Idempotent."""
        self._end(signal.SIGTERM, timeout_s)
        self.kill()

    def kill(self) -> None:
        """Send SIGKILL, like a crash, and wait until it is gone. Idempotent."""
        self._end(signal.SIGKILL, KILL_WAIT_S)

    def _end(self, number: signal.Signals, timeout_s: float) -> None:
        if not self._ended and not is_gone(self.pid, self.lock):
            _signal(self.pid, number)
        deadline = time.monotonic() + timeout_s
        while not self._ended and time.monotonic() < deadline:
            self._ended = is_gone(self.pid, self.lock)
            if not self._ended:
                time.sleep(POLL_S)


def spawn(
    command: Sequence[str],
    *,
    folder: Path,
    lock: int,
    output: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a server in ``folder`` that inherits the lock; its output goes to ``output``, if given.

    It gets its own session: Ctrl-C must not end a server before the rooms have finished their batches.
    """
    with (output or Path(os.devnull)).open("ab") as printed:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
            pass_fds=(lock,),
            start_new_session=True,
            umask=0o077,
        )
    _children[child.pid] = child
    return child


def is_gone(pid: int, lock: Path) -> bool:
    """Whether it has ended; our own child is reaped. For another's child, which may be a zombie, the free
    lock decides."""
    child = _children.get(pid)
    if child is not None:
        if child.poll() is None:
            return False
        del _children[pid]
        return True
    return not _signal(pid, 0) or is_free(lock)


def discard(child: subprocess.Popen[bytes]) -> None:
    """Kill and reap a server that never answered."""
    child.kill()
    child.wait()
    _children.pop(child.pid, None)


def tail(log: Path, start: int = 0, lines: int = 15) -> str:
    """The last lines of a log after byte ``start``."""
    try:
        with log.open("rb") as file:
            file.seek(start)
            text = file.read().decode("utf-8", "replace")
    except OSError as error:
        return f"(no log: {error})"
    return "\n".join(text.splitlines()[-lines:]) or "(the log is empty)"


def size(log: Path) -> int:
    """Bytes in the log so far, 0 if there is none."""
    return log.stat().st_size if log.exists() else 0


def _signal(pid: int, number: int) -> bool:
    """Send the signal; False if no such process of ours exists."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
