"""`yupana bench`: measures how fast the ledger is, beside the limit and the usual way."""

import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from yupana_server.cli.output import stderr
from yupana_server.journal.errors import JournalError
from yupana_server.runtime.config import ConfigError
from yupana_server.runtime.logs import set_up_logs

if TYPE_CHECKING:
    from yupana_server.bench.results import Report

MISSED = 1
WRONG = 2
TERMINATED = 143


def bench(
    profiles: Annotated[
        list[str] | None,
        typer.Argument(help="What to measure: see --list. Without: all but what takes minutes."),
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="List the profiles and end.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only the profiles with goals, within a minute.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Also a million accounts and 20 million entries.")
    ] = False,
    runs: Annotated[
        int | None,
        typer.Option(
            min=1, max=100, help="How many rounds: 3, with --quick 2.", show_default=False
        ),
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(
            min=0.1, max=3_600, help="Seconds a run: 3, with --quick 0.5.", show_default=False
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Write results.json and results.html, a page with plots, into this folder.",
            file_okay=False,
            show_default=False,
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Print the goals beside it; exit with 1 if one is missed."),
    ] = False,
    target: Annotated[
        list[str] | None,
        typer.Option(help="host:port of a ledger that runs; twice for two.", show_default=False),
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(
            help="With --target: its database, as a role that may create databases. Without it "
            "nothing is verified, and there are no baselines in Postgres.",
            show_default=False,
        ),
    ] = None,
    feed: Annotated[
        bool, typer.Option("--feed", help="Have a feed fold projections meanwhile.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Measures how fast the ledger is, beside the limit and the usual way, and verifies the books.

    Starts PostgreSQL and a ledger in a temporary folder and sends loads from processes of their
    own, in rounds. In each round profiles are compared with the same rows written by a bare COPY
    loop (limit), with stored procedures that lock rows (procedure, batched, summed), and with a
    gRPC server that does nothing (empty). Ratios say more than rates, which are the machine's.
    Exits with 1 when --check misses a goal, with 2 on errors and when a book does not verify.

    For example:

    - yupana bench --quick
    - yupana bench --check --output bench
    - yupana bench batches-1000 hot --runs 5
    - yupana bench single --target 127.0.0.1:7447
    """
    console = Console(highlight=False)
    with _errors_exit_with_2():
        from yupana_server.bench.command import Options, run_benchmark
        from yupana_server.bench.report import files, terminal
        from yupana_server.bench.report.as_json import to_json
        from yupana_server.bench.report.progress import Progress

        if show_list:
            terminal.print_profiles(console)
            return
        if database_url and not target:
            raise ConfigError("--database-url goes with --target: without it both are started")
        options = Options(
            names=profiles or (),
            quick=quick,
            full=full,
            runs=runs,
            duration_s=duration,
            targets=target or (),
            database_url=database_url,
            feed=feed,
        )
        if output is not None:
            files.require_plots()
        signal.signal(signal.SIGTERM, _terminate)
        set_up_logs("error", "console")
        with Progress(stderr()) as say:
            report = run_benchmark(options, say)
        if as_json:
            print(to_json(report), end="")
        else:
            terminal.print_report(console, report, with_goals=check)
        if output is not None:
            for path in files.write(report, output):
                stderr().print(f"wrote {path}", soft_wrap=True)
    sys.exit(_exit_code(report, check=check))


def _exit_code(report: "Report", *, check: bool) -> int:
    if not report.good:
        return WRONG
    measured = [goal for goal in report.goals if goal.met is not None]
    if check and not measured:
        stderr().print("yupana: no goal was measured: give profiles that have one", soft_wrap=True)
        return WRONG
    return MISSED if check and not all(goal.met for goal in measured) else 0


@contextmanager
def _errors_exit_with_2() -> Iterator[None]:
    """Print what went wrong, without a stack trace where a user can mend it, and exit with 2."""
    try:
        yield
    except ModuleNotFoundError as error:
        advice = "pip install 'yupana-server[bench,dev]'"
        _fail(f"`yupana bench` needs packages that are not installed ({error.name}): {advice}")
    except (ConfigError, OSError, JournalError) as error:
        _fail(str(error))
    except Exception as error:
        from yupana_server.bench.clients import ClientError

        if isinstance(error, ClientError):
            _fail(str(error))
        traceback.print_exc()
        sys.exit(WRONG)


def _fail(message: str) -> NoReturn:
    print(f"yupana: {message}", file=sys.stderr)
    sys.exit(WRONG)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    # As an exception, so that what was started is ended.
    sys.exit(TERMINATED)
