"""`yupana serve`: runs one of the services until it is told to stop."""

from collections.abc import Coroutine
from typing import Annotated

import typer

from yupana_server.cli.database import DatabaseUrl
from yupana_server.runtime.config import access_config, feed_config, ledger_config, worker_config
from yupana_server.runtime.logs import set_up_logs

Listen = Annotated[
    str | None, typer.Option(help="host:port, instead of YUPANA_LISTEN.", show_default=False)
]

serve_app = typer.Typer(
    help="Runs one of the services until SIGTERM or Ctrl-C, then drains.", no_args_is_help=True
)


@serve_app.command("ledger")
def serve_ledger(
    database_url: DatabaseUrl = None,
    listen: Listen = None,
    processes: Annotated[
        int | None,
        typer.Option(
            help="How many processes serve at the port, instead of YUPANA_PROCESSES.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serves the ledger. Configured by YUPANA_* variables; see docs/configuration.md."""
    config = ledger_config(database_url=database_url, listen=listen, processes=processes)
    set_up_logs(config.log_level, config.log_format, "ledger")
    place = None
    if config.processes > 1:
        from yupana_server.runtime.supervisor import supervise

        config, place = supervise(config)  # What follows is one of the processes.
        set_up_logs(config.log_level, config.log_format, f"ledger-{place.index}")
    from yupana_server.ledger.service import serve

    _run(serve(config, place=place))


@serve_app.command("feed")
def serve_feed(
    database_url: DatabaseUrl = None,
    listen: Listen = None,
) -> None:
    """Follows the journals and keeps the projections that lists and sums are read from.

    Configured by YUPANA_* variables; see docs/configuration.md.
    """
    from yupana_server.feed.service import serve

    config = feed_config(database_url=database_url, listen=listen)
    set_up_logs(config.log_level, config.log_format, "feed")
    _run(serve(config))


@serve_app.command("worker")
def serve_worker(
    database_url: DatabaseUrl = None,
    listen: Listen = None,
) -> None:
    """Audits all journals, all the time, within a share of a core.

    Configured by YUPANA_* variables; see docs/configuration.md.
    """
    from yupana_server.worker.service import serve

    config = worker_config(database_url=database_url, listen=listen)
    set_up_logs(config.log_level, config.log_format, "worker")
    _run(serve(config))


@serve_app.command("access")
def serve_access(
    database_url: DatabaseUrl = None,
    listen: Listen = None,
) -> None:
    """Manages keys and quotas, and tells the edge who may come in.

    Configured by YUPANA_* variables; see docs/configuration.md.
    """
    from yupana_server.access.service import serve

    config = access_config(database_url=database_url, listen=listen)
    set_up_logs(config.log_level, config.log_format, "access")
    _run(serve(config))


def _run(service: Coroutine[None, None, None]) -> None:
    """Run a service on uvloop: a call takes a tenth less of a core than on asyncio's own loop."""
    import uvloop

    uvloop.run(service)
