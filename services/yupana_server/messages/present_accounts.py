"""Writes accounts as messages."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from yupana.ledger.v1 import account_pb2
from yupana_server.book.commands import WindowLimit, Words
from yupana_server.book.entries import Totals
from yupana_server.book.state import Account, AccountFacts
from yupana_server.book.windows import used
from yupana_server.journal.points import BookRow
from yupana_server.messages.present import fill_time
from yupana_server.messages.tokens import encode_position, positions
from yupana_server.messages.wire import SIZE, Times, balances, text, varint


def write_accounts(
    response: Any,
    book: BookRow,
    accounts: Iterable[Account],
    words: Mapping[int, Words],
    *,
    at: int,
) -> None:
    """Write accounts into a response whose field 1 they are, and which has none yet.

    `words` are those that accounts were opened with, by the entry; `at` is when windows are looked
    at. Accounts without windows and words are put together from texts, in half of the time.
    """
    position = positions(book.id).at
    pieces: list[str] = []
    for known in accounts:
        facts = known.facts
        labels = words.get(facts.opened_seq) if facts.has_words else None
        if facts.windows or labels is not None:
            message = account_pb2.Account()
            fill_account(message, book, known, labels, at=at)
            one = message.SerializeToString().decode("latin-1")
        else:
            last, totals = position(book.epoch, known.last_seq), balances(*known.totals)
            one = f"{_facts(facts)}2{SIZE[len(totals)]}{totals}B{SIZE[len(last)]}{last}"
        pieces.append(f"\n{varint(len(one))}{one}")
    response.MergeFromString("".join(pieces).encode("latin-1"))


@lru_cache(maxsize=10_000)  # Some 3 MB. To write one takes 1.1 us, to find it 0.2 us.
def _facts(facts: AccountFacts) -> str:
    """Write what holds for an account between the entries that set it."""
    id_, asset = text("\n", facts.id), text("\x12", facts.asset)
    opened = text(":", Times().write(facts.opened_at))
    written = f"{id_}{asset}\x18{SIZE[facts.normal_side]}{opened}"
    if facts.min_balance is not None:
        written += text("\x22", str(facts.min_balance))
    if facts.max_balance is not None:
        written += text("*", str(facts.max_balance))
    if facts.debits_frozen:
        written += "P\x01"
    if facts.credits_frozen:
        written += "X\x01"
    if facts.closed:
        written += "`\x01"
    if facts.code:
        written += text("j", facts.code)
    return written


def fill_account(
    message: account_pb2.Account,
    book: BookRow,
    known: Account,
    words: Words | None = None,
    *,
    at: int,
) -> None:
    """Write an account into an empty message; `at` is when its windows are looked at.

    Filled in place it takes 5 us instead of 12 us with constructors.
    """
    facts = known.facts
    message.id = facts.id
    message.asset = facts.asset
    message.normal_side = int(facts.normal_side)  # type: ignore[assignment]
    if facts.min_balance is not None:
        message.min_balance = str(facts.min_balance)
    if facts.max_balance is not None:
        message.max_balance = str(facts.max_balance)
    fill_balances(message.balances, known.totals)
    fill_time(message.create_time, facts.opened_at)
    message.last_position = encode_position(book.id, book.epoch, known.last_seq)
    for window, slots in zip(facts.windows, known.usage, strict=True):
        _fill_window(message.windows.add(), window, used(window, slots, at))
    message.debits_frozen = facts.debits_frozen
    message.credits_frozen = facts.credits_frozen
    message.closed = facts.closed
    if facts.code:
        message.code = facts.code
    if words is not None and words.labels:
        message.labels.update(words.labels)


def fill_balances(message: account_pb2.Balances, totals: Totals) -> None:
    """Write the totals of an account and what follows from them into an empty message."""
    debited, credited, debiting, crediting = totals
    message.debits_posted = str(debited)
    message.credits_posted = str(credited)
    message.debits_pending = str(debiting)
    message.credits_pending = str(crediting)
    message.balance = str(credited - debited)
    message.available = str(credited - debited - debiting)


def _fill_window(message: account_pb2.WindowUsage, window: WindowLimit, has_used: int) -> None:
    limit = message.limit
    limit.side = int(window.side)  # type: ignore[assignment]
    limit.measure = int(window.measure)  # type: ignore[assignment]
    limit.length.seconds = window.length_s
    limit.max = str(window.max)
    message.used = str(has_used)
