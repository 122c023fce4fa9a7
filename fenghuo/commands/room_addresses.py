"""Where each room listens: host, port and URL by its settings; and whether the ports are free."""

import errno
import socket
from collections.abc import Iterable

from fenghuo.errors import Refused
from fenghuo.settings import Settings

_HOST_OF = {"producers": "intake", "console": "console"}
_PORT_OF = {"producers": "intake"}
_ANY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
"""The address to connect to when a room listens on all addresses (on "::" it takes no IPv4)."""


def listening_address(settings: Settings, room: str) -> tuple[str, int]:
    """(host, port) that ``room`` listens on."""
    host = getattr(settings, f"{_HOST_OF.get(room, 'health')}_host")
    return host, getattr(settings, f"{_PORT_OF.get(room, room)}_port")


def url_of(settings: Settings, room: str) -> str:
    """The URL of ``room`` for programs on this machine."""
    host, port = listening_address(settings, room)
    host = _ANY_ADDRESS.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def check_ports(settings: Settings, rooms: Iterable[str]) -> None:
    """Raise Refused, naming the setting to change, unless each of ``rooms`` can listen on its port."""
    for room in rooms:
        host, port = listening_address(settings, room)
        variable = f"FENGHUO_{_PORT_OF.get(room, room).upper()}_PORT"
        try:
            _try_to_listen(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise Refused(
                    f"{room} cannot listen on {host}, port {port} ({error.strerror}): change "
                    f"FENGHUO_{_HOST_OF.get(room, 'health').upper()}_HOST or {variable}"
                ) from error
            raise Refused(
                f"port {port} ({room}) is taken by another program: end it, "
                f"or choose another port with {variable}=..."
            ) from error


def _try_to_listen(host: str, port: int) -> None:
    """Raise OSError if no server could listen there now (connections in TIME_WAIT do not matter)."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if probe.family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind((host, port))
