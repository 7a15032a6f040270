"""The screen of `yupana top`."""

from collections.abc import Mapping

from rich.box import SIMPLE_HEAD
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from yupana_server.cli.top_figures import Figures, Spread


def screen(figures: Figures, *, silent: tuple[str, ...] = ()) -> RenderableType:
    """Return the screen: what comes in, what becomes of it, where time goes."""
    return Group(
        _headline(figures, silent),
        _calls(figures),
        Columns([_outcomes(figures), _writing(figures), _books(figures)], padding=(0, 4)),
    )


def _headline(figures: Figures, silent: tuple[str, ...]) -> Text:
    servers = f"{figures.servers} server{'' if figures.servers == 1 else 's'}"
    text = Text.assemble(
        ("yupana top", "bold"),
        f"   {servers}   ",
        (f"{figures.commands_per_s:,.0f} commands/s", "bold cyan"),
        f"   {figures.in_flight:,.0f} calls in flight   {figures.cpu_cores:.2f} cores   "
        f"{figures.memory_bytes / 2**20:,.0f} MiB   "
        f"event loop late by {_ms(figures.loop_lag.p99)} (p99)",
    )
    for server in silent:
        text.append(f"\nno answer from {server}", style="red")
    return text


def _calls(figures: Figures) -> Table:
    table = _table("calls", ">a second", ">failed", ">median", ">p99")
    for call in figures.calls:
        table.add_row(
            call.method,
            f"{call.took.per_s:,.1f}",
            _bad(call.failed_per_s),
            _ms(call.took.median),
            _ms(call.took.p99),
        )
    if not figures.calls:
        table.add_row(Text("none", style="dim"))
    return table


def _outcomes(figures: Figures) -> Table:
    table = _table("outcomes", ">a second")
    for name, rate in figures.outcomes.items():
        table.add_row(name, f"{rate:,.1f}")
    for reason, rate in figures.reasons.items():
        table.add_row(Text(f"  {reason}", style="yellow"), f"{rate:,.1f}")
    if not figures.outcomes:
        table.add_row(Text("none", style="dim"))
    return table


def _writing(figures: Figures) -> Table:
    table = _table("writing", ">")
    mean = figures.entries.mean
    for name, value in (
        ("commands waiting", f"{figures.queued:,.0f}"),
        ("wait, median and p99", _two(figures.waited)),
        ("commits a second", f"{figures.appends.per_s:,.1f}"),
        ("entries a commit", "-" if mean is None else f"{mean:,.1f}"),
        ("append, median and p99", _two(figures.appends)),
    ):
        table.add_row(name, value)
    for name, rate in figures.failed_appends.items():
        table.add_row(Text(name, style="yellow"), f"{rate:,.1f}/s")
    for pool in figures.pools:
        waiting = f", {pool.waiting:,.0f} wait" if pool.waiting else ""
        table.add_row(f"pool {pool.name}", f"{pool.used:,.0f} of {pool.size_max:,.0f}{waiting}")
    return table


def _books(figures: Figures) -> Table:
    table = _table("busiest books", ">entries/s", ">waiting")
    for book in figures.books:
        table.add_row(book.book, f"{book.entries_per_s:,.1f}", f"{book.queued:,.0f}")
    rest = figures.books_count - len(figures.books)
    if rest:
        table.add_row(Text(f"and {rest} more", style="dim"))
    if not figures.books:
        table.add_row(Text("none", style="dim"))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        is_number = column.startswith(">")
        table.add_column(column.removeprefix(">"), justify="right" if is_number else "left")
    return table


def _bad(rate: float) -> Text:
    return Text(f"{rate:,.1f}", style="red" if rate else "dim")


def _two(spread: Spread) -> str:
    return f"{_ms(spread.median)}  {_ms(spread.p99)}"


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:,.1f} ms"


def as_json(figures: Figures) -> Mapping[str, object]:
    """Return the figures for programs."""
    plain = figures._asdict()
    for name in ("waited", "appends", "entries", "loop_lag"):
        plain[name] = plain[name]._asdict()
    plain["calls"] = [{**c._asdict(), "took": c.took._asdict()} for c in figures.calls]
    plain["books"] = [book._asdict() for book in figures.books]
    plain["pools"] = [pool._asdict() for pool in figures.pools]
    return plain
