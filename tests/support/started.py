"""Processes that a test starts by itself, and the accounts of their book."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

from support.databases import Database
from support.processes import LedgerProcess
from yupana.book import BookClient

StartLedger = Callable[..., LedgerProcess]
Start = Callable[..., Awaitable[tuple[LedgerProcess, BookClient]]]

Process = TypeVar("Process", bound=LedgerProcess)


def starting(
    kind: type[Process], folder: Path, url_of: Callable[[Database], str]
) -> Iterator[Callable[..., Process]]:
    """Yield what starts processes for a database, with options; they end with the fixture."""
    processes: list[Process] = []

    def start(database: Database, *, url: str | None = None, **options: object) -> Process:
        log_path = folder / f"{kind.service}-{len(processes)}.log"
        process = kind(url or url_of(database), log_path, **options)  # type: ignore[arg-type]
        processes.append(process)
        process.start()
        return process

    yield start
    for process in processes:
        process.kill()


async def open_accounts(book: BookClient) -> None:
    await book.open_asset("USD", scale=2)
    await book.open_account("world", asset="USD")
    await book.open_account("users:1", asset="USD", min_balance=0)
