"""Holds the fast way for plain transfers against the rules as they are written."""

from collections.abc import Sequence

from yupana_server.book.commands import CreateTransfer, WellFormed
from yupana_server.book.decide import Decision
from yupana_server.book.entries import Entry
from yupana_server.book.evolve import evolve
from yupana_server.book.plain import post
from yupana_server.book.state import State


def check_post(state: State, unit: Sequence[WellFormed], now: int, decision: Decision) -> int:
    """Compare what `post` does with what was decided; returns how many it took, 0 or 1."""
    layer, expected = state.layer(), state.layer()
    posted = post(layer, [unit], 0, now)
    if posted:
        assert posted == list(decision.entries) == list(decision.outcomes)
        for entry in posted:
            evolve(expected, entry)
    else:
        assert not _is_plain(unit, decision), "this is as plain as can be"
    assert contents(layer) == contents(expected)
    return len(posted)


def contents(layer: State) -> list[object]:
    """Return all that a layer holds."""
    return [getattr(layer, name) for name in State.__slots__ if name != "parent"]


def _is_plain(unit: Sequence[WellFormed], decision: Decision) -> bool:
    command, *others = unit
    if others or not isinstance(command, CreateTransfer) or command.up_to or command.conditions:
        return False
    if len(decision.entries) != 1 or decision.entries != decision.outcomes:
        return False
    entry = decision.entries[0]
    assert isinstance(entry, Entry)
    return entry.reason is None and entry.debit_usage is None and entry.credit_usage is None
