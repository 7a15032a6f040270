"""An honest run of a load, to be spoilt: the checker must notice whatever is wrong with it."""

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from faults.history.checker import judge
from faults.history.journal import Journal, Row, read_journal
from faults.history.load import Load
from faults.history.log import CallRecord, Log, Read
from faults.history.report import Report

from yupana import Outcome
from yupana_server.messages.tokens import Position, decode_position

BOOK = "spoilt"


class Run:
    """What was done and recorded. Spoiling it leaves the original as it is."""

    def __init__(self, calls: list[CallRecord], journal: Journal):
        self.calls = calls
        self.rows = list(journal.rows)
        self.ids = dict(journal.ids)

    def copy(self) -> "Run":
        return Run(list(self.calls), Journal(BOOK, self.rows, self.ids))

    def judge(self, lost_after: Position | None = None) -> Report:
        log = Log()
        log.calls = self.calls
        return judge(log, Journal(BOOK, self.rows, self.ids), lost_after)

    def row(self, suits: Callable[[Row], bool]) -> int:
        """Return the place of a row in the midst of the run, if one suits there."""
        return next(n for n in _from_a_third_on(len(self.rows)) if suits(self.rows[n]))

    def call(self, suits: Callable[[CallRecord], bool]) -> int:
        """Return the place of a call in the midst of the run, if one suits there."""
        return next(n for n in _from_a_third_on(len(self.calls)) if suits(self.calls[n]))

    def calls_of(self, id_: str) -> list[int]:
        """Return the places of all calls that carried an id."""
        carries = [any(c.id == id_ for c in call.commands) for call in self.calls]
        return [place for place, carried in enumerate(carries) if carried]


def play(address: str, database_url: str) -> Run:
    """Have a load work through an honest server."""

    async def played() -> Run:
        async with Load([address], BOOK, seed=7, pause_s=0.005) as load:
            await load.acknowledged(1500)
        return Run(load.log.calls, await read_journal(database_url, BOOK))

    return asyncio.run(played())


def posted(row: Row) -> bool:
    return row.kind == "transfer" and row.reason is None and row.chain is None and bool(row.amount)


def rejected(row: Row) -> bool:
    return row.reason == "BELOW_MIN_BALANCE" and row.chain is None


def strong(call: CallRecord) -> bool:
    read = call.request
    return isinstance(read, Read) and not (read.at_least or read.eventual or call.error)


def new(call: CallRecord) -> bool:
    return any(o.position and not o.replayed for o in call.outcomes)


def seq(call: CallRecord) -> int:
    return decode_position(BOOK, call.position or "").seq


def changed(outcome: Outcome, **changes: Any) -> Outcome:
    return dataclasses.replace(outcome, **changes)


def _from_a_third_on(count: int) -> Iterator[int]:
    """Yield all places: those behind the first third, then those within."""
    begin = count // 3 + 1
    return chain(range(begin, count), range(min(begin, count)))
