"""What must be in memory before commands can be decided."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from yupana_server.book.commands import (
    CaptureHold,
    CloseAccount,
    Command,
    CreateHold,
    CreatePayment,
    CreateTransfer,
    Erase,
    FreezeAccount,
    OpenAccount,
    OpenAsset,
    ReleaseHold,
    ReopenAccount,
    ResolveGroup,
    ReverseTransfer,
    SetLimits,
    UpdateHold,
)
from yupana_server.book.entries import Entry
from yupana_server.book.state import State
from yupana_server.ledger.submission import Submission

DUE_SOON_US = 1_000_000
"""What falls due while a batch is decided must be in memory too."""

DUE_MAX = 5_000
"""Of so many holds that are due the accounts are loaded at a time, the first ones first."""


class Needs(NamedTuple):
    """Names of what is not in memory yet, each kind with a look-up of its own."""

    accounts: set[str]
    assets: set[str]
    holds: set[str]
    groups: set[str]
    targets: set[str]
    """Transfers to be reversed."""
    holders: set[str]
    """Accounts whose open holds have to be known."""


REFERRING = (ReverseTransfer, Erase)
"""What refers to another command by its id."""


def ids_of(command: Command) -> tuple[str, ...]:
    """Return the ids whose outcomes decide a command: its own, and that of what it refers to."""
    if isinstance(command, ReverseTransfer):
        return command.id, command.transfer
    if isinstance(command, Erase):
        return command.id, command.command
    return (command.id,)


class _Search:
    """Looks for what one submission after the other still lacks."""

    def __init__(self, top: State, holders: set[str]):
        self.missing = Needs(set(), set(), set(), set(), set(), set())
        self._top = top
        self._holders = holders

    def look_at(self, submission: Submission) -> None:
        """Note what a submission lacks."""
        for unit in submission.units:
            for command in unit:
                if isinstance(command, CreateTransfer):  # By far the most.
                    self.need_account(command.debit_account)
                    self.need_account(command.credit_account)
                else:
                    self._need(command, submission)
        for hold_id in submission.holds:
            self.need_hold(hold_id)

    def _need(self, command: Command, submission: Submission) -> None:
        if isinstance(command, OpenAccount | OpenAsset):
            self._need_fact("assets", command.asset, self.missing.assets)
        if isinstance(command, CreateHold | ResolveGroup) and command.group is not None:
            self._need_group(command.group, members=isinstance(command, ResolveGroup))
        if isinstance(command, ReverseTransfer):
            self._need_fact("reversed", command.transfer, self.missing.targets)
            original = submission.found.get(command.transfer)
            self._need_original(original or self._top.outcome(command.transfer))
        if isinstance(command, CaptureHold | ReleaseHold | UpdateHold):
            self.need_hold(command.hold)
        for account_id in _accounts(command):
            self.need_account(account_id)

    def _need_fact(self, kind: str, name: str, missing: set[str]) -> None:
        if not self._top.knows(kind, name):
            missing.add(name)

    def need_account(self, account_id: str) -> None:
        """Note an account, and its open holds if it has some."""
        layer: State | None = self._top
        while layer is not None:
            account = layer.accounts.get(account_id)
            if account is not None:
                _, _, debiting, crediting = account.totals
                if (debiting or crediting) and account_id not in self._holders:
                    self.missing.holders.add(account_id)
                return
            layer = layer.parent
        if not self._top.knows_account(account_id):
            self.missing.accounts.add(account_id)

    def need_hold(self, hold_id: str) -> None:
        """Note a hold and its accounts."""
        if not self._top.knows("holds", hold_id):
            self.missing.holds.add(hold_id)
            return
        hold = self._top.hold(hold_id)
        if hold is not None:
            self.need_account(hold.debit_account)
            self.need_account(hold.credit_account)

    def _need_group(self, group: str, *, members: bool) -> None:
        if not self._top.knows("groups", group):
            self.missing.groups.add(group)
        elif members:
            for hold_id in self._top.group(group):
                self.need_hold(hold_id)

    def _need_original(self, original: Entry | None) -> None:
        if original is None:
            return
        for account_id in (original.debit_account, original.credit_account):
            if account_id is not None:
                self.need_account(account_id)


def needs(submissions: Sequence[Submission], top: State, holders: set[str], clock: int) -> Needs:
    """Return what is still missing. Some of it comes to light only when the rest is loaded.

    `holders` are the accounts whose open holds are known.
    """
    search = _Search(top, holders)
    for submission in submissions:
        search.look_at(submission)
    for hold_id in top.due(max(clock, top.recorded_at) + DUE_SOON_US, DUE_MAX):
        search.need_hold(hold_id)
    return search.missing


def _accounts(command: Command) -> Iterable[str]:
    if isinstance(command, CreateHold):
        return command.debit_account, command.credit_account
    if isinstance(command, CreatePayment):
        return [a for leg in command.legs for a in (leg.debit_account, leg.credit_account)]
    if isinstance(command, OpenAccount | SetLimits | FreezeAccount | CloseAccount | ReopenAccount):
        return (command.account,)
    return ()
