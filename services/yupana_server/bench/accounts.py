"""The accounts of a benchmark's books, and how transfers choose among them."""

import itertools
import random
from collections.abc import Callable, Iterator

from yupana_server.bench.loads import Spread

ASSET = "USD"
HOT = 0
"""The number of the hot account."""


def account(number: int) -> str:
    """Return the id of an account."""
    return f"users:{number}:wallet"


def poor_account(number: int) -> str:
    """Return the id of an account that has nothing."""
    return f"poor:{number}:wallet"


def pairs(spread: Spread, accounts: int, chance: random.Random) -> Iterator[tuple[str, str]]:
    """Yield debit and credit accounts without an end: never the same one twice in a pair."""
    if spread is Spread.HOT:
        return _hot_pairs(accounts, chance)
    if spread is Spread.ZIPF:
        return _different(_zipf(accounts, chance))
    return _different(lambda: chance.randrange(accounts))


def _hot_pairs(accounts: int, chance: random.Random) -> Iterator[tuple[str, str]]:
    """Money goes out of the hot account and comes back in, by turns."""
    for turn in itertools.count():
        pair = account(HOT), account(chance.randrange(HOT + 1, accounts))
        yield pair if turn % 2 else pair[::-1]


def _different(draw: Callable[[], int]) -> Iterator[tuple[str, str]]:
    while True:
        debit, credit = draw(), draw()
        if debit != credit:
            yield account(debit), account(credit)


def _zipf(accounts: int, chance: random.Random) -> Callable[[], int]:
    """The nth account is chosen 1/n as often as the first: of 10,000, the first by every tenth."""
    cumulated = list(itertools.accumulate(1 / place for place in range(1, accounts + 1)))
    numbers = range(accounts)
    return lambda: chance.choices(numbers, cum_weights=cumulated)[0]
