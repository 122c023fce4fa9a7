"""What the workers of one run (pytest -n) have in common: a server, and who must be undisturbed."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol


class Server(Protocol):
    bootstrap: str

    def stop(self) -> None: ...


@contextmanager
def shared_server(folder: Path, start: Callable[[], Server]) -> Iterator[str]:
    """The address of one server for all workers. Who asks first starts it, and stops it after all others."""
    with (folder / "server.starting").open("w") as starting, (folder / "server.users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        address, started = folder / "server.address", None
        with held(starting, fcntl.LOCK_EX):
            if not address.exists():
                started = start()
                address.write_text(started.bootstrap)
        yield address.read_text()
        if started is not None:
            fcntl.flock(users, fcntl.LOCK_EX)
            started.stop()


class Turns:
    """Tests of several workers run side by side, but for those that want the machine to themselves."""

    def __init__(self, folder: Path) -> None:
        self._gate = (folder / "turns.gate").open("w")
        self._running = (folder / "turns.running").open("w")

    @contextmanager
    def take(self, *, alone: bool) -> Iterator[None]:
        """A turn, beside others or alone. Who waits to be alone keeps the gate, so that none enters first."""
        with held(self._gate, fcntl.LOCK_EX):
            fcntl.flock(self._running, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        try:
            yield
        finally:
            fcntl.flock(self._running, fcntl.LOCK_UN)


@contextmanager
def held(file: IO[str], kind: int) -> Iterator[None]:
    fcntl.flock(file, kind)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)
