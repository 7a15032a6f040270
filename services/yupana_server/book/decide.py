"""How a book decides: `decide(state, commands, now)`.

The order in which reasons are checked is part of the contract:

1. The id: known with the same content, a replay; with other content, ID_REUSED; in a chain of
   which other ids are known, CHAIN_MIXED.
2. EFFECTIVE_TIME_IN_FUTURE.
3. ACCOUNT_NOT_FOUND, debit before credit; ASSET_NOT_FOUND; ACCOUNT_EXISTS, ASSET_EXISTS.
4. ASSET_MISMATCH.
5. OVERFLOW, debit before credit.
6. BELOW_MIN_BALANCE of the debit account.
7. ABOVE_MAX_BALANCE of the credit account.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from yupana_server.book.bounds import AMOUNT_MAX
from yupana_server.book.commands import (
    Command,
    CreateTransfer,
    Kind,
    Malformed,
    OpenAccount,
    OpenAsset,
)
from yupana_server.book.entries import Entry, Totals
from yupana_server.book.evolve import evolve
from yupana_server.book.rejections import Failure, Reason, Refusal
from yupana_server.book.replay import difference
from yupana_server.book.state import Account, NotLoadedError, State
from yupana_server.book.times import rfc3339


class Replay(NamedTuple):
    """The outcome was recorded before."""

    entry: Entry


Outcome: TypeAlias = Entry | Replay | Refusal


def decide(state: State, commands: Sequence[Command], now: int) -> list[Outcome]:
    """Decide one command, or the members of one chain, as of `now`.

    Changes nothing: the caller folds the entries among the outcomes into the state. `state` must
    hold every account and asset that the commands name, and the outcome of every id that is not
    new.
    """
    if len(commands) > 1:
        return _decide_chain(state, commands, now)
    command = commands[0]
    entry = state.outcome(command.id)
    if entry is not None:
        return [_known(command, entry)]
    decided = _decide_new(state, command, now)
    if isinstance(decided, Failure):
        return [_failed(state, command, now, decided)]
    return [decided]


def _known(command: Command, entry: Entry) -> Outcome:
    differs = difference(command, entry)
    if differs is None:
        return Replay(entry)
    return Refusal(command.id, Reason.ID_REUSED, differs._asdict())


def _decide_chain(state: State, commands: Sequence[Command], now: int) -> list[Outcome]:
    entries = [state.outcome(command.id) for command in commands]
    known = next((entry for entry in entries if entry is not None), None)
    if known is not None:
        mixed = {"known_id": known.id}
        return [
            Refusal(command.id, Reason.CHAIN_MIXED, mixed)
            if entry is None
            else _known(command, entry)
            for command, entry in zip(commands, entries, strict=True)
        ]
    layer = state.layer()
    outcomes: list[Outcome] = []
    for command in commands:
        decided = _decide_new(layer, command, now)
        if isinstance(decided, Failure):
            return _failed_chain(state, commands, now, command.id, decided)
        evolve(layer, decided)
        outcomes.append(decided)
    return outcomes


def _failed_chain(
    state: State, commands: Sequence[Command], now: int, culprit_id: str, failure: Failure
) -> list[Outcome]:
    facts = {"failed_id": culprit_id, "failed_reason": f"ERROR_REASON_{failure.reason.name}"}
    linked = Failure(Reason.LINKED_FAILED, facts)
    if not failure.recorded:
        return [
            Refusal(command.id, *(failure if command.id == culprit_id else linked))
            for command in commands
        ]
    layer = state.layer()
    outcomes: list[Outcome] = []
    for command in commands:
        own = failure if command.id == culprit_id else linked
        entry = _rejected(layer, command, now, own)
        evolve(layer, entry)
        outcomes.append(entry)
    return outcomes


def _failed(state: State, command: Command, now: int, failure: Failure) -> Entry | Refusal:
    if failure.recorded:
        return _rejected(state, command, now, failure)
    return Refusal(command.id, failure.reason, failure.facts)


def _decide_new(state: State, command: Command, now: int) -> Entry | Failure:
    if isinstance(command, CreateTransfer):
        return _decide_transfer(state, command, now)
    if isinstance(command, OpenAccount):
        return _decide_open_account(state, command, now)
    if isinstance(command, OpenAsset):
        return _decide_open_asset(state, command, now)
    raise NotLoadedError(f"the malformed command {command.id} is not known")


def _decide_transfer(state: State, command: CreateTransfer, now: int) -> Entry | Failure:
    recorded_at = _next_time(state, now)
    if command.effective_at is not None and command.effective_at > recorded_at:
        return _in_future(command.effective_at)
    debit = state.account(command.debit_account)
    if debit is None:
        return _not_found(command.debit_account, "debit")
    credit = state.account(command.credit_account)
    if credit is None:
        return _not_found(command.credit_account, "credit")
    asset = debit.facts.asset
    if asset != credit.facts.asset or (command.asset is not None and command.asset != asset):
        return _asset_mismatch(debit, credit, command)
    amount = command.amount
    old = debit.totals
    debit_totals = Totals(old[0] + amount, old[1], old[2], old[3])
    old = credit.totals
    credit_totals = Totals(old[0], old[1] + amount, old[2], old[3])
    failure = _limits(debit, debit_totals, credit, credit_totals, amount)
    if failure is not None:
        return failure
    return Entry(
        state.seq + 1,
        recorded_at,
        Kind.TRANSFER,
        command.id,
        None,
        None,
        command.debit_account,
        command.credit_account,
        amount,
        asset,
        debit_totals,
        credit_totals,
        command.effective_at,
        command.sealed_labels,
        command.chain,
    )


def _limits(
    debit: Account, debit_totals: Totals, credit: Account, credit_totals: Totals, amount: int
) -> Failure | None:
    if debit_totals.debits_posted > AMOUNT_MAX:
        return _overflow(debit, "debits_posted")
    if credit_totals.credits_posted > AMOUNT_MAX:
        return _overflow(credit, "credits_posted")
    if amount == 0:  # Moves nothing, so it breaks no limit that was not broken before.
        return None
    floor = debit.facts.min_balance
    if floor is not None and debit_totals.available < floor:
        return _below_min(debit, amount, floor)
    ceiling = credit.facts.max_balance
    if ceiling is not None and credit_totals.balance + credit_totals.credits_pending > ceiling:
        return _above_max(credit, amount, ceiling)
    return None


def _decide_open_account(state: State, command: OpenAccount, now: int) -> Entry | Failure:
    if state.asset(command.asset) is None:
        return Failure(Reason.ASSET_NOT_FOUND, {"asset": command.asset})
    existing = state.account(command.account)
    if existing is not None:
        facts = {"account": command.account, "opened_by": existing.facts.opened_by}
        return Failure(Reason.ACCOUNT_EXISTS, facts)
    return _entry(state, command, now)


def _decide_open_asset(state: State, command: OpenAsset, now: int) -> Entry | Failure:
    if state.asset(command.asset) is not None:
        return Failure(Reason.ASSET_EXISTS, {"asset": command.asset})
    return _entry(state, command, now)


def _rejected(state: State, command: Command, now: int, failure: Failure) -> Entry:
    # R14: a rejection carries no balances.
    entry = _entry(state, command, now)._replace(reason=failure.reason, facts=failure.facts)
    if entry.debit_account is None or entry.asset is not None:
        return entry
    # An asset left out is the accounts' own, as for what is posted.
    debit = state.account(entry.debit_account)
    return entry if debit is None else entry._replace(asset=debit.facts.asset)


def _entry(state: State, command: Command, now: int) -> Entry:
    """Write down what was asked for, without what became of it."""
    seq, recorded_at = state.seq + 1, _next_time(state, now)
    if isinstance(command, CreateTransfer):
        return Entry(
            seq,
            recorded_at,
            Kind.TRANSFER,
            command.id,
            debit_account=command.debit_account,
            credit_account=command.credit_account,
            amount=command.amount,
            asset=command.asset,
            effective_at=command.effective_at,
            sealed_labels=command.sealed_labels,
            chain=command.chain,
        )
    if isinstance(command, OpenAccount):
        return Entry(
            seq,
            recorded_at,
            Kind.OPEN_ACCOUNT,
            command.id,
            account=command.account,
            asset=command.asset,
            content=_account_content(command),
            chain=command.chain,
        )
    if isinstance(command, Malformed):
        raise NotLoadedError(f"the malformed command {command.id} is not known")
    return Entry(
        seq,
        recorded_at,
        Kind.OPEN_ASSET,
        command.id,
        asset=command.asset,
        content={"scale": command.scale},
        chain=command.chain,
    )


def _account_content(command: OpenAccount) -> dict[str, int]:
    content = {"normal_side": int(command.normal_side)}
    if command.min_balance is not None:
        content["min_balance"] = command.min_balance
    if command.max_balance is not None:
        content["max_balance"] = command.max_balance
    return content


def _next_time(state: State, now: int) -> int:
    """Time strictly increases within a book, whatever the clock does."""
    return max(now, state.recorded_at + 1)


def _not_found(account_id: str, side: str) -> Failure:
    return Failure(Reason.ACCOUNT_NOT_FOUND, {"account": account_id, "side": side})


def _asset_mismatch(debit: Account, credit: Account, command: CreateTransfer) -> Failure:
    facts = {
        "debit_asset": debit.facts.asset,
        "credit_asset": credit.facts.asset,
        "asked_asset": command.asset or "either",
    }
    return Failure(Reason.ASSET_MISMATCH, facts)


def _overflow(account: Account, total: str) -> Failure:
    facts = {"account": account.facts.id, "total": total, "limit": str(AMOUNT_MAX)}
    return Failure(Reason.OVERFLOW, facts)


def _below_min(account: Account, amount: int, floor: int) -> Failure:
    facts = {
        "account": account.facts.id,
        "available": str(account.totals.available),
        "amount": str(amount),
        "min_balance": str(floor),
    }
    return Failure(Reason.BELOW_MIN_BALANCE, facts)


def _above_max(account: Account, amount: int, ceiling: int) -> Failure:
    facts = {
        "account": account.facts.id,
        "balance": str(account.totals.balance + account.totals.credits_pending),
        "amount": str(amount),
        "max_balance": str(ceiling),
    }
    return Failure(Reason.ABOVE_MAX_BALANCE, facts)


def _in_future(effective_at: int) -> Failure:
    return Failure(Reason.EFFECTIVE_TIME_IN_FUTURE, {"effective_time": rfc3339(effective_at)})
