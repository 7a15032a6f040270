"""Runs a case against anything that can be sent commands."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from conformance.cases import Case
from conformance.notation import Reader, limits, windows
from conformance.results import Result
from conformance.values import Arguments, read_amount, read_arguments, read_time, shown
from yupana_server.book.commands import (
    Chain,
    CloseAccount,
    CreateTransfer,
    FreezeAccount,
    NormalSide,
    OpenAccount,
    OpenAsset,
    SetLimits,
    WellFormed,
)

Unit = Sequence[WellFormed]
"""One command, or the members of a chain."""

Line = tuple[WellFormed, str]
"""A command and the line that it was read from."""

Facts = Mapping[str, str]

ASSETS = {"USD": 2, "EUR": 2}
WORLDS = {"USD": "world", "EUR": "world-eur"}

_DONE = {
    "posted", "held", "captured", "released", "updated", "resolved", "reversed", "paid", "opened",
    "asset_opened", "limits_set", "frozen", "closed", "reopened", "period_closed", "erased",
}  # fmt: skip
_NAMES = {
    "posted": ["amount"],
    "held": ["amount"],
    "captured": ["amount"],
    "released": ["amount"],
    "updated": ["remaining"],
    "reversed": ["amount"],
}
"""What the words after an outcome mean."""

_LISTS = {"paid": "legs", "resolved": "holds"}


class Book(Protocol):
    """A book to run a case in: the pure heart, or one of a server."""

    def begin(self) -> int:
        """Return the moment that times of the case count from: now."""

    def set_clock(self, at: int) -> None:
        """Let it be this time until further notice."""

    def send(self, units: Sequence[Unit]) -> list[Result]:
        """Have units decided, one after the other; return the outcomes of all their commands."""

    def account(self, account_id: str) -> Facts | None:
        """Return what is true of an account; None when it is not open."""

    def hold(self, hold_id: str) -> Facts | None:
        """Return what is true of a hold; None when there is none."""

    def last_position(self, account_id: str) -> tuple[int, int]:
        """Return epoch and seq of the newest entry that changed an account."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a table says of an outcome."""

    word: str
    values: Facts
    replayed: bool

    def check(self, result: Result, line: str) -> None:
        """Compare with what came of it."""
        assert result.word == self.word or (self.word == "done" and result.word in _DONE), (
            f"{line}\n  expected {self.word}, got {result.word} {dict(result.values)}"
        )
        found = {name: result.values.get(name) for name in self.values}
        assert found == dict(self.values), f"{line}\n  got {result.word} {dict(result.values)}"
        assert result.replayed == self.replayed, f"{line}\n  replayed: {result.replayed}"


def run(case: Case, book: Book) -> None:
    """Run all lines of a case, then send every recorded command again."""
    commands: list[WellFormed] = [
        *(OpenAsset(f"asset-{asset}", asset, scale) for asset, scale in ASSETS.items()),
        *(OpenAccount(f"open-{name}", name, asset) for asset, name in WORLDS.items()),
    ]
    prepared = book.send([[command] for command in commands])
    assert all(result.word in _DONE for result in prepared), prepared
    runner = _Runner(book, book.begin())
    for line in case.lines:
        runner.line(line)
    runner.end_chain()
    runner.send_all_again()


