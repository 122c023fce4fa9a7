"""One server per folder: a lock file that the server itself holds as long as it runs.

The lock (flock) is taken here and inherited by the server. So it outlives the process that started the server
and ends with the server, however that ends. Without it a second server could start on the same folder, and
both would write the same file.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from fenghuo.servers.errors import ServerFailed

POLL_S = 0.02
Server = TypeVar("Server")


def prepare_folder(folder: Path) -> Path:
    """Create the folder, mode 700; returns its absolute path. Raises ServerFailed if that is impossible."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
    except OSError as error:
        raise ServerFailed(f"{folder} cannot be made a private folder of this user: {error}") from error
    return folder.resolve()


@contextmanager
def try_lock(path: Path) -> Iterator[int | None]:
    """Hold the lock inside the block; yields its file descriptor, to be inherited, or None if it is taken."""
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ServerFailed(f"{path} cannot be opened by this user: {error}") from error
    try:
        yield lock if _take(lock) else None
    finally:
        os.close(lock)


def is_free(path: Path) -> bool:
    """Whether no server holds the lock; False too if that is unknown (the file is gone)."""
    try:
        lock = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return _take(lock)
    finally:
        os.close(lock)


def start_or_adopt(
    lock: Path, start: Callable[[int], Server], adopt: Callable[[], Server | None], timeout_s: float
) -> Server:
    """Start the folder's server, or adopt the one that holds its lock as soon as it answers.

    If that one dies meanwhile, the server is started. ``start`` is called with the descriptor to inherit.
    Raises ServerFailed when the lock is held for ``timeout_s`` by something that does not answer.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        with try_lock(lock) as held:
            if held is not None:
                return start(held)
        server = adopt()
        if server is not None:
            return server
        if time.monotonic() > deadline:
            raise ServerFailed(
                f"a server holds {lock} but has not answered for {timeout_s:g} s; see the log beside it"
            )
        time.sleep(POLL_S)


def _take(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
