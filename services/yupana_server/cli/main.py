"""The `yupana` command: one file a group of subcommands, put together here."""

import sys

import typer

from yupana_server.cli.errors import explained
from yupana_server.cli.migrate import migrate
from yupana_server.cli.serve import serve_app
from yupana_server.cli.verify import verify

app = typer.Typer(
    name="yupana",
    help="Yupana counts exactly once: a double-entry ledger over Postgres.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(serve_app, name="serve")
app.command()(migrate)
app.command()(verify)


def main() -> None:
    """Run the command; errors that a user can mend are one line on stderr and exit code 1."""
    with explained():
        app(prog_name="yupana")
    sys.exit(0)


if __name__ == "__main__":
    main()
