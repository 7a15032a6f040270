"""A book that is decided twice, by the pure heart and by the model, and compared at every step."""

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from copy import copy
from itertools import pairwise
from typing import Any

from conformance.results import Result, result_of
from property.commands import ACCOUNTS, ASSETS, GROUPS, NO_ASSET, Aim, Limits, aim
from property.model import Answer, Model
from property.rules import LARGEST

from support.posting import check_post
from yupana_server.book.commands import Chain, Kind, OpenAccount, OpenAsset, WellFormed
from yupana_server.book.decide import Decision, Replay, decide
from yupana_server.book.entries import Entry
from yupana_server.book.evolve import evolve
from yupana_server.book.rejections import Refusal, explain
from yupana_server.book.state import Account, State
from yupana_server.book.windows import used
from yupana_server.book.words import seal

NOW = 1_699_920_000_000_000
LAYERS_MAX = 3
"""How many decisions are not yet absorbed: as many as a server decides ahead, and one more."""

Unit = list[WellFormed]


class CheckedBook:
    """One book, whose clock is set by whoever sends commands."""

    def __init__(self) -> None:
        self.now = NOW
        self.model = Model()
        self.entries: list[Entry] = []
        self.sent: list[Unit] = []
        self.seen: Counter[str] = Counter()
        """How often there was which outcome, by kind of command and word."""
        self.posted = 0
        """How many commands were plain transfers, and so decided another way too."""
        self._layers = [_empty_state()]
        self._folded = State()
        """What the entries alone give."""
        self._ids = 0

    def begin(self, b: Limits, c: Limits) -> None:
        """Open an asset and three accounts, two of them with limits."""
        self.send([OpenAsset("", "X", 2), OpenAccount("", "a", "X")])
        for name, (floor, ceiling, windows) in (("b", b), ("c", c)):
            opening = OpenAccount("", name, "X", min_balance=floor, max_balance=ceiling)
            self.send([opening._replace(windows=windows)])

    @property
    def open_holds(self) -> list[str]:
        """The holds that still reserve something."""
        holds = self.model.holds().values()
        return [hold["id"] for hold in holds if hold["state"] == "open"]

    @property
    def deadlines(self) -> list[int]:
        """The deadlines of all holds, past and to come."""
        expires = [hold["expires"] for hold in self.model.holds().values()]
        return [at for at in expires if at is not None]

    def send(self, unit: Sequence[WellFormed]) -> None:
        """Send commands under new ids."""
        self.resend([self.aimed(command)._replace(id=self.new_id()) for command in unit])

    def new_id(self) -> str:
        """Return an id that was never sent."""
        self._ids += 1
        return f"n{self._ids}"

    def aimed(self, command: WellFormed) -> Any:
        """Replace the placeholders of a command by what there is now."""
        present = max(self.now, self.model.time + 1)
        movements = [event["id"] for event in self.model.all("move")]
        ids = [entry.id for entry in self.entries]
        last_seqs = {name: self.model.last_seq(name) for name in self.model.accounts()}
        holds = list(self.model.holds())
        return aim(command, Aim(present, self.open_holds, holds, movements, ids, last_seqs))

    def resend(self, unit: Unit) -> None:
        """Send commands as they are, but for their seals and their chain."""
        unit = _chained([_sealed(command) for command in unit])
        self._load(unit)
        expected = self.model.run(unit, self.now)
        before = self._contents()
        decision = decide(self.top, unit, self.now)
        assert self._contents() == before, "to decide changes nothing"
        self.posted += check_post(self.top, unit, self.now, decision)
        self._compare(unit, expected, decision)
        self.sent.append(unit)
        self._record(decision)

    @property
    def top(self) -> State:
        """The newest layer."""
        return self._layers[-1]

    def _contents(self) -> Sequence[object]:
        """Return a copy of all that is in memory."""
        names = [name for name in State.__slots__ if name != "parent"]
        return [copy(getattr(layer, name)) for layer in self._layers for name in names]

    def _load(self, unit: Unit) -> None:
        """Have it known of what a command names, and is not there, that it is not there."""
        for command in unit:
            for kind, field, absent in (("holds", "hold", None), ("reversed", "transfer", 0)):
                name = getattr(command, field, None)
                if name is not None and not any(name in getattr(s, kind) for s in self._layers):
                    getattr(self._layers[0], kind)[name] = absent

    def _compare(self, unit: Unit, expected: list[Answer], decision: Decision) -> None:
        assert len(decision.outcomes) == len(unit)
        for command, answer, outcome in zip(unit, expected, decision.outcomes, strict=True):
            result = result_of(outcome)
            assert _said(result, answer) == answer, (command, result)
            self.seen[f"{type(command).__name__}: {result.word}"] += 1
            if isinstance(outcome, Entry | Refusal) and outcome.reason is not None:
                assert explain(outcome.reason, outcome.facts or {})
            if isinstance(outcome, Replay):
                assert outcome.entry in self.entries

    def _record(self, decision: Decision) -> None:
        layer = self.top.layer()
        for entry in decision.entries:
            self._check_capture(entry)
            evolve(layer, entry)
            evolve(self._folded, entry)
            self.entries.append(entry)
        self._layers.append(layer)
        if len(self._layers) > LAYERS_MAX:
            base, lowest, above = self._layers[:3]
            base.absorb(lowest)
            above.parent = base
            del self._layers[1]

    def _check_capture(self, entry: Entry) -> None:
        if entry.kind == Kind.CAPTURE and entry.reason is None:
            hold = self._folded.hold(entry.hold or "")
            assert hold is not None
            assert 0 <= (entry.amount or 0) <= hold.remaining

    def check(self) -> None:
        """Compare all that is true of the book with the model, and with what the journal gives."""
        assert self.top.seq == self.model.seq == len(self.entries)
        assert self.top.recorded_at == self.model.time
        assert self.top.closed_before == self._folded.closed_before == self.model.closed_before()
        self._check_accounts()
        self._check_holds()
        self._check_sums()

    def _check_accounts(self) -> None:
        assert {account.facts.id for account in self._accounts()} == set(self.model.accounts())
        for account in self._accounts():
            name, facts, totals = account.facts.id, account.facts, account.totals
            assert self._folded.accounts[name] == account
            assert tuple(totals) == tuple(self.model.totals(name))
            assert totals.available == self.model.totals(name).available
            assert account.last_seq == self.model.last_seq(name)
            limits = self.model.limits(name)
            assert facts.windows == limits["windows"]
            assert (facts.min_balance, facts.max_balance) == (limits["floor"], limits["ceiling"])
            assert facts.debits_frozen == self.model.frozen(name, "debit")
            assert facts.credits_frozen == self.model.frozen(name, "credit")
            assert facts.closed == self.model.closed(name)
            for window, slots in zip(facts.windows, account.usage, strict=True):
                counted = self.model.used(name, window, self.model.time)
                assert used(window, slots, self.model.time) == counted

    def _check_holds(self) -> None:
        expected = self.model.holds()
        assert set(self._folded.holds) == set(expected)
        for hold_id, facts in expected.items():
            hold = self.top.hold(hold_id)
            assert hold is not None
            assert hold == self._folded.holds[hold_id]
            assert (hold.captured, hold.remaining) == (facts["captured"], facts["remaining"])
            assert hold.expires_at == facts["expires"]
            assert hold.state.name.lower() == facts["state"]

    def _check_sums(self) -> None:
        """Nothing is lost and nothing is made, neither posted nor pending."""
        posted: defaultdict[str, int] = defaultdict(int)
        pending: defaultdict[str, int] = defaultdict(int)
        for account in self._accounts():
            totals = account.totals
            posted[account.facts.asset] += totals.balance
            pending[account.facts.asset] += totals.credits_pending - totals.debits_pending
            assert min(totals) >= 0
            assert totals.debits_posted + totals.debits_pending <= LARGEST
            assert totals.credits_posted + totals.credits_pending <= LARGEST
        assert not any(posted.values())
        assert not any(pending.values())

    def _accounts(self) -> list[Account]:
        found = [self.top.account(name) for name in ACCOUNTS]
        return [account for account in found if account is not None]

    def check_end(self) -> None:
        """In the end everything is still as the journal says, and every outcome stands."""
        folded = State()
        for entry in self.entries:
            evolve(folded, entry)
        assert folded.accounts == self._folded.accounts
        assert folded.outcomes == {entry.id: entry for entry in self.entries}
        times = [entry.recorded_at for entry in self.entries]
        assert all(earlier < later for earlier, later in pairwise(times))
        for unit in self.sent:
            if all(self.model.is_first(command) for command in unit):
                outcomes = decide(folded, unit, self.model.time * 2).outcomes
                assert outcomes == [Replay(folded.outcomes[command.id]) for command in unit]


def _empty_state() -> State:
    state = State()
    state.accounts.update(dict.fromkeys([*ACCOUNTS, "nobody"]))
    state.assets.update(dict.fromkeys([*ASSETS, NO_ASSET]))
    state.groups.update(dict.fromkeys(GROUPS, ()))
    return state


def _chained(unit: Unit) -> Unit:
    if len(unit) == 1:
        return [unit[0]._replace(chain=None)]
    return [
        command._replace(chain=Chain(unit[0].id, place, len(unit)))
        for place, command in enumerate(unit, start=1)
    ]


def _sealed(command: Any) -> Any:
    """Seal the words of a command anew: each time it is sent it gets another salt."""
    words = getattr(command, "words", None)
    if words is None:
        return command
    sealed = seal(words, os.urandom(16)) if any(words[:3]) else None
    return command._replace(words=words._replace(sealed=sealed))


def _said(result: Result, answer: Answer) -> Answer:
    """Return what came of a command, as far as the model has a say in it."""
    values = {name: result.values[name] for name in answer.values if name in result.values}
    return Answer(result.word, values, result.recorded, result.replayed)