class _Runner:
    """The progress of a case."""

    def __init__(self, book: Book, start: int):
        self._book = book
        self._start = start
        self._reader = Reader(start)
        self._numbers = count(1)
        self._chain: list[Line] = []
        self._recorded: dict[str, tuple[Unit, list[Result]]] = {}
        """What was sent and recorded, by the id of its first command."""

    def line(self, line: str) -> None:
        """Do what one line says."""
        if line.startswith("& "):
            self._chain.append((self._read(line[2:]), line))
            return
        self.end_chain()
        verb, _, rest = line.partition(" ")
        if line.startswith("@"):
            self._book.set_clock(read_time(line, self._start))
        elif verb == "given":
            self._given(read_arguments(rest))
        elif verb == "mark":
            name, account = rest.split()
            self._reader.marks[name] = self._book.last_position(account)
        elif verb == "=":
            self._check(rest, line)
        elif verb == "again":
            self._again(rest.strip())
        elif re.fullmatch(r"x\d+", verb):
            self._many(int(verb[1:]), rest)
        else:
            self._send([(self._read(line), line)])

    def end_chain(self) -> None:
        """Send the chain that the lines so far were members of."""
        if self._chain:
            first_id, length = self._chain[0][0].id, len(self._chain)
            members: list[Line] = [
                (command._replace(chain=Chain(first_id, place, length)), line)
                for place, (command, line) in enumerate(self._chain, start=1)
            ]
            self._chain = []
            self._send(members)

    def send_all_again(self) -> None:
        """The promise: whatever happened since, a recorded outcome stays as it is."""
        units = [unit for unit, _ in self._recorded.values()]
        first = [result for _, results in self._recorded.values() for result in results]
        again = self._book.send(units)
        assert again == [result._replace(replayed=True) for result in first]

    def _read(self, line: str) -> WellFormed:
        text = line.partition(" -> ")[0].strip()
        named = re.match(r"(\S+): ", text)
        command_id = named[1] if named else f"c{next(self._numbers)}"
        return self._reader.command(command_id, text[named.end() :] if named else text)

    def _expected(self, line: str) -> Expected:
        given = read_arguments(line.partition(" -> ")[2])
        words = list(given.words)
        replayed = words[:1] == ["replayed"]
        words = words[replayed:] or ["done"]
        word, rest = words[0], words[1:]
        values = dict(given.options)
        if word in _LISTS:
            values[_LISTS[word]] = " ".join(rest)
        elif word == "limits_set":
            flags = {name: "yes" if name in rest else "" for name in ("below_min", "above_max")}
            values = {"exceeded": "", **values, **flags}
        else:
            values.update(zip(_NAMES.get(word, []), rest, strict=False))
        shown_values = {name: shown(value, self._start) for name, value in values.items()}
        return Expected(word, shown_values, replayed)

    def _send(self, members: list[Line]) -> None:
        unit = [command for command, _ in members]
        results = self._book.send([unit])
        for result, (_, line) in zip(results, members, strict=True):
            self._expected(line).check(result, line)
        self._keep(unit, results)

    def _keep(self, unit: Unit, results: list[Result]) -> None:
        if all(result.recorded and not result.replayed for result in results):
            self._recorded[unit[0].id] = (unit, results)

    def _again(self, command_id: str) -> None:
        unit, first = self._recorded[command_id]
        again = self._book.send([unit])
        assert again == [result._replace(replayed=True) for result in first], command_id

    def _many(self, times: int, line: str) -> None:
        units = [[self._read(line)] for _ in range(times)]
        results = self._book.send(units)
        for unit, result in zip(units, results, strict=True):
            self._expected(line).check(result, line)
            self._keep(unit, [result])

    def _setup(self, commands: Sequence[WellFormed]) -> None:
        for result in self._book.send([[command] for command in commands]):
            assert result.word in _DONE, result

    def _given(self, given: Arguments) -> None:
        """Open an account and bring it where the case needs it, without limits at first."""
        given.check(
            "asset", "balance", "floor", "ceiling", "window", "side", "code", "frozen", words=2
        )
        name, asset = given.words[0], given.option("asset") or "USD"
        side = NormalSide[(given.option("side") or "credit").upper()]
        commands: list[WellFormed] = [
            OpenAccount(f"open-{name}", name, asset, side, code=given.option("code"))
        ]
        balance = read_amount(given.option("balance") or "0")
        if balance:
            accounts = (WORLDS[asset], name) if balance > 0 else (name, WORLDS[asset])
            commands.append(CreateTransfer(f"fund-{name}", *accounts, abs(balance)))
        if limits(given) != (None, None) or windows(given):
            commands.append(SetLimits(f"limit-{name}", name, *limits(given), windows(given)))
        frozen = given.option("frozen")
        if frozen is not None:
            debits, credits_ = frozen in ("debits", "both"), frozen in ("credits", "both")
            commands.append(FreezeAccount(f"freeze-{name}", name, debits, credits_))
        if given.flag("closed"):
            commands.append(CloseAccount(f"close-{name}", name))
        self._setup(commands)

    def _check(self, text: str, line: str) -> None:
        given = read_arguments(text)
        about_hold = given.words[0] == "hold"
        words = given.words[1:] if about_hold else given.words
        facts = self._book.hold(words[0]) if about_hold else self._book.account(words[0])
        if words[1:] == ["missing"]:
            assert facts is None, f"{line}\n  got {facts}"
            return
        assert facts is not None, line
        expected = {name: shown(value, self._start) for name, value in given.options}
        if words[1:]:
            [expected["state"]] = words[1:]
        found = {name: facts[name] for name in expected}
        assert found == expected, f"{line}\n  got {dict(facts)}"
