"""Every benchmark ends with the verification of the books that it wrote."""

import asyncio
import time
from collections.abc import Sequence

from yupana_server.bench.clients import Line
from yupana_server.bench.results import Verified
from yupana_server.journal.reads import JournalReader
from yupana_server.ledger.verify import Verifier

CONNECT_WAIT_S = 10.0


def verify_book(url: str, book: str, profiles: Sequence[str], line: Line) -> Verified:
    """Decide the whole journal of a book again and compare: what `yupana verify` does."""
    return asyncio.run(_verify(url, book, profiles, line))


async def _verify(url: str, book: str, profiles: Sequence[str], line: Line) -> Verified:
    began = time.monotonic()
    reader = JournalReader(url, connections_max=2)
    await reader.open(wait_s=CONNECT_WAIT_S)
    try:
        row = await reader.book(book)
        if row is None:
            raise RuntimeError(f"the book {book} is gone")
        findings = await Verifier(reader, row, line.progress).run()
    finally:
        await reader.close()
    return Verified(
        book=book,
        profiles=profiles,
        entries=findings.entries,
        accounts=findings.accounts,
        took_s=time.monotonic() - began,
        differences=findings.differences,
    )
