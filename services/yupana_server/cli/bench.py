"""`yupana bench`: measures how fast the ledger is, beside the limit and the usual way."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def bench(
    profiles: Annotated[
        list[str] | None, typer.Argument(help="Which profiles. None: all but those with --full.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Only what matters, in a minute.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 when a goal is missed.")
    ] = False,
    runs: Annotated[
        int | None, typer.Option(min=1, max=100, help="How many rounds.", show_default="3")
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(min=0.1, max=3600, help="Seconds of each run.", show_default="3"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Write results.json here.", file_okay=False),
    ] = None,
) -> None:
    """Measures."""
    from rich.console import Console

    from yupana_server.bench.command import Options, run_benchmark
    from yupana_server.bench.report.as_json import to_json
    from yupana_server.bench.report.terminal import print_goals, print_report

    options = Options(names=profiles or [], quick=quick, runs=runs, duration_s=duration)
    report = run_benchmark(options, lambda text: print(text, file=sys.stderr))
    console = Console(highlight=False)
    print_report(console, report)
    if check:
        print_goals(console, report.goals)
    if output:
        output.mkdir(parents=True, exist_ok=True)
        (output / "results.json").write_text(to_json(report))
