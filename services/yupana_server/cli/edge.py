"""`yupana edge`: what Envoy needs to be the public face."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yupana_server.runtime.config import ConfigError

if TYPE_CHECKING:
    from yupana_server.edge.envoy import Address
    from yupana_server.edge.tls import Certificate

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
Pem = Annotated[Path | None, typer.Option(help="Its file in PEM.", show_default=False)]


@edge_app.command()
def config(
    ledger: Annotated[str, typer.Option(help="Where the ledgers are, host:port.")] = "ledger:7447",
    feed: Annotated[str, typer.Option(help="Where the feeds are, host:port.")] = "feed:7448",
    access: Annotated[
        str | None,
        typer.Option(
            help="Where access is, host:port, such as access:7450. Without it the edge asks nobody "
            "who they are.",
            show_default=False,
        ),
    ] = None,
    listen: Annotated[str, typer.Option(help="Where to serve, host:port.")] = "0.0.0.0:8080",
    admin: Annotated[
        str | None,
        typer.Option(
            help="Where Envoy serves its own page and metrics to operators, host:port. Keep it "
            "where callers cannot reach it.",
            show_default=False,
        ),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            help="What is shown to callers, in PEM. Without it they speak plain text.",
            show_default=False,
        ),
    ] = None,
    key: Pem = None,
    services_ca: Annotated[
        Path | None,
        typer.Option(
            help="Who certified the services, in PEM. Without it they are called in plain text.",
            show_default=False,
        ),
    ] = None,
    services_certificate: Annotated[
        Path | None,
        typer.Option(
            help="What is shown to services that want to know who calls, in PEM.",
            show_default=False,
        ),
    ] = None,
    services_key: Pem = None,
    output: Output = None,
) -> None:
    """Writes Envoy's configuration.

    With certificates it writes a file for each beside OUTPUT, by which Envoy finds them and reads
    them again when they change. All these files have to be where Envoy runs, by the same absolute
    paths.

    Example: yupana edge config --ledger 10.0.0.5:7447 -o envoy.json && envoy -c envoy.json
    """
    from yupana_server.edge.envoy import configuration
    from yupana_server.edge.tls import EdgeTls, secrets

    tls = EdgeTls(
        (output or Path("envoy")).absolute().with_suffix(""),
        outside=_certificate("--certificate", certificate, "--key", key),
        inside=_certificate(
            "--services-certificate", services_certificate, "--services-key", services_key
        ),
        authority=None if services_ca is None else services_ca.absolute(),
    )
    processes = {"ledger": _address("--ledger", ledger), "feed": _address("--feed", feed)}
    if access is not None:
        processes["access"] = _address("--access", access)
    found = configuration(
        _address("--listen", listen),
        processes,
        admin=None if admin is None else _address("--admin", admin),
        tls=tls,
    )
    if any(tls[1:]):
        if output is None:
            raise ConfigError("with certificates --output is needed: several files are written")
        for path, secret in secrets(tls).items():
            _write(secret, Path(path))
    _write(found, output)


@edge_app.command()
def openapi(output: Output = None) -> None:
    """Writes the OpenAPI 3.1 document of the public contract, as the edge serves it.

    Example: yupana edge openapi -o openapi.json
    """
    import json
    from importlib.resources import files

    _write(json.loads((files("yupana_server.edge") / "openapi.json").read_text()), output)


def _address(option: str, text: str) -> "Address":
    from yupana_server.edge.envoy import Address

    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) <= PORT_MAX:
        raise ConfigError(f"{option} {text}: host:port is needed, such as ledger:7447")
    return Address.read(text)


def _certificate(
    option: str, certificate: Path | None, key_option: str, key: Path | None
) -> "Certificate | None":
    from yupana_server.edge.tls import Certificate

    if (certificate is None) != (key is None):
        raise ConfigError(f"{option} and {key_option} belong together")
    if certificate is None or key is None:
        return None
    return Certificate(certificate.absolute(), key.absolute())


def _write(document: Any, output: Path | None) -> None:
    import json

    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    if output is None:
        print(text, end="")
    else:
        output.write_text(text)
