"""Writes accounts as messages.

The messages are filled in place: the answer of one account takes 5 us instead of 12 us with
constructors.
"""

from yupana.ledger.v1 import account_pb2
from yupana_server.book.commands import WindowLimit, Words
from yupana_server.book.entries import Totals
from yupana_server.book.state import Account
from yupana_server.book.windows import used
from yupana_server.journal.points import BookRow
from yupana_server.messages.present import fill_time
from yupana_server.messages.tokens import encode_position


def fill_account(
    message: account_pb2.Account,
    book: BookRow,
    known: Account,
    words: Words | None = None,
    *,
    at: int,
) -> None:
    """Write an account into an empty message; `at` is when its windows are looked at."""
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
