"""Decides and folds plain transfers, as `decide` and `evolve` do, several at a time.

Most commands are transfers that are new, between accounts without windows, and within limits. For
those, one loop does what else goes through a dozen functions, in a third of the time. Whatever
is not as plain ends the loop and is left to `decide`, every rejection included, so that the rules
are written in one place; tests hold the two against each other.
"""

from collections.abc import Sequence

from yupana_server.book.bounds import AMOUNT_MAX
from yupana_server.book.commands import Command, CreateTransfer, Kind
from yupana_server.book.entries import Entry, Totals
from yupana_server.book.failing import wrong_effective_time
from yupana_server.book.state import Account, State

_AFTER_CODE = Entry._fields.index("code") + 1
_DEFAULTS = tuple(Entry._field_defaults[field] for field in Entry._fields[_AFTER_CODE:])
_EPOCH = Entry._fields.index("epoch") - _AFTER_CODE
_ACTOR = Entry._fields.index("actor") - _AFTER_CODE
_TRACE_ID = Entry._fields.index("trace_id") - _AFTER_CODE


def post(  # noqa: C901 (one loop without calls is what makes it fast)
    layer: State,
    units: Sequence[Sequence[Command]],
    begin: int,
    now: int,
    *,
    trace_id: bytes | None = None,
    actor: str | None = None,
) -> list[Entry]:
    """Decide the units from `begin` on as of `now` and fold them, as long as they are plain.

    Returns one entry for each; none when the first is not plain. `layer` must hold what `decide`
    needs. `now` is in microseconds since the Unix epoch.
    """
    entries: list[Entry] = []
    seq, at = layer.seq, max(now - 1, layer.recorded_at)
    if layer.has_deadlines and layer.due(at + len(units) - begin, 1):
        return entries
    accounts, outcomes = layer.accounts, layer.outcomes
    lower: list[State] = []
    parent = layer.parent
    while parent is not None:
        lower.append(parent)
        parent = parent.parent
    rest = list(_DEFAULTS)
    rest[_EPOCH], rest[_ACTOR], rest[_TRACE_ID] = layer.epoch, actor, trace_id
    after_code = tuple(rest)
    # Tuples are made without their constructors, which take keywords into account and so longer.
    new, transfer = tuple.__new__, Kind.TRANSFER
    for place in range(begin, len(units)):
        unit = units[place]
        command = unit[0]
        if command.__class__ is not CreateTransfer or len(unit) > 1:
            break
        id_, debit_id, credit_id, amount, asset, effective_at, words, chain, code, up_to, ifs = (
            command
        )
        if up_to or ifs or chain is not None or id_ in outcomes:
            break
        debit, credit = accounts.get(debit_id), accounts.get(credit_id)
        for state in lower:
            if id_ in state.outcomes:
                debit = None
                break
            if debit is None:
                debit = state.accounts.get(debit_id)
            if credit is None:
                credit = state.accounts.get(credit_id)
        if debit is None or credit is None:
            break
        at += 1
        if effective_at is not None and wrong_effective_time(layer, effective_at, at) is not None:
            break
        of_debit, debited, _, debit_usage = debit
        of_credit, credited, _, credit_usage = credit
        held = of_debit.asset
        if (
            held != of_credit.asset
            or (asset is not None and asset != held)
            or of_debit.closed
            or of_credit.closed
            or of_debit.debits_frozen
            or of_credit.credits_frozen
            or debit_usage
            or credit_usage
        ):
            break
        d0, d1, d2, d3 = debited
        c0, c1, c2, c3 = credited
        d0 += amount
        c1 += amount
        floor, ceiling = of_debit.min_balance, of_credit.max_balance
        if (
            d0 + d2 > AMOUNT_MAX
            or c1 + c3 > AMOUNT_MAX
            or (floor is not None and d1 - d0 - d2 < floor and amount)
            or (ceiling is not None and c1 - c0 + c3 > ceiling and amount)
        ):
            break
        seq += 1
        debited = new(Totals, (d0, d1, d2, d3))
        credited = new(Totals, (c0, c1, c2, c3))
        entry = new(
            Entry,
            (
                seq, at, transfer, id_, None, None, debit_id, credit_id, amount, held, debited,
                credited, effective_at, None if words is None else words.sealed, None, None, None,
                None, code, *after_code,
            ),
        )  # fmt: skip
        accounts[debit_id] = new(Account, (of_debit, debited, seq, ()))
        accounts[credit_id] = new(Account, (of_credit, credited, seq, ()))
        outcomes[id_] = entry
        entries.append(entry)
    if entries:
        layer.seq, layer.recorded_at = seq, entries[-1].recorded_at
    return entries
