"""Small books to decide in, and short words for what came of it."""

from collections.abc import Sequence
from copy import copy

from yupana_server.book.commands import (
    Chain,
    Command,
    CreateTransfer,
    NormalSide,
    OpenAccount,
    OpenAsset,
)
from yupana_server.book.decide import Decision, Outcome, Replay, decide
from yupana_server.book.entries import ZERO, Entry, Totals
from yupana_server.book.evolve import evolve
from yupana_server.book.rejections import Reason
from yupana_server.book.state import Account, AccountFacts, Asset, State

NOW = 1_700_000_000_000_000


def book(*accounts: Account) -> State:
    """A state in which USD, EUR and these accounts are open and ten entries were recorded."""
    state = State(seq=10, recorded_at=NOW - 1000)
    for asset in ("USD", "EUR"):
        state.assets[asset] = Asset(asset, 2, 0)
    for each in accounts:
        state.accounts[each.facts.id] = each
    return state


def account(
    name: str,
    totals: Totals = ZERO,
    *,
    asset: str = "USD",
    floor: int | None = None,
    ceiling: int | None = None,
) -> Account:
    facts = AccountFacts(name, asset, NormalSide.CREDIT, floor, ceiling, 0, f"open-{name}")
    return Account(facts, totals, 1)


def balance(amount: int) -> Totals:
    return Totals(0, amount, 0, 0) if amount >= 0 else Totals(-amount, 0, 0, 0)


def chain(*commands: Command) -> list[Command]:
    first_id, length = commands[0].id, len(commands)
    return [
        command._replace(chain=Chain(first_id, place, length))
        for place, command in enumerate(commands, start=1)
    ]


def decision(state: State, commands: Sequence[Command], now: int) -> Decision:
    """Decide, with what the commands name and is not there known as absent; change nothing."""
    for command in commands:
        if isinstance(command, CreateTransfer):
            state.accounts.setdefault(command.debit_account, None)
            state.accounts.setdefault(command.credit_account, None)
        elif isinstance(command, OpenAccount):
            state.accounts.setdefault(command.account, None)
            state.assets.setdefault(command.asset, None)
        elif isinstance(command, OpenAsset):
            state.assets.setdefault(command.asset, None)
    return decide(state, commands, now)


def ask(state: State, *commands: Command, now: int = NOW) -> list[Outcome]:
    return list(decision(state, commands, now).outcomes)


def record(state: State, *commands: Command, now: int = NOW) -> list[Outcome]:
    """Decide and fold what was decided into the state."""
    decided = decision(state, commands, now)
    assert list(decided.entries) == [o for o in decided.outcomes if isinstance(o, Entry)]
    for entry in decided.entries:
        evolve(state, entry)
    return list(decided.outcomes)


def reason(outcome: Outcome) -> Reason | None:
    assert not isinstance(outcome, Replay)
    return outcome.reason


def reasons(outcomes: Sequence[Outcome]) -> list[Reason | None]:
    return [reason(outcome) for outcome in outcomes]


def contents(state: State) -> dict[str, object]:
    """A copy of all that the state holds."""
    facts = {name: getattr(state, name) for name in State.__slots__ if name != "parent"}
    return {name: copy(fact) for name, fact in facts.items()}
