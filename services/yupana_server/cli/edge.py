"""`yupana edge`: what Envoy needs to be the public face."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yupana_server.runtime.config import ConfigError

if TYPE_CHECKING:
    from yupana_server.edge.envoy import Address

PORT_MAX = 65_535

edge_app = typer.Typer(
    help="""Prepares the edge: Envoy, which speaks REST outside and gRPC inside.

    Its configuration is made from the contract of this release, so make it anew with every release.
    """,
    no_args_is_help=True,
)

Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="Write to this file instead of stdout.", show_default=False
    ),
]


@edge_app.command()
def config(
    ledger: Annotated[str, typer.Option(help="Where the ledgers are, host:port.")] = "ledger:7447",
    feed: Annotated[str, typer.Option(help="Where the feeds are, host:port.")] = "feed:7448",
    listen: Annotated[str, typer.Option(help="Where to serve, host:port.")] = "0.0.0.0:8080",
    admin: Annotated[
        str | None,
        typer.Option(
            help="Where Envoy serves its own page and metrics to operators, host:port. Keep it "
            "where callers cannot reach it.",
            show_default=False,
        ),
    ] = None,
    output: Output = None,
) -> None:
    """Writes Envoy's configuration.

    Example: yupana edge config --ledger 10.0.0.5:7447 -o envoy.json && envoy -c envoy.json
    """
    import json

    from yupana_server.edge.envoy import configuration

    found = configuration(
        _address("--listen", listen),
        {"ledger": _address("--ledger", ledger), "feed": _address("--feed", feed)},
        admin=None if admin is None else _address("--admin", admin),
    )
    _write(json.dumps(found, indent=1) + "\n", output)


@edge_app.command()
def openapi(output: Output = None) -> None:
    """Writes the OpenAPI 3.1 document of the public contract, as the edge serves it.

    Example: yupana edge openapi -o openapi.json
    """
    from importlib.resources import files

    _write((files("yupana_server.edge") / "openapi.json").read_text(), output)


def _address(option: str, text: str) -> "Address":
    from yupana_server.edge.envoy import Address

    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) <= PORT_MAX:
        raise ConfigError(f"{option} {text}: host:port is needed, such as ledger:7447")
    return Address.read(text)


def _write(text: str, output: Path | None) -> None:
    if output is None:
        print(text, end="")
    else:
        output.write_text(text)
