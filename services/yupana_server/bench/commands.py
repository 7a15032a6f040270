"""The commands of a request, for each kind of load."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from yupana import CaptureHold, Command, CreateHold, CreateTransfer, linked
from yupana_server.bench.accounts import poor_account
from yupana_server.bench.loads import What

AMOUNT = 1
CHAIN = 3
MIX_SIZE = 25
"""Of so many commands of the mixed load 15 are transfers, 3 a chain, 4 holds and their captures,
3 rejections."""

Pairs = Iterator[tuple[str, str]]
Ids = Iterator[str]
Make = Callable[[int, Pairs, Ids, int], Sequence[Command]]


def commands_of(
    what: What, size: int, chosen: Pairs, ids: Ids, poor_accounts: int
) -> Sequence[Command]:
    """Return `size` commands, or a few less where they go in threes or pairs."""
    return _MAKE[what](size, chosen, ids, poor_accounts)


def _transfers(size: int, chosen: Pairs, ids: Ids, _poor: int) -> list[Command]:
    return [
        CreateTransfer(debit, credit, AMOUNT, id=id_)
        for (debit, credit), id_ in zip(islice(chosen, size), ids, strict=False)
    ]


def _chains(size: int, chosen: Pairs, ids: Ids, poor: int) -> list[Command]:
    return [
        member
        for _ in range(max(1, size // CHAIN))
        for member in linked(*_transfers(CHAIN, chosen, ids, poor))
    ]


def _holds(size: int, chosen: Pairs, ids: Ids, _poor: int) -> list[Command]:
    """Return holds, then a capture of each."""
    holds = [
        CreateHold(debit, credit, AMOUNT, id=next(ids))
        for debit, credit in islice(chosen, max(1, size // 2))
    ]
    return [*holds, *(CaptureHold(hold.id, final=True, id=next(ids)) for hold in holds)]


def _rejections(size: int, chosen: Pairs, ids: Ids, poor: int) -> list[Command]:
    """Return transfers of which every second debits an account that has nothing."""
    made: list[Command] = []
    for place, (debit, credit) in enumerate(islice(chosen, size)):
        id_ = next(ids)
        payer = poor_account(hash(id_) % poor) if place % 2 else debit
        made.append(CreateTransfer(payer, credit, AMOUNT, id=id_))
    return made


def _mixed(size: int, chosen: Pairs, ids: Ids, poor: int) -> list[Command]:
    made: list[Command] = []
    for _ in range(max(1, size // MIX_SIZE)):
        made += _transfers(15, chosen, ids, poor)
        made += _chains(3, chosen, ids, poor)
        made += _holds(4, chosen, ids, poor)
        made += _rejections(6, chosen, ids, poor)[1::2]
    return made


_MAKE: Mapping[What, Make] = {
    What.TRANSFERS: _transfers,
    What.REPLAYS: _transfers,
    What.CHAINS: _chains,
    What.HOLDS: _holds,
    What.REJECTIONS: _rejections,
    What.MIXED: _mixed,
}
