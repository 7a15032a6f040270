"""`yupana top`: what servers do at this moment, in the terminal."""

import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.live import Live

from yupana_server.cli.output import JsonOption, print_json, stdout
from yupana_server.runtime.config import ConfigError

if TYPE_CHECKING:
    from yupana_server.cli.top_figures import Page

DEFAULT_METRICS = "127.0.0.1:9464"
ANSWER_TIMEOUT_S = 2.0


def top(
    servers: Annotated[
        list[str] | None,
        typer.Argument(
            help="host:port of each server's metrics page, as YUPANA_METRICS_LISTEN says there.",
            show_default=DEFAULT_METRICS,
        ),
    ] = None,
    every: Annotated[
        float, typer.Option(help="How often to look, in seconds.", min=0.2, max=60)
    ] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Shows live what servers do: calls, outcomes, queue, commits, the busiest books.

    Reads the figures that each server serves at its YUPANA_METRICS_LISTEN; `yupana dev` sets that.
    Ctrl-C ends it. With --json it looks once.

    Example: yupana top 10.0.0.1:9464 10.0.0.2:9464
    """
    names = servers or [DEFAULT_METRICS]
    if once or as_json:
        _show_once(names, every, as_json=as_json)
        return
    try:
        _show_live(names, every)
    except KeyboardInterrupt:
        return


def _show_once(names: Sequence[str], every: float, *, as_json: bool) -> None:
    from yupana_server.cli.top_figures import figures_of
    from yupana_server.cli.top_screen import as_json as json_of
    from yupana_server.cli.top_screen import screen

    earlier = _pages(names)
    time.sleep(every)
    later = _pages(names)
    figures = figures_of((earlier[name], page) for name, page in later.items() if name in earlier)
    if as_json:
        print_json(json_of(figures))
    else:
        stdout().print(screen(figures, silent=_silent(names, later)))


def _show_live(names: Sequence[str], every: float) -> None:
    from yupana_server.cli.top_figures import figures_of
    from yupana_server.cli.top_screen import screen

    earlier = _pages(names)
    with Live(console=stdout(), screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(every)
            later = _pages(names, needed=False)
            pairs = [(earlier[name], page) for name, page in later.items() if name in earlier]
            live.update(screen(figures_of(pairs), silent=_silent(names, later)), refresh=True)
            earlier = later


def _pages(names: Sequence[str], *, needed: bool = True) -> "dict[str, Page]":
    """Read the pages of the servers that answer.

    Raises:
        ConfigError: One is needed and none answers.
    """
    from yupana_server.cli.top_figures import read_page

    found: dict[str, Page] = {}
    for name in names:
        try:
            found[name] = read_page(_text(name), time.monotonic())
        except (urllib.error.URLError, OSError, ValueError) as error:
            if needed and name == names[-1] and not found:
                raise ConfigError(
                    f"no metrics at {name}: start the server with YUPANA_METRICS_LISTEN={name}, or "
                    "say where its metrics are"
                ) from error
    return found


def _text(name: str) -> str:
    url = name if name.startswith(("http://", "https://")) else f"http://{name}/metrics"
    with urllib.request.urlopen(url, timeout=ANSWER_TIMEOUT_S) as answer:  # noqa: S310 (http only)
        text: bytes = answer.read()
    return text.decode()


def _silent(names: Sequence[str], answered: "dict[str, Page]") -> tuple[str, ...]:
    return tuple(name for name in names if name not in answered)
