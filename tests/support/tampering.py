"""Journals changed behind the ledger's back, by one who may change anything."""

from random import Random

from support.databases import Database
from support.journals import execute
from yupana_server.book.commands import (
    CaptureHold,
    Command,
    CreateHold,
    CreatePayment,
    CreateTransfer,
    Leg,
    Measure,
    OpenAccount,
    OpenAsset,
    ReleaseHold,
    ReverseTransfer,
    Side,
    WindowLimit,
    Words,
)
from yupana_server.book.words import seal
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.rows import chain_hash, encode, genesis

ACCOUNTS = {"world": "USD", "a": "USD", "b": "USD", "c": "USD", "euros": "EUR", "more": "EUR"}
HOUR = WindowLimit(Side.DEBIT, Measure.AMOUNT, 3600, 10_000)


def opening() -> list[Command]:
    """Open two assets and some accounts: `a` has a floor, `c` a window."""
    options = {"a": {"min_balance": 0}, "c": {"windows": (HOUR,)}}
    accounts = [
        OpenAccount(f"open-{account}", account, asset, **options.get(account, {}))  # type: ignore[arg-type]
        for account, asset in ACCOUNTS.items()
    ]
    return [OpenAsset("usd", "USD", 2), OpenAsset("eur", "EUR", 2), *accounts]


def commands(prefix: str) -> list[Command]:
    """One of everything that an audit looks at; ids begin with the prefix."""
    words = Words({"order": "7"}, "a book")
    words = words._replace(sealed=seal(words, Random(prefix).randbytes(16)))
    return [
        CreateTransfer(f"{prefix}in", "world", "a", 100),
        CreateTransfer(f"{prefix}t1", "a", "b", 10),
        CreateTransfer(f"{prefix}t2", "a", "b", 20, words=words),
        CreateTransfer(f"{prefix}poor", "a", "b", 10**6),
        CreateHold(f"{prefix}h1", "a", "b", 7),
        CaptureHold(f"{prefix}c1", f"{prefix}h1", 3),
        ReleaseHold(f"{prefix}r1", f"{prefix}h1"),
        CreateTransfer(f"{prefix}w1", "c", "b", 5),
        CreateTransfer(f"{prefix}w2", "c", "b", 6),
        ReverseTransfer(f"{prefix}v1", f"{prefix}t1", 4),
        ReverseTransfer(f"{prefix}v2", f"{prefix}t1", 5),
        CreatePayment(f"{prefix}p", (Leg("b", "world", 1), Leg("euros", "more", 2))),
        CreateTransfer(f"{prefix}t3", "b", "c", 1),
        CreateTransfer(f"{prefix}t4", "a", "world", 30),
    ]


def seq_of(database: Database, command_id: str) -> int:
    """Return where a command is recorded."""
    rows = execute(database.admin_url, "SELECT seq FROM yupana.journal WHERE id = %s", command_id)
    return int(str(rows[0][0]))


async def rehash(database: Database) -> None:
    """Write the hashes of book `b` anew, as one would who wants to hide a change."""
    reader = JournalReader(database.ledger_url, connections_max=1)
    await reader.open()
    try:
        digest, hashes = genesis("b").hash, {}
        for stored in await reader.entries(1, after=0, limit=100_000):
            digest = chain_hash(digest, encode(stored.entry))
            hashes[stored.entry.seq] = digest
        execute(
            database.admin_url,
            "UPDATE yupana.journal SET hash = new.hash "
            "FROM unnest(%s::bigint[], %s::bytea[]) AS new (seq, hash) "
            "WHERE book = 1 AND journal.seq = new.seq AND journal.hash <> new.hash",
            list(hashes),
            list(hashes.values()),
        )
    finally:
        await reader.close()


class Saved:
    """Book `b` as it was, to be put back after a change."""

    TABLES = ("journal", "ids", "labels")

    def __init__(self, database: Database):
        self._database = database
        for table in self.TABLES:
            self._run(f"CREATE TABLE yupana.saved_{table} AS SELECT * FROM yupana.{table}")

    def put_back(self) -> None:
        """Undo all changes, and forget what was audited."""
        for table in self.TABLES:
            self._run(f"DELETE FROM yupana.{table}")
            self._run(f"INSERT INTO yupana.{table} SELECT * FROM yupana.saved_{table}")
        for table in ("audits", "audit_differences"):
            self._run(f"DELETE FROM yupana.{table}")

    def _run(self, statement: str) -> None:
        execute(self._database.admin_url, statement)
