"""Fills a book with many entries: decided by the rules, but written by COPY without a ledger.

What a ledger would have written, so that it can be verified like everything else.
"""

import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import psycopg

from yupana import uuid7
from yupana_server.bench.accounts import ASSET, account, pairs
from yupana_server.bench.clients import Line
from yupana_server.bench.commands import AMOUNT
from yupana_server.bench.copying import Batch, Connection, commit
from yupana_server.bench.loads import Spread
from yupana_server.book.audit import whole_state
from yupana_server.book.commands import Command, CreateTransfer, NormalSide, OpenAccount, OpenAsset
from yupana_server.book.decide import decide
from yupana_server.book.entries import Entry
from yupana_server.book.evolve import evolve
from yupana_server.book.state import State
from yupana_server.journal.encoding import encode_batch
from yupana_server.journal.rows import genesis

BATCH_ENTRIES = 20_000
SEED = 1
SWITCH_INTERVAL_S = 0.0002
"""The thread that writes needs the interpreter for moments only, but a hundred times a batch."""


def fill_book(url: str, book: str, accounts: int, entries: int, line: Line) -> None:
    """Open accounts in a book that has no entries, and write transfers until it has so many."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    decided = islice(_decided(accounts), entries)
    with psycopg.connect(url, autocommit=True) as connection, ThreadPoolExecutor(1) as writer:
        connection.execute("SET synchronous_commit = off")
        number, link = _number(connection, book), genesis(book)
        written: Future[None] | None = None
        while batch := list(islice(decided, BATCH_ENTRIES)):
            encoded = encode_batch(number, link, batch)
            rows = Batch(encoded.journal.encode(), encoded.ids.encode(), len(batch))
            if written is not None:  # One batch is written while the next one is decided.
                written.result()
            written = writer.submit(commit, connection, rows)
            link = encoded.end
            line.progress(link.seq)
        if written is not None:
            written.result()
        connection.execute("VACUUM (ANALYZE) yupana.journal, yupana.ids")


def _number(connection: Connection, book: str) -> int:
    row = connection.execute("SELECT book FROM yupana.books WHERE id = %s", [book]).fetchone()
    if row is None:
        raise RuntimeError(f"the book {book} is gone")
    return int(str(row[0]))


def _decided(accounts: int) -> Iterator[Entry]:
    """Decide commands without an end, each on what the one before it left."""
    state = whole_state()
    yield from _recorded(state, _openings(accounts))
    # All accounts are there now: a plain dict is found in faster than one that knows of all.
    state.accounts, state.assets = dict(state.accounts), dict(state.assets)
    yield from _recorded(state, _transfers(accounts))


def _recorded(state: State, commands: Iterator[Command]) -> Iterator[Entry]:
    for command in commands:
        [entry] = decide(state, [command], time.time_ns() // 1_000).entries
        evolve(state, entry)
        state.outcomes.clear()  # No id comes twice.
        yield entry


def _openings(accounts: int) -> Iterator[Command]:
    yield OpenAsset(f"open-asset:{ASSET}", ASSET, scale=2)
    for id_ in map(account, range(accounts)):
        yield OpenAccount(f"open-account:{id_}", id_, ASSET, NormalSide.CREDIT)


def _transfers(accounts: int) -> Iterator[Command]:
    for debit, credit in pairs(Spread.UNIFORM, accounts, random.Random(SEED)):  # noqa: S311
        yield CreateTransfer(uuid7(), debit, credit, AMOUNT)
