"""The `yupana` command: one file a group of subcommands, put together here.

What only one command needs is imported inside it: gRPC, Alembic and OpenTelemetry together take
most of a second, and every command would pay it.
"""

import sys

import typer

from yupana_server.cli.account import account_app
from yupana_server.cli.audit import audit_app
from yupana_server.cli.bench import bench
from yupana_server.cli.book import book_app
from yupana_server.cli.demo import demo
from yupana_server.cli.dev import dev
from yupana_server.cli.edge import edge_app
from yupana_server.cli.epoch import epoch_app
from yupana_server.cli.erasing import erase
from yupana_server.cli.errors import explained
from yupana_server.cli.feed import feed_app
from yupana_server.cli.health import health
from yupana_server.cli.hold import hold_app
from yupana_server.cli.importing import import_file
from yupana_server.cli.key import key_app
from yupana_server.cli.migrate import migrate
from yupana_server.cli.payment import payment_app
from yupana_server.cli.rebuild import rebuild
from yupana_server.cli.serve import serve_app
from yupana_server.cli.top import top
from yupana_server.cli.trace import trace
from yupana_server.cli.transfer import transfer_app
from yupana_server.cli.verify import verify
from yupana_server.cli.webhook import webhook_app

RUNNING = "Running a ledger"
USING = "Using a ledger"

app = typer.Typer(
    name="yupana",
    help="""Yupana counts exactly once: a double-entry ledger over Postgres.

    With --json a result is one JSON document on stdout, and an error is one JSON object, the last
    line of stderr: {"error": {"reason": …, "message": …}}, with facts, violations, ids and advice
    where there are any. Exits with 1 on an error, with 2 when the command line is wrong.
    """,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",  # The default keeps the line breaks of docstrings.
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(book_app, name="book", rich_help_panel=USING)
app.add_typer(account_app, name="account", rich_help_panel=USING)
app.add_typer(transfer_app, name="transfer", rich_help_panel=USING)
app.add_typer(hold_app, name="hold", rich_help_panel=USING)
app.add_typer(payment_app, name="payment", rich_help_panel=USING)
app.add_typer(feed_app, name="feed", rich_help_panel=USING)
app.add_typer(webhook_app, name="webhook", rich_help_panel=USING)
app.command(rich_help_panel=USING)(erase)
app.command("import", rich_help_panel=USING)(import_file)
app.command(rich_help_panel=RUNNING)(demo)
app.command(rich_help_panel=RUNNING)(dev)
app.command(rich_help_panel=RUNNING)(bench)
app.add_typer(serve_app, name="serve", rich_help_panel=RUNNING)
app.command(rich_help_panel=RUNNING)(health)
app.command(rich_help_panel=RUNNING)(top)
app.command(rich_help_panel=RUNNING)(trace)
app.command(rich_help_panel=RUNNING)(migrate)
app.command(rich_help_panel=RUNNING)(verify)
app.command(rich_help_panel=RUNNING)(rebuild)
app.add_typer(audit_app, name="audit", rich_help_panel=RUNNING)
app.add_typer(edge_app, name="edge", rich_help_panel=RUNNING)
app.add_typer(key_app, name="key", rich_help_panel=RUNNING)
app.add_typer(epoch_app, name="epoch", rich_help_panel=RUNNING)


def main() -> None:
    """Run the command; errors that a user can mend are one line on stderr and exit code 1."""
    with explained():
        app(prog_name="yupana")
    sys.exit(0)


if __name__ == "__main__":
    main()
