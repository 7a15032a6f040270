"""`yupana serve`: runs one of the services until it is told to stop."""

import asyncio
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
) -> None:
    """Serves the ledger. Configured by YUPANA_* variables; see docs/configuration.md."""
    from yupana_server.ledger.service import serve

    config = ledger_config(database_url=database_url, listen=listen)
    set_up_logs(config.log_level, config.log_format, "ledger")
    asyncio.run(serve(config))


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
    asyncio.run(serve(config))


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
    asyncio.run(serve(config))


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
    asyncio.run(serve(config))
