"""A port that several processes are going to listen at, and nobody else."""

import errno
import socket
from collections.abc import Sequence


class ReservedPort:
    """Holds a port without listening, so that processes of ours can come and go there."""

    def __init__(self, listen: str):
        """`listen` is host:port; port 0 takes a free one.

        Raises:
            OSError: Somebody else is there, or the host is not one of this machine.
        """
        host, _, port = listen.rpartition(":")
        self._sockets: list[socket.socket] = []
        try:
            self.address = f"{host}:{self._reserve(host, int(port))}"
        except OSError as error:
            self.close()
            why = "is the port in use?" if error.errno == errno.EADDRINUSE else error.strerror
            raise OSError(f"cannot listen at {listen}: {why}") from error

    def close(self) -> None:
        """Let go of the port, or in a child: leave it to the parent."""
        for held in self._sockets:
            held.close()

    def _reserve(self, host: str, port: int) -> int:
        for family, address in _addresses(host, port):
            held = socket.socket(family, socket.SOCK_STREAM)
            self._sockets.append(held)
            # Without SO_REUSEPORT this fails where anybody listens, also one who would share.
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind((address[0], port, *address[2:]))
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            port = held.getsockname()[1]
        # Until its processes listen, a second one of us would be let in: this name keeps it out.
        mark = socket.socket(socket.AF_UNIX)
        self._sockets.append(mark)
        mark.bind(f"\0yupana {host}:{port}")
        return port


def _addresses(host: str, port: int) -> Sequence[tuple[int, tuple[str, ...]]]:
    found = socket.getaddrinfo(
        host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return [(family, address) for family, _, _, _, address in found]  # type: ignore[misc]
