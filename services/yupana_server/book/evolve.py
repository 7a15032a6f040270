"""How an entry changes a book: `evolve(state, entry)`."""

from yupana_server.book.commands import Kind, NormalSide
from yupana_server.book.entries import FORMAT_VERSION, RULES_VERSION, Entry, Totals
from yupana_server.book.state import Account, AccountFacts, Asset, State


class UnknownVersionError(Exception):
    """R10: the entry was written by a release that this one does not understand."""


class DivergedError(Exception):
    """The entry does not follow from the state: a gap, a step back in time, or a wrong balance."""


def evolve(state: State, entry: Entry) -> State:
    """Fold the entry into this layer of the state and return it.

    Balances are computed anew and compared with those that the entry carries. Accounts that are
    not in memory are passed over: whoever needs one loads it, at this entry or a later one.

    Raises:
        UnknownVersionError: The format, the rules or the kind is not known.
        DivergedError: The entry does not follow from the state.
    """
    if entry.format != FORMAT_VERSION or entry.rules != RULES_VERSION:
        raise UnknownVersionError(
            f"entry {entry.seq} has format {entry.format} and rules {entry.rules}, "
            f"this release knows {FORMAT_VERSION} and {RULES_VERSION}: upgrade it"
        )
    if entry.seq != state.seq + 1:
        raise DivergedError(f"entry {entry.seq} follows entry {state.seq}")
    if entry.recorded_at <= state.recorded_at:
        raise DivergedError(f"entry {entry.seq} is not later than the one before it")
    if entry.reason is None:
        _apply(state, entry)
    state.seq = entry.seq
    state.recorded_at = entry.recorded_at
    state.outcomes[entry.id] = entry
    return state


def _apply(state: State, entry: Entry) -> None:
    kind = entry.kind
    if kind == Kind.TRANSFER:
        _apply_transfer(state, entry)
    elif kind == Kind.OPEN_ACCOUNT:
        _apply_open_account(state, entry)
    elif kind == Kind.OPEN_ASSET:
        _apply_open_asset(state, entry)
    else:
        raise UnknownVersionError(f"entry {entry.seq} is of kind {kind}: upgrade this release")


def _apply_transfer(state: State, entry: Entry) -> None:
    debit_id, credit_id, amount = entry.debit_account, entry.credit_account, entry.amount
    if debit_id is None or credit_id is None or amount is None:
        raise DivergedError(f"entry {entry.seq} is a transfer without accounts or amount")
    if (debit := _known(state, debit_id, entry)) is not None:
        old = debit.totals
        totals = Totals(old[0] + amount, old[1], old[2], old[3])
        _store(state, Account(debit.facts, totals, entry.seq), entry.debit_totals, entry)
    if (credit := _known(state, credit_id, entry)) is not None:
        old = credit.totals
        totals = Totals(old[0], old[1] + amount, old[2], old[3])
        _store(state, Account(credit.facts, totals, entry.seq), entry.credit_totals, entry)


def _known(state: State, account_id: str, entry: Entry) -> Account | None:
    if not state.knows_account(account_id):
        return None
    account = state.account(account_id)
    if account is None:
        raise DivergedError(f"entry {entry.seq} moves {account_id}, which is not open")
    return account


def _store(state: State, account: Account, carried: Totals | None, entry: Entry) -> None:
    if account.totals != carried:
        raise DivergedError(
            f"entry {entry.seq} carries {carried} for {account.facts.id}, "
            f"folding gives {account.totals}"
        )
    state.accounts[account.facts.id] = account


def _apply_open_account(state: State, entry: Entry) -> None:
    if entry.account is None or entry.asset is None or entry.content is None:
        raise DivergedError(f"entry {entry.seq} opens an account without saying which")
    if state.knows_account(entry.account) and state.account(entry.account) is not None:
        raise DivergedError(f"entry {entry.seq} opens {entry.account}, which is open")
    state.accounts[entry.account] = Account(facts_of_opening(entry), last_seq=entry.seq)


def facts_of_opening(entry: Entry) -> AccountFacts:
    """Return what the entry that opened an account says about it."""
    content = entry.content or {}
    return AccountFacts(
        id=entry.account or "",
        asset=entry.asset or "",
        normal_side=NormalSide(content["normal_side"]),
        min_balance=content.get("min_balance"),
        max_balance=content.get("max_balance"),
        opened_at=entry.recorded_at,
        opened_by=entry.id,
    )


def _apply_open_asset(state: State, entry: Entry) -> None:
    if entry.asset is None or entry.content is None:
        raise DivergedError(f"entry {entry.seq} opens an asset without saying which")
    if state.knows_asset(entry.asset) and state.asset(entry.asset) is not None:
        raise DivergedError(f"entry {entry.seq} opens {entry.asset}, which is open")
    state.assets[entry.asset] = Asset(entry.asset, entry.content["scale"], entry.recorded_at)
