"""What an entry must say beside the balances that folding gives: pure checks of one entry."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from yupana_server.book.commands import Kind
from yupana_server.book.entries import Entry
from yupana_server.book.state import State


class Needs(NamedTuple):
    """The facts that entries are held against. Dicts, for the order; the values mean nothing."""

    accounts: dict[str, None]
    holds: dict[str, None]
    assets: dict[str, None]
    reversed: dict[str, None]


def needs_of(entries: Iterable[Entry]) -> Needs:
    """Return what has to be in memory before these entries are folded."""
    needs = Needs({}, {}, {}, {})
    for entry in entries:
        if entry.reason is not None:
            continue
        for account in (entry.debit_account, entry.credit_account, entry.account):
            if account is not None:
                needs.accounts[account] = None
        if entry.hold is not None:
            needs.holds[entry.hold] = None
        if entry.reverses is not None:
            needs.reversed[entry.reverses] = None
        if entry.asset is not None and entry.kind in (Kind.OPEN_ASSET, Kind.OPEN_ACCOUNT):
            needs.assets[entry.asset] = None
    return needs


def inconsistencies(state: State, entry: Entry) -> Iterator[str]:
    """Yield what an entry says that `evolve` takes as it comes; `state` is as before it."""
    if entry.reason is not None:
        if entry.debit_totals is not None or entry.credit_totals is not None:
            yield f"entry {entry.seq} is a rejection and carries balances"
        return
    if entry.debit_account is not None or entry.credit_account is not None:
        yield from _movement(state, entry)
    if entry.kind == Kind.OPEN_ACCOUNT and not _is_open(state, entry.asset):
        yield f"entry {entry.seq} opens an account of {entry.asset}, which is not open"
    if entry.hold is not None:
        yield from _hold(state, entry)
    if entry.reverses is not None:
        before = state.reversed_amount(entry.reverses) or 0
        if entry.reversed_amount != before + (entry.amount or 0):
            yield (
                f"entry {entry.seq} says {entry.reversed_amount} of {entry.reverses} is reversed, "
                f"folding gives {before} and its amount"
            )


def _movement(state: State, entry: Entry) -> Iterator[str]:
    """Debits equal credits: two accounts of one asset, and `evolve` gives both the same amount."""
    if entry.debit_account == entry.credit_account:
        yield f"entry {entry.seq} has {entry.debit_account} on both sides"
    for account_id in (entry.debit_account, entry.credit_account):
        account = state.account(account_id) if account_id is not None else None
        if account is None:
            yield f"entry {entry.seq} moves {account_id}, which is not open"
        elif account.facts.asset != entry.asset:
            yield (
                f"entry {entry.seq} moves {entry.asset} of {account_id}, "
                f"which counts {account.facts.asset}"
            )


def _hold(state: State, entry: Entry) -> Iterator[str]:
    before = state.hold(entry.hold or "")
    if (before is None) != (entry.kind == Kind.HOLD):
        yield f"entry {entry.seq} is a {entry.kind.name.lower()} of {entry.hold}: " + (
            "there is no such hold" if before is None else "it was there before"
        )
    elif before is not None and (before.debit_account, before.credit_account) != (
        entry.debit_account,
        entry.credit_account,
    ):
        yield f"entry {entry.seq} is about {entry.hold} and names other accounts than it"


def _is_open(state: State, asset: str | None) -> bool:
    return asset is not None and state.asset(asset) is not None
