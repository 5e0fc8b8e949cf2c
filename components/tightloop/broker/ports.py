"""Free ports on loopback that stay free while the broker is down."""

from __future__ import annotations

import random
import socket
from contextlib import closing
from pathlib import Path

from tightloop.broker.settings import HOST
from tightloop.errors import ExecutionError

_LOWEST = 20000
_HIGHEST = 32000
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port(taken: frozenset[int] = frozenset()) -> int:
    """A port nobody listens on, below the range from which the system takes the ports of outgoing connections.

    In that range a client that tries to reconnect to a broker which is down may be given the very port it calls, and
    then talks to itself and keeps the broker from coming back. Raises BRK-005 when every port tried is in use.
    """
    for port in random.sample(range(_LOWEST, _ceiling()), 200):
        if port not in taken and is_free(port):
            return port
    raise ExecutionError("BRK-005", f"no free port found on {HOST} between {_LOWEST} and {_ceiling()}")


def is_free(port: int) -> bool:
    """Whether a broker could listen on ``port`` now."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does: a port in TIME_WAIT is free
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _ceiling() -> int:
    try:
        lowest_ephemeral = int(_EPHEMERAL.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return _HIGHEST  # not Linux: the range begins higher
    return min(_HIGHEST, lowest_ephemeral) if lowest_ephemeral > _LOWEST + 1000 else _HIGHEST
