"""`yupana import`: brings a file of transfers into a book."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from yupana import BookClient
from yupana_server.book.bounds import SCALE_MAX
from yupana_server.cli.connection import DEFAULT_SERVER, ServerOption, connect
from yupana_server.cli.import_display import Display, RejectsFile
from yupana_server.cli.import_files import Format, Source, format_of
from yupana_server.cli.import_lines import LineRules
from yupana_server.cli.import_sender import (
    ATTEMPT_TIMEOUT_S,
    Listener,
    Patience,
    Sender,
    Sending,
    Tally,
)
from yupana_server.cli.opening import open_asset
from yupana_server.cli.output import JsonOption, print_facts, print_json, stderr
from yupana_server.runtime.config import ConfigError

# The longest lines there can be then still make a request that fits into a message of 16 MB.
BATCH_MAX = 1_000
STDIN = Path("-")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to import, and how."""

    path: Path
    form: Format
    book: str
    server: str
    rejects_path: Path
    rules: LineRules
    """Without the scales, which the ledger knows."""
    open_assets: dict[str, int]
    """Assets to open first, with their scales."""
    sending: Sending
    patience_s: float


def import_file(
    file: Annotated[Path, typer.Argument(help="The file; - is standard input.")],
    book: Annotated[str, typer.Option(help="The book, which must exist.")],
    form: Annotated[
        Format | None,
        typer.Option("--format", help="Unless the file's suffix says it.", show_default=False),
    ] = None,
    decimal: Annotated[
        bool,
        typer.Option(
            "--decimal",
            help="Amounts are decimal numbers such as 12.50, converted exactly by the scale of "
            "the line's asset. Without it they are whole numbers of the smallest unit.",
        ),
    ] = False,
    asset: Annotated[str, typer.Option(help="The asset of lines that name none.")] = "",
    open_asset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ASSET:SCALE",
            help="Open this asset first, such as USD:2. May be repeated.",
            show_default=False,
        ),
    ] = None,
    open_accounts: Annotated[
        bool,
        typer.Option(
            "--open-accounts",
            help="Open accounts that are not open, with the line's asset and without limits.",
        ),
    ] = False,
    unordered: Annotated[
        bool,
        typer.Option(
            "--unordered",
            help="Have several requests under way. Lines may then be decided in another order "
            "than the file's, and be rejected for a floor that the file's order respects.",
        ),
    ] = False,
    in_flight: Annotated[
        int, typer.Option(help="How many requests at a time, with --unordered.", min=1, max=64)
    ] = 4,
    batch: Annotated[
        int, typer.Option(help="How many lines a request carries.", min=1, max=BATCH_MAX)
    ] = BATCH_MAX,
    rejects: Annotated[
        Path | None,
        typer.Option(
            help="Where lines go that were not posted. FILE.rejects.jsonl unless given.",
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    patience: Annotated[
        float,
        typer.Option(help="For how many seconds to wait for a ledger that is away.", min=0),
    ] = 60.0,
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Imports transfers from a CSV or JSON Lines file.

    CSV has a header row with the columns id, debit, credit, amount and, if wanted, asset,
    effective_time (ISO 8601; a date is its midnight UTC), code, description, reference, and labels
    (a JSON object, or key=value;key=value) or one column label.KEY for each key. JSON Lines has the
    same keys, one object a line.

    Lines are decided in the file's order. One that is wrong, or that the ledger rejects or
    refuses, stops nothing: it goes to the rejects file with its line number and the reason. Exits
    with 0 when every line is in the book, else with 1.

    Run it again as often as you like: an id that is in the book comes back as a replay. While the
    ledger is away the import waits for it.

    Mind: without --open-accounts a line whose account is not open is rejected by the ledger. That
    is recorded and final, its id is spent.

    Example: yupana import sales.csv --book shop --decimal --asset USD --open-accounts
    """
    plan = Plan(
        path=file,
        form=_format(file, form),
        book=book,
        server=server,
        rejects_path=_rejects_path(file, rejects),
        rules=LineRules(asset=asset, decimal=decimal, asset_needed=open_accounts),
        open_assets=dict(map(_asset_and_scale, open_asset or ())),
        sending=Sending(
            batch=batch, in_flight=in_flight if unordered else 1, open_accounts=open_accounts
        ),
        patience_s=patience,
    )
    tally, seconds = _run(plan)
    _print_summary(plan, tally, seconds, as_json)
    if not tally.complete:
        sys.exit(1)


def _run(plan: Plan) -> tuple[Tally, float]:
    try:
        return asyncio.run(_import(plan))
    except KeyboardInterrupt:
        stderr().print("Interrupted. Run the same import again to go on.")
        raise


async def _import(plan: Plan) -> tuple[Tally, float]:
    """Return what became of the lines, and in how many seconds."""
    with (
        _opened(plan.path) as file,
        RejectsFile(plan.rejects_path) as rejects,
        Display(file, plan.path.name) as display,
    ):
        source = Source(file)
        patience = Patience(plan.patience_s, display.note)
        async with connect(plan.server, ATTEMPT_TIMEOUT_S) as yupana:
            book = yupana.book(plan.book)
            rules = await patience.call(lambda timeout_s: _prepare(book, plan, timeout_s))
            listener = Listener(rejects.write, lambda tally: display.show(tally, source.read_bytes))
            sender = Sender(book, rules, plan.sending, patience, listener)
            started_s = time.monotonic()
            await sender.run(source.records(plan.form))
            return sender.tally, time.monotonic() - started_s


async def _prepare(book: BookClient, plan: Plan, timeout_s: float) -> LineRules:
    """Open assets and learn the scales of all; fails early when there is no such book."""
    for asset, scale in plan.open_assets.items():
        await open_asset(book, asset, scale, timeout_s=timeout_s)
    scales = {asset.id: asset.scale async for asset in book.list_assets(timeout_s=timeout_s)}
    given = plan.rules
    return LineRules(given.asset, given.decimal, given.asset_needed, scales)


def _format(path: Path, given: Format | None) -> Format:
    if path == STDIN and given is None:
        raise ConfigError("standard input has no suffix: give --format csv or --format jsonl")
    return format_of(path, given)


def _rejects_path(path: Path, given: Path | None) -> Path:
    default = Path("stdin") if path == STDIN else path
    rejects = given or default.with_name(f"{default.name}.rejects.jsonl")
    if path != STDIN and rejects.resolve() == path.resolve():
        raise ConfigError(f"--rejects {rejects} would overwrite the file: choose another one")
    return rejects


def _asset_and_scale(text: str) -> tuple[str, int]:
    asset, _, scale = text.rpartition(":")
    if not asset or not scale.isdecimal() or int(scale) > SCALE_MAX:
        raise ConfigError(
            f"--open-asset {text}: ASSET:SCALE, such as USD:2, scale 0 to {SCALE_MAX}"
        )
    return asset, int(scale)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if path == STDIN:
        yield sys.stdin.buffer
        return
    with path.open("rb") as file:
        yield file


def _print_summary(plan: Plan, tally: Tally, seconds: float, as_json: bool) -> None:
    per_s = round(tally.lines / seconds) if seconds else 0
    rejects = None if tally.complete else str(plan.rejects_path)
    if as_json:
        counts = {"book": plan.book, **asdict(tally)}
        times = {"seconds": round(seconds, 3), "per_second": per_s}
        print_json({**counts, **times, "rejects": rejects})
        return
    counted = {name: count for name, count in asdict(tally).items() if isinstance(count, int)}
    print_facts(
        [
            *((name.replace("_", " "), f"{count:,}") for name, count in counted.items()),
            ("seconds", f"{seconds:.1f}"),
            ("per second", f"{per_s:,}"),
            *((f"  {reason}", f"{count:,}") for reason, count in tally.reasons.items()),
            ("not posted, see", rejects or ""),
        ]
    )
