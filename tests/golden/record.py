"""Records the golden journal of a release: run it once a release, commit what it writes.

    python tests/golden/record.py v2

Never record a version again: later releases must read what the earlier ones wrote (R10).
"""

import asyncio
import json
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from yupana import (
    CloseAccount,
    Condition,
    CreateHold,
    CreateTransfer,
    Leg,
    Measure,
    NormalSide,
    OpenAccount,
    OpenAsset,
    ReopenAccount,
    Resolution,
    Side,
    UpTo,
    WindowLimit,
    Yupana,
    linked,
)
from yupana.book import BookClient
from yupana_server.dev.postgres import EmbeddedPostgres
from yupana_server.journal.migrate import migrate
from yupana_server.journal.reads import ENTRIES, JournalReader
from yupana_server.ledger.service import LedgerService
from yupana_server.runtime.config import ledger_config

FOLDER = Path(__file__).parent


async def play(book: BookClient) -> None:
    """Send commands of all kinds, accepted and rejected."""
    await book.execute([OpenAsset("USD", scale=2), OpenAsset("SEAT", scale=0)])
    await book.execute(
        [
            OpenAccount("world", "USD"),
            OpenAccount("cash", "USD", normal_side=NormalSide.DEBIT),
            OpenAccount("users:1", "USD", min_balance=0, max_balance=1000),
            OpenAccount("seats", "SEAT", min_balance=-(2**128 - 1)),
            OpenAccount("users:1:seats", "SEAT"),
            OpenAccount("nothing", "EUR"),
            OpenAccount("world", "USD", id="world-2"),
        ]
    )
    await book.transfer("world", "users:1", 700, id="t1", labels={"order": 'a "b"\\\n\t', "k": "ü"})
    await book.execute([CreateTransfer("users:1", "world", 900, id="too-much")])
    await book.execute([CreateTransfer("world", "users:1", 900, id="too-high")])
    await book.execute([CreateTransfer("world", "nobody", 1, id="nobody-there", asset="USD")])
    await book.execute(
        linked(
            CreateTransfer("users:1", "world", 300, id="c1-pay"),
            CreateTransfer("seats", "users:1:seats", 1, id="c1-seat"),
        )
    )
    await book.execute(
        linked(
            CreateTransfer("seats", "users:1:seats", 1, id="c2-seat"),
            CreateTransfer("users:1", "world", 500, id="c2-pay"),
        )
    )
    await book.transfer("seats", "users:1:seats", 2**128 - 3, id="huge")
    await book.execute([CreateTransfer("seats", "users:1:seats", 5, id="overflow")])


async def play_contract(book: BookClient) -> None:
    """Send commands of the kinds that came with format 2."""
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    hour = WindowLimit(Side.DEBIT, Measure.AMOUNT, length=timedelta(hours=1), max=500)
    often = WindowLimit(Side.CREDIT, Measure.COUNT, length=timedelta(minutes=2), max=9)
    for name in ("shop", "users:2", "users:3"):
        await book.open_account(name, asset="USD", code="wallet", labels={"tier": "gold"})
    await book.set_limits("users:2", min_balance=0, max_balance=2000, windows=[hour, often])
    await book.set_limits("users:3", min_balance=10**30, max_balance=None, windows=[])
    await book.transfer(
        "world", "users:2", 900, id="in", effective_at=long_ago, code="in", reference="r-1"
    )
    await book.transfer("users:2", "shop", 5000, id="up-to", up_to=UpTo.BOTH_LIMITS)
    keep = Condition.available(Side.DEBIT, at_least=10**38)
    await book.execute([CreateTransfer("users:2", "shop", 1, id="unkept", conditions=[keep])])
    await book.execute([CreateHold("users:2", "shop", 60, id="windowed")])
    await book.hold("world", "shop", 60, id="h1", group="g", expires_after=timedelta(days=9))
    await book.capture("h1", 20, id="h1-c1", description="ünï \\ code")
    await book.update_hold("h1", amount=70, never_expires=True, id="h1-u1")
    await book.hold("world", "shop", 5, id="h2", group="g")
    await book.hold("world", "shop", 7, id="h3", expires_after=timedelta(milliseconds=1))
    await asyncio.sleep(0.01)
    await book.release("h2", id="h2-r")
    await book.resolve_group("g", Resolution.CAPTURE, id="g-c", effective_at=long_ago)
    await book.pay(
        [Leg("world", "shop", collect=True), Leg("shop", "users:3", 9, rate="1.0832")],
        collect_amount=40,
        id="pay",
    )
    await book.reverse("_leg:2:pay", 4, id="back", force=True)
    await book.freeze("users:3", debits=True, credits=False, id="freeze")
    await book.execute([CloseAccount("users:3", id="close"), ReopenAccount("users:3", id="open")])
    await book.close_period(long_ago, id="period")
    await book.erase("in", id="erase")


async def record(version: str, url: str) -> None:
    """Write `<version>.json`: the rows, the book's id, and the balances they must fold to."""
    service = LedgerService(ledger_config(database_url=url, listen="127.0.0.1:0", drain_wait_s=0))
    address = await service.start()
    async with Yupana(address) as yupana:
        await yupana.create_book("golden")
        book = yupana.book("golden")
        await play(book)
        await play_contract(book)
        accounts = [account async for account in book.list_accounts()]
    await service.stop()
    reader = JournalReader(url, connections_max=2)
    await reader.open()
    rows = await reader.rows(f"{ENTRIES} ORDER BY seq", {"book": 1})
    await reader.close()
    golden = {
        "book": "golden",
        "rows": [list(row) for row in rows],
        "balances": {a.id: [str(a.debits_posted), str(a.credits_posted)] for a in accounts},
    }
    text = json.dumps(golden, indent=1)
    (FOLDER / f"{version}.json").write_text(text + "\n")


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres(Path(folder) / "postgres") as postgres,
    ):
        migrate(postgres.url())
        asyncio.run(record(sys.argv[1], postgres.url(user="yupana_ledger")))
