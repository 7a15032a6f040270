"""How the commands reach the ledger."""

from typing import Annotated, TypeAlias

import typer

from yupana import Yupana
from yupana_server.runtime.config import DEFAULT_PORT, ConfigError

DEFAULT_SERVER = f"127.0.0.1:{DEFAULT_PORT}"
# A person waits; whoever wants to be patient repeats the command, which is safe.
TIMEOUT_S = 5.0

ServerOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--server",
        envvar="YUPANA_SERVER",
        help="The ledger, host:port; several separated by commas.",
    ),
]


def connect(server: str, timeout_s: float = TIMEOUT_S) -> Yupana:
    """Return a client of the servers that an option or YUPANA_SERVER names.

    Raises:
        ConfigError: It is not a list of host:port.
    """
    return Yupana(*_addresses(server), write_timeout_s=timeout_s, read_timeout_s=timeout_s)


def _addresses(server: str) -> list[str]:
    addresses = [address.strip() for address in server.split(",")]
    for address in addresses:
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ConfigError(
                f"the server {address!r} is not host:port, such as {DEFAULT_SERVER}: "
                "check --server and YUPANA_SERVER"
            )
    return list(dict.fromkeys(addresses))
