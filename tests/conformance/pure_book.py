"""A book in memory, decided by the pure heart alone."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from conformance.results import Result, result_of
from conformance.runner import Facts, Unit
from support.posting import check_post
from yupana_server.book.commands import Side, WellFormed
from yupana_server.book.decide import Outcome, decide
from yupana_server.book.evolve import evolve
from yupana_server.book.state import State
from yupana_server.book.times import rfc3339
from yupana_server.book.windows import used

if TYPE_CHECKING:
    from yupana_server.book.entries import Entry

START = 1_699_920_000_000_000
"""2023-11-14T00:00Z: slots of every window that fits a day begin here."""

HOUR = 3_600_000_000


class PureBook:
    """A book whose clock stands still unless it is set."""

    def __init__(self) -> None:
        self.state = State()
        self.entries: list[Entry] = []
        # What every case begins with is recorded before the moment that its times count from.
        self._clock = START - HOUR

    def begin(self) -> int:
        self._clock = START
        return START

    def set_clock(self, at: int) -> None:
        self._clock = at

    def send(self, units: Sequence[Unit]) -> list[Result]:
        return [result for unit in units for result in self._decide(unit)]

    def _decide(self, unit: Unit) -> list[Result]:
        for command in unit:
            self._load(command)
        decision = decide(self.state, unit, self._clock)
        check_post(self.state, unit, self._clock, decision)
        for entry in decision.entries:
            evolve(self.state, entry)
            self.entries.append(entry)
        return [self.say(outcome) for outcome in decision.outcomes]

    def say(self, outcome: Outcome) -> Result:
        """Say what came of a command."""
        return result_of(outcome)

    def _load(self, command: WellFormed) -> None:
        """All of the journal is in memory, so what a command names and is not there is absent."""
        state = self.state
        for named in (command, *getattr(command, "legs", ())):
            for field in ("debit_account", "credit_account", "account"):
                _know(state.accounts, getattr(named, field, None), None)
        _know(state.assets, getattr(command, "asset", None), None)
        _know(state.holds, getattr(command, "hold", None), None)
        _know(state.groups, getattr(command, "group", None), ())
        _know(state.reversed, getattr(command, "transfer", None), 0)

    def account(self, account_id: str) -> Facts | None:
        account = self.state.accounts.get(account_id)
        if account is None:
            return None
        facts, totals = account.facts, account.totals
        pairs = zip(facts.windows, account.usage, strict=True)
        return {
            **{name: str(amount) for name, amount in totals._asdict().items()},
            "balance": str(totals.balance),
            "available": str(totals.available),
            "asset": facts.asset,
            "side": facts.normal_side.name.lower(),
            "floor": "none" if facts.min_balance is None else str(facts.min_balance),
            "ceiling": "none" if facts.max_balance is None else str(facts.max_balance),
            "used": ",".join(str(used(window, slots, self._clock)) for window, slots in pairs),
            "frozen": frozen(facts.debits_frozen, facts.credits_frozen),
            "closed": "yes" if facts.closed else "no",
            "code": facts.code or "none",
        }

    def hold(self, hold_id: str) -> Facts | None:
        hold = self.state.holds.get(hold_id)
        if hold is None:
            return None
        return {
            "state": hold.state.name.lower(),
            "debit": hold.debit_account,
            "credit": hold.credit_account,
            "captured": str(hold.captured),
            "remaining": str(hold.remaining),
            "expires": "never" if hold.expires_at is None else rfc3339(hold.expires_at),
        }

    def last_position(self, account_id: str) -> tuple[int, int]:
        account = self.state.accounts[account_id]
        assert account is not None
        return self.state.epoch, account.last_seq

    def check_whole(self) -> None:
        """Check what must be true of every book: it adds up, and its journal tells all of it."""
        sums: defaultdict[str, int] = defaultdict(int)
        reserved: defaultdict[tuple[str, Side], int] = defaultdict(int)
        for hold in self.state.holds.values():
            if hold is not None:
                reserved[hold.debit_account, Side.DEBIT] += hold.remaining
                reserved[hold.credit_account, Side.CREDIT] += hold.remaining
        folded = State()
        for entry in self.entries:
            evolve(folded, entry)
        for name, account in self.state.accounts.items():
            if account is not None:
                sums[account.facts.asset] += account.totals.balance
                assert account.totals.debits_pending == reserved[name, Side.DEBIT]
                assert account.totals.credits_pending == reserved[name, Side.CREDIT]
                assert folded.accounts[name] == account
        assert not any(sums.values())
        assert folded.closed_before == self.state.closed_before


def frozen(debits: bool, credits_: bool) -> str:
    """Say what is frozen."""
    return {(0, 0): "none", (1, 0): "debits", (0, 1): "credits"}.get((debits, credits_), "both")


def _know(facts: dict[str, Any], name: str | None, absent: object) -> None:
    if name is not None:
        facts.setdefault(name, absent)
