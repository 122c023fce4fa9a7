"""Loopback ports. A free port may be taken a moment later: callers retry then."""

import random
import socket

HOST = "127.0.0.1"
TRIES = 5
RANGE = (20_000, 32_000)
CLASH = "Address already in use"  # in the log of Redis and of Java alike


def free_port() -> int:
    """A loopback TCP port that is free now, below the ephemeral ports, which may be taken at any moment."""
    for _ in range(100):
        port = random.randrange(*RANGE)
        if is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now (connections in TIME_WAIT do not matter)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def is_open(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    try:
        socket.create_connection((HOST, port), timeout=2).close()
    except OSError:
        return False
    return True
