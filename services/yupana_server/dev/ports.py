"""Loopback ports for servers that are started, killed and started again."""

import atexit
import secrets
import socket
import sys
from collections import deque
from enum import StrEnum

LOOPBACK = "127.0.0.1"

# The range lies below the ports that Linux (32768 up) and macOS (49152 up) give to outgoing
# connections. A client that retries against a stopped server inside that range can be handed
# the server's own port, connect to itself, and so keep the server from coming back.
FIRST_PORT = 20_000
LAST_PORT = 29_999
MAX_PICKS = 100
# A server that a test stopped may start again long after others have picked theirs.
HELD_PORTS_MAX = 100

_held: deque[socket.socket] = deque()


class PortTrouble(StrEnum):
    """Why a server cannot listen on a port."""

    IN_USE = "in use"
    NOT_PERMITTED = "not permitted"
    """Systems keep the ports below 1024 for root."""


def pick_port() -> int:
    """Return a loopback TCP port that is free, and that no other call returns for a while.

    A server may listen on it; other processes that pick ports keep away from it as long as this
    one lives, or until it has picked HELD_PORTS_MAX others. The choice is random, and not taken
    from the seeded generator that tests share.

    Raises:
        RuntimeError: none of MAX_PICKS random ports was free.
    """
    for _ in range(MAX_PICKS):
        port = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT + 1)
        if hold_port(port):
            return port
    raise RuntimeError(
        f"no free port on {LOOPBACK} in {MAX_PICKS} picks from {FIRST_PORT} to {LAST_PORT}: "
        "stop other servers or pass a port"
    )


def hold_port(port: int) -> bool:
    """Keep `pick_port`, here and in other processes, away from a port; tell whether that worked.

    A socket holds it that is bound and does not listen. It is bound without SO_REUSEADDR, so two
    cannot hold one port, and has the option afterwards, so that servers, which all listen with
    it, share the port with it.
    """
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        holder.bind((LOOPBACK, port))
    except OSError:
        holder.close()
        return False
    if sys.platform != "linux":  # Elsewhere the server could not listen beside it.
        holder.close()
        return True
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _held.append(holder)
    if len(_held) > HELD_PORTS_MAX:
        _held.popleft().close()
    return True


@atexit.register
def _let_go() -> None:
    """Say nothing at the end of sockets that are still open."""
    while _held:
        _held.pop().close()


def is_port_free(port: int) -> bool:
    """Tell whether a server could listen on this loopback port now."""
    return port_trouble(port) is None


def port_trouble(port: int) -> PortTrouble | None:
    """Tell why a server could not listen on this loopback port now; None when it could."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Both servers listen with this option too. Without it a port would look taken while
        # connections of the server that just stopped linger in TIME_WAIT.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except PermissionError:
            return PortTrouble.NOT_PERMITTED
        except OSError:
            return PortTrouble.IN_USE
    return None
