"""Requests that are encoded before the clock starts, and sent again and again with new ids.

An id has the form of a UUIDv7 and grows with time, as the client's own ids do: what an index of ids
costs depends on that. Its first 12 digits stand in the request as a mark of the same length, so
that new ids are one replacement of bytes, not an encoding.
"""

import itertools
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from google.protobuf.message import Message

from yupana import Command, convert
from yupana.ledger.v1 import ledger_service_pb2 as ledger
from yupana_server.bench.accounts import account, pairs
from yupana_server.bench.commands import commands_of
from yupana_server.bench.loads import Load, Place, What

REPLAYED = 10
"""One of so many commands was sent before."""
MARK, OLD_MARK = "@@@@@@@@-@@@@", "########-####"
TICKS_PER_S = 100_000
"""The unit of the ids' time. 12 hexadecimal digits last until the year 2059."""


class Requests:
    """The requests of one load for one book, encoded."""

    def __init__(self, load: Load, place: Place, book: str, chance: random.Random):
        """Encode `load.pool` requests. Ids end in random digits: no two loads share one."""
        self._ids = Ids()
        made = _reads(load, place, book, chance)
        if not load.what.reads:
            made = _writes(load, place, book, chance)
        self._templates = [request.SerializeToString() for request in made]

    def of_one_caller(self) -> Iterator[bytes]:
        """Yield requests with new ids without an end; replays are of the request before."""
        mark, old_mark = MARK.encode(), OLD_MARK.encode()
        old = self._ids.next()
        for template in itertools.cycle(self._templates):
            new = self._ids.next()
            yield template.replace(mark, new).replace(old_mark, old)
            old = new


class Ids:
    """Makes what ids begin with: no two are the same, and later ones are greater."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> bytes:
        """Return the next beginning, as long as a mark."""
        self._last = max(self._last + 1, time.time_ns() * TICKS_PER_S // 1_000_000_000)
        digits = f"{self._last:012x}"
        return f"{digits[:8]}-{digits[8:]}".encode()


def identifier(place: int, end: str) -> str:
    """Return an id with a mark for its time: those of a request are in the order of their places.

    Args:
        place: In the request, below 2^20.
        end: 12 digits.
    """
    return f"{MARK}-7{place >> 8:03x}-8{place & 0xFF:03x}-{end}"


def _reads(load: Load, place: Place, book: str, chance: random.Random) -> Iterator[Message]:
    consistency = convert.consistency(at_least=None, eventual=load.what is What.EVENTUAL_READS)
    for _ in range(load.pool):
        numbers = chance.sample(range(place.accounts), load.size)
        yield ledger.BatchGetAccountsRequest(
            book=book, accounts=map(account, numbers), consistency=consistency
        )


def _writes(load: Load, place: Place, book: str, chance: random.Random) -> Iterator[Message]:
    chosen = pairs(load.spread, place.accounts, chance)
    end = f"{chance.getrandbits(48):012x}"
    before: Sequence[Command] = ()
    for _ in range(load.pool):
        ids = (identifier(number, end) for number in itertools.count())
        commands = commands_of(load.what, load.size, chosen, ids, place.poor_accounts)
        if load.what is What.REPLAYS:
            new = commands[: load.size - load.size // REPLAYED]
            commands = [*new, *map(_sent_before, before[: load.size // REPLAYED])]
            before = new
        yield convert.execute_request(book, commands)


def _sent_before(command: Command) -> Command:
    return replace(command, id=command.id.replace(MARK, OLD_MARK))
