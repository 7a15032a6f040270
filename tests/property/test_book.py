"""Random commands against the pure heart, next to a naive model with rules of its own.

YUPANA_HYPOTHESIS_PROFILE=thorough searches for minutes instead of seconds.
"""

import os
from collections import Counter, defaultdict
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from yupana_server.book.bounds import AMOUNT_MAX
from yupana_server.book.commands import Chain, CreateTransfer, NormalSide, OpenAccount, OpenAsset
from yupana_server.book.decide import Replay, decide
from yupana_server.book.entries import Entry
from yupana_server.book.evolve import evolve
from yupana_server.book.labels import labels_match, seal_labels
from yupana_server.book.rejections import Refusal, explain
from yupana_server.book.state import State

settings.register_profile(
    "quick",
    max_examples=200,
    stateful_step_count=30,
    deadline=None,
    derandomize="CI" in os.environ,
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile(
    "thorough", settings.get_profile("quick"), max_examples=3_000, stateful_step_count=80
)
PROFILE = settings.get_profile(os.environ.get("YUPANA_HYPOTHESIS_PROFILE", "quick"))

NOW = 1_700_000_000_000_000
SECOND = 1_000_000
ACCOUNTS = ["a", "b", "c"]
UNRECORDED = {"ASSET_MISMATCH", "EFFECTIVE_TIME_IN_FUTURE"}

ids = st.integers(0, 60).map("id{}".format)
asset_ids = st.sampled_from(["X", "Y"])
limit = st.none() | st.integers(-6, 6)
small = st.integers(0, 6)
amounts = small | st.sampled_from([AMOUNT_MAX, AMOUNT_MAX - 1, AMOUNT_MAX // 2])
label_texts = st.text('é\\" ', max_size=2)
labels = st.none() | st.dictionaries(st.sampled_from("kl"), label_texts, min_size=1)

# st.builds would also invent the fields that are left out of a NamedTuple.
plain_transfers = st.tuples(ids, st.permutations(ACCOUNTS), small).map(
    lambda t: CreateTransfer(t[0], t[1][0], t[1][1], t[2])
)
odd_transfers = st.tuples(
    ids,
    st.permutations(ACCOUNTS),
    amounts,
    st.sampled_from([None, "X", "Y"]),
    st.sampled_from([None, NOW - 5, NOW + SECOND, NOW + 10 * SECOND]),
    labels,
).map(lambda t: CreateTransfer(t[0], t[1][0], t[1][1], *t[2:]))
limits = st.tuples(limit, limit).filter(lambda pair: None in pair or pair[0] <= pair[1])
openings = st.tuples(
    ids, st.sampled_from(ACCOUNTS), asset_ids, st.sampled_from(NormalSide), limits
).map(lambda t: OpenAccount(*t[:4], *t[4]))
asset_openings = st.tuples(ids, asset_ids, st.integers(0, 2)).map(lambda t: OpenAsset(*t))
commands = st.one_of(*[plain_transfers] * 4, odd_transfers, openings, openings, asset_openings)
units = commands.map(lambda command: [command]) | st.lists(
    commands, min_size=2, max_size=5, unique_by=lambda command: command.id
)


@dataclass
class Model:
    """The rules once more, in as few words as will do."""

    assets: set[str] = field(default_factory=set)
    opened: dict[str, Any] = field(default_factory=dict)
    debits: Counter[str] = field(default_factory=Counter)
    credits: Counter[str] = field(default_factory=Counter)
    time: int = 0
    first_asked: dict[str, Any] = field(default_factory=dict)

    def run(self, members: list[Any], now: int) -> list[str]:
        """Decide new commands: POSTED, OPENED or the name of a reason for each."""
        attempt = deepcopy(self)
        verdicts = []
        for command in members:
            attempt.time = max(now, attempt.time + 1)
            verdicts.append(attempt.apply(command))
            if verdicts[-1] != "DONE":
                break
        failed = verdicts[-1] != "DONE"
        if failed:
            culprit = len(verdicts) - 1
            verdicts = ["LINKED_FAILED"] * len(members)
            verdicts[culprit] = attempt.apply(members[culprit])
        else:
            vars(self).update(vars(attempt))
        if not any(
            verdict in ("ASSET_MISMATCH", "EFFECTIVE_TIME_IN_FUTURE") for verdict in verdicts
        ):
            self.first_asked |= {command.id: command for command in members}
            if failed:
                self.time = max(now, self.time + 1) + len(members) - 1
        return verdicts

    def apply(self, command: Any) -> str:
        if isinstance(command, OpenAsset):
            if command.asset in self.assets:
                return "ASSET_EXISTS"
            self.assets.add(command.asset)
            return "DONE"
        if isinstance(command, OpenAccount):
            if command.asset not in self.assets:
                return "ASSET_NOT_FOUND"
            if command.account in self.opened:
                return "ACCOUNT_EXISTS"
            self.opened[command.account] = command
            return "DONE"
        return self.move(command)

    def move(self, command: CreateTransfer) -> str:
        debit, credit = command.debit_account, command.credit_account
        if (command.effective_at or 0) > self.time:
            return "EFFECTIVE_TIME_IN_FUTURE"
        if debit not in self.opened or credit not in self.opened:
            return "ACCOUNT_NOT_FOUND"
        named = {self.opened[debit].asset, self.opened[credit].asset, command.asset} - {None}
        if len(named) > 1:
            return "ASSET_MISMATCH"
        if max(self.debits[debit], self.credits[credit]) + command.amount > AMOUNT_MAX:
            return "OVERFLOW"
        floor, ceiling = self.opened[debit].min_balance, self.opened[credit].max_balance
        if command.amount and floor is not None and self.balance(debit) - command.amount < floor:
            return "BELOW_MIN_BALANCE"
        if (
            command.amount
            and ceiling is not None
            and self.balance(credit) + command.amount > ceiling
        ):
            return "ABOVE_MAX_BALANCE"
        self.debits[debit] += command.amount
        self.credits[credit] += command.amount
        return "DONE"

    def balance(self, account: str) -> int:
        return self.credits[account] - self.debits[account]

    def same(self, command: Any, entry: Entry) -> bool:
        """Tell whether this is what was first asked under the id."""
        first = self.first_asked[command.id]
        if not isinstance(command, CreateTransfer) or not isinstance(first, CreateTransfer):
            return command == first
        asset_fits = command.asset in (None, first.asset, entry.asset)
        return asset_fits and command._replace(asset=first.asset, sealed_labels=None) == first


class BookMachine(RuleBasedStateMachine):
    """One book; commands, alone and chained, new and old, under a clock that jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.model = Model()
        self.state = State()
        self.state.accounts.update(dict.fromkeys(ACCOUNTS))
        self.state.assets.update(dict.fromkeys("XY"))
        self.entries: list[Entry] = []
        self.answers: dict[str, Entry] = {}
        self.sent: list[list[Any]] = []
        self.available: dict[str, int] = {}

    @initialize(with_limits=st.booleans())
    def begin(self, with_limits: bool) -> None:
        floor = 0 if with_limits else None
        self.send([OpenAsset("X", "X", 2)])
        ceiling = 8 if with_limits else None
        self.send(
            [
                OpenAccount("oa", "a", "X"),
                OpenAccount("ob", "b", "X", min_balance=floor, max_balance=ceiling),
            ]
        )

    @rule(unit=units)
    def send_something(self, unit: list[Any]) -> None:
        self.send(unit)

    @rule(units=st.lists(plain_transfers, min_size=1, max_size=6))
    def send_transfers(self, units: list[CreateTransfer]) -> None:
        for place, transfer in enumerate(units):
            # Ids that are surely new, so that something happens.
            self.send([transfer._replace(id=f"new{len(self.sent)}-{place}")])

    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        unit = data.draw(st.sampled_from(self.sent))
        self.send([command._replace(chain=None) for command in unit])

    @rule(data=st.data(), changed=commands)
    def send_again_with_other_content(self, data: st.DataObject, changed: Any) -> None:
        unit = [c._replace(chain=None) for c in data.draw(st.sampled_from(self.sent))]
        place = data.draw(st.integers(0, len(unit) - 1))
        unit[place] = changed._replace(id=unit[place].id)
        self.send(unit)

    @rule(data=st.data(), more=commands)
    def send_part_of_a_chain(self, data: st.DataObject, more: Any) -> None:
        unit = [c._replace(chain=None) for c in data.draw(st.sampled_from(self.sent))]
        if more.id not in {command.id for command in unit}:
            self.send([*unit[: data.draw(st.integers(0, len(unit)))], more])

    @rule(by=st.integers(-3 * SECOND, 3 * SECOND))
    def set_clock(self, by: int) -> None:
        self.now += by

    def send(self, unit: list[Any]) -> None:
        if len(unit) > 1:
            unit = [
                command._replace(chain=Chain(unit[0].id, place, len(unit)))
                for place, command in enumerate(unit, start=1)
            ]
        self.sent.append(unit)
        sealed = [
            command._replace(sealed_labels=seal_labels(command.labels, os.urandom(16)))
            if isinstance(command, CreateTransfer) and command.labels
            else command
            for command in unit
        ]
        outcomes = decide(self.state, sealed, self.now)
        assert [o.entry.id if isinstance(o, Replay) else o.id for o in outcomes] == [
            command.id for command in unit
        ]
        if any(command.id in self.answers for command in unit):
            self.check_known(unit, outcomes)
        else:
            self.check_new(unit, outcomes)
        self.record(outcomes)

    def check_known(self, unit: list[Any], outcomes: list[Any]) -> None:
        for command, outcome in zip(unit, outcomes, strict=True):
            first = self.answers.get(command.id)
            if first is None:
                expected = "CHAIN_MIXED"
            else:
                expected = "REPLAY" if self.model.same(command, first) else "ID_REUSED"
            event(expected)
            if expected == "REPLAY":
                assert outcome == Replay(first)
            else:
                assert isinstance(outcome, Refusal)
                assert outcome.reason.name == expected

    def check_new(self, unit: list[Any], outcomes: list[Any]) -> None:
        verdicts = self.model.run(unit, self.now)
        assert [o.reason.name if o.reason else "DONE" for o in outcomes] == verdicts
        for command, outcome in zip(unit, outcomes, strict=True):
            event(outcome.reason.name if outcome.reason else f"{type(command).__name__} done")
            if outcome.reason:
                assert explain(outcome.reason, outcome.facts)
            if isinstance(outcome, Entry) and isinstance(command, CreateTransfer):
                assert labels_match(outcome.sealed_labels, command.labels)

    def record(self, outcomes: list[Any]) -> None:
        before = self.state.seq
        layer = self.state.layer()
        for outcome in outcomes:
            if isinstance(outcome, Entry):
                evolve(layer, outcome)
                self.entries.append(outcome)
                assert outcome.id not in self.answers
                self.answers[outcome.id] = outcome
        assert self.state.seq == before
        self.state.absorb(layer)

    @invariant()
    def debits_equal_credits_in_every_asset(self) -> None:
        sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
        for account in self.accounts():
            posted_and_pending = sums[account.facts.asset]
            posted_and_pending[0] += account.totals.balance
            posted_and_pending[1] += account.totals.credits_pending - account.totals.debits_pending
        assert all(found == [0, 0] for found in sums.values())

    @invariant()
    def balances_are_the_models(self) -> None:
        assert {account.facts.id for account in self.accounts()} == set(self.model.opened)
        for account in self.accounts():
            name, totals = account.facts.id, account.totals
            assert totals == (self.model.debits[name], self.model.credits[name], 0, 0)
            assert max(totals) <= AMOUNT_MAX

    @invariant()
    def limits_hold(self) -> None:
        for account in self.accounts():
            name, facts, available = account.facts.id, account.facts, account.totals.available
            before = self.available.get(name, 0)
            if facts.min_balance is not None and available < facts.min_balance:
                assert available >= before
            if facts.max_balance is not None and available > facts.max_balance:
                assert available <= before
            self.available[name] = available

    @invariant()
    def journal_has_no_gaps_and_time_goes_on(self) -> None:
        assert [entry.seq for entry in self.entries] == list(range(1, len(self.entries) + 1))
        times = [entry.recorded_at for entry in self.entries]
        assert all(earlier < later for earlier, later in pairwise(times))
        assert self.state.recorded_at == self.model.time

    @invariant()
    def folding_the_journal_from_nothing_gives_the_same_book(self) -> None:
        folded = State()
        for entry in self.entries:
            evolve(folded, entry)
        assert (folded.seq, folded.recorded_at) == (self.state.seq, self.state.recorded_at)
        assert list(folded.accounts.values()) == self.accounts()
        assert folded.assets == {k: v for k, v in self.state.assets.items() if v is not None}
        assert folded.outcomes == self.state.outcomes == self.answers

    def accounts(self) -> list[Any]:
        """The open accounts, in the order of their opening."""
        found = [account for account in self.state.accounts.values() if account is not None]
        return sorted(found, key=lambda account: account.facts.opened_at)


class TestBook(BookMachine.TestCase):
    settings = PROFILE
