"""Random commands of all kinds against the pure heart, next to a naive model of the contract.

YUPANA_HYPOTHESIS_PROFILE=thorough searches for minutes instead of seconds.
"""

import os
from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from property.checked_book import CheckedBook, Unit
from property.commands import (
    ASSETS,
    SECOND,
    Limits,
    pool,
    pool_about_holds,
    pool_of_limits,
)

from yupana_server.book.commands import (
    CreateHold,
    CreatePayment,
    CreateTransfer,
    WellFormed,
)
from yupana_server.book.rejections import Reason

settings.register_profile(
    "quick",
    max_examples=120,
    stateful_step_count=50,
    deadline=None,
    derandomize="CI" in os.environ,
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile(
    "thorough", settings.get_profile("quick"), max_examples=2_000, stateful_step_count=80
)
THOROUGH = os.environ.get("YUPANA_HYPOTHESIS_PROFILE", "quick") == "thorough"
PROFILE = settings.get_profile("thorough" if THOROUGH else "quick")

pytestmark = pytest.mark.timeout(3_600 if THOROUGH else 120)

POOL = pool(20_000 if THOROUGH else 3_000)
ABOUT_HOLDS = pool_about_holds(20_000 if THOROUGH else 3_000)
LIMITS = pool_of_limits(50)
JUMPS = [
    *(1, SECOND, 5 * SECOND, 30 * SECOND, 59 * SECOND, 60 * SECOND, 61 * SECOND),
    *(-1, -3 * SECOND),
]

commands = st.sampled_from(POOL)
about_holds = st.sampled_from(ABOUT_HOLDS)
all_commands = st.one_of(commands, commands, about_holds)
chains = st.lists(all_commands, min_size=2, max_size=4)
limits = st.sampled_from(LIMITS)
acts = st.sampled_from(
    [
        *["send"] * 10,
        *["send about a hold"] * 4,
        *["send a chain"] * 2,
        "send again",
        "send again with another field",
        "send part of a chain",
        "move the clock",
        "set the clock to a deadline",
    ]
)


class BookMachine(RuleBasedStateMachine):
    """One book; commands, alone and chained, new and old, under a clock that jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.book = CheckedBook()

    @initialize(b=limits, c=limits)
    def begin(self, b: Limits, c: Limits) -> None:
        self.book.begin(b, c)

    # One rule with weights of our own: Hypothesis switches whole rules off, and then some books
    # would see nothing but their clock move.
    @rule(data=st.data())
    def act(self, data: st.DataObject) -> None:
        _ACTS[data.draw(acts, "act")](self, data)

    def send(self, data: st.DataObject) -> None:
        self.book.send([data.draw(commands)])

    def send_about_a_hold(self, data: st.DataObject) -> None:
        self.book.send([data.draw(about_holds if self.book.open_holds else commands)])

    def send_chain(self, data: st.DataObject) -> None:
        self.book.send(data.draw(chains))

    def send_again(self, data: st.DataObject) -> None:
        self.book.resend(self._draw_sent(data))

    def send_again_with_another_field(self, data: st.DataObject) -> None:
        unit = self._draw_sent(data)
        place = data.draw(st.integers(0, len(unit) - 1))
        first, other = unit[place], self.book.aimed(data.draw(all_commands))
        if type(first) is type(other):
            fields = [field for field in first._fields if field not in ("id", "chain")]
            field = data.draw(st.sampled_from(fields))
            other = first._replace(**{field: getattr(other, field)})
        unit[place] = other._replace(id=first.id)
        self.book.resend(unit)

    def send_part_of_a_chain(self, data: st.DataObject) -> None:
        unit = self._draw_sent(data)
        kept = unit[: data.draw(st.integers(1, len(unit)))]
        more = self.book.aimed(data.draw(all_commands))
        self.book.resend([*kept, more._replace(id=self.book.new_id())])

    def _draw_sent(self, data: st.DataObject) -> Unit:
        return list(data.draw(st.sampled_from(self.book.sent)))

    def move_clock(self, data: st.DataObject) -> None:
        self.book.now += data.draw(st.sampled_from(JUMPS))

    def set_clock_to_a_deadline(self, data: st.DataObject) -> None:
        if deadlines := self.book.deadlines:
            self.book.now = data.draw(st.sampled_from(deadlines)) + data.draw(st.integers(-1, 1))

    @invariant()
    def book_is_the_models(self) -> None:
        self.book.check()

    def teardown(self) -> None:
        for what in self.book.seen:
            event(what)
        self.book.check_end()


_ACTS = {
    "send": BookMachine.send,
    "send about a hold": BookMachine.send_about_a_hold,
    "send a chain": BookMachine.send_chain,
    "send again": BookMachine.send_again,
    "send again with another field": BookMachine.send_again_with_another_field,
    "send part of a chain": BookMachine.send_part_of_a_chain,
    "move the clock": BookMachine.move_clock,
    "set the clock to a deadline": BookMachine.set_clock_to_a_deadline,
}


class TestBook(BookMachine.TestCase):  # type: ignore[misc,valid-type]
    settings = PROFILE


def walk(random: Random, steps: int) -> CheckedBook:
    """Send random commands without Hypothesis: nothing to shrink, but every pick is as likely."""
    book = CheckedBook()
    book.begin(random.choice(LIMITS), random.choice(LIMITS))
    for _ in range(steps):
        act = random.random()
        if act < 0.1:
            book.now += random.choice(JUMPS)
        elif act < 0.2 and book.deadlines:
            book.now = random.choice(book.deadlines) + random.randrange(-1, 2)
        elif act < 0.3:
            book.resend(random.choice(book.sent))
        elif act < 0.35:
            kept = random.choice(book.sent)[:1]
            more = book.aimed(random.choice(POOL))._replace(id=book.new_id())
            book.resend([*kept, more])
        elif act < 0.4:
            book.resend([_changed(random, book, random.choice(book.sent)[0])])
        else:
            book.send([_pick(random, book) for _ in range(random.choice([1, 1, 1, 1, 1, 3]))])
        book.check()
    book.check_end()
    return book


def _changed(random: Random, book: CheckedBook, first: WellFormed) -> Any:
    """Return another command under the same id; if it is of the same kind, one field is another."""
    other = book.aimed(random.choice(POOL))
    field = random.choice(first._fields[1:])
    asset = random.choice([None, *ASSETS])
    if field == "asset" and isinstance(first, CreateTransfer | CreateHold):
        return first._replace(asset=asset)
    if field == "legs" and isinstance(first, CreatePayment):
        return first._replace(legs=(first.legs[0]._replace(asset=asset), *first.legs[1:]))
    if type(other) is not type(first) or field == "chain":
        return other._replace(id=first.id)
    return first._replace(**{field: getattr(other, field)})


def _pick(random: Random, book: CheckedBook) -> WellFormed:
    about_a_hold = book.open_holds and random.random() < 0.4
    return random.choice(ABOUT_HOLDS if about_a_hold else POOL)


def test_reasons_when_books_are_walked_then_each_is_met_and_so_is_every_kind_done() -> None:
    met: Counter[str] = Counter()
    for seed in range(2_000 if THOROUGH else 150):
        met += walk(Random(seed), steps=60).seen
    words = {what.partition(": ")[2] for what in met}
    # The quota is the server's, and to fill a group takes the model long: tests/conformance does.
    wanted = {reason.name for reason in Reason} - {"REJECTION_QUOTA_EXCEEDED", "GROUP_FULL"}
    assert wanted - words == set()
    assert DONE - set(met) == set()


DONE = {
    "CreateTransfer: posted",
    "CreateHold: held",
    "CaptureHold: captured",
    "ReleaseHold: released",
    "UpdateHold: updated",
    "ResolveGroup: resolved",
    "ReverseTransfer: reversed",
    "CreatePayment: paid",
    "OpenAccount: opened",
    "OpenAsset: asset_opened",
    "SetLimits: limits_set",
    "FreezeAccount: frozen",
    "CloseAccount: closed",
    "ReopenAccount: reopened",
    "ClosePeriod: period_closed",
    "Erase: erased",
}
