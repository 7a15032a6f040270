"""Holds every answer to a command against the journal: there for ever, there once, and the same."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from faults.history.asked import Asked, chained, records
from faults.history.journal import Journal, Place, Row
from faults.history.log import CallRecord, Log
from faults.history.replay import Replay
from faults.history.report import Report

from yupana import InternalError, MalformedRequest, Outcome, Reason
from yupana_server.messages.tokens import Position, decode_position

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DONE = {
    "asset": "asset_opened",
    "account": "account_opened",
    "transfer": "transfer_posted",
    "hold": "hold_created",
    "capture": "hold_captured",
    "release": "hold_released",
    "group": "group_resolved",
    "reversal": "transfer_reversed",
    "payment": "payment_posted",
}


class Answers:
    """Compares; what is wrong goes into the report."""

    def __init__(
        self, journal: Journal, replay: Replay, report: Report, lost_after: Position | None
    ):
        self._book = journal.book
        self._rows = journal.by_id()
        self._replay = replay
        self._report = report
        self._lost_after = lost_after
        self._told: defaultdict[str, set[tuple[object, ...]]] = defaultdict(set)
        self._first: dict[str, CallRecord] = {}

    def check(self, log: Log) -> None:
        """Check all calls."""
        for call in log:
            if isinstance(call.error, InternalError | MalformedRequest):
                self._report.wrong(f"client {call.client} was told {call.error!r}")
            if call.outcomes and len(call.outcomes) != len(call.commands):
                self._report.wrong(
                    f"{len(call.outcomes)} outcomes of {len(call.commands)} commands"
                )
            asked = [Asked(command, chain, call) for command, chain in chained(call.commands)]
            for each, outcome in zip(asked, call.outcomes, strict=False):
                self._check(each, outcome)
            self._check_order(call)
        for id_, told in self._told.items():
            if len(told) > 1:
                self._report.double(f"{id_} has {len(told)} outcomes: {sorted(map(str, told))}")

    def place(self, token: str) -> Place:
        """Read a position."""
        return tuple(decode_position(self._book, token))  # type: ignore[return-value]

    def may_be_lost(self, place: Place) -> bool:
        """Tell whether what stood there was in a tail that was lost, as an asynchronous one may."""
        lost = self._lost_after
        return lost is not None and place[0] <= lost.epoch and place[1] > lost.seq

    def may_be_new(self, place: Place) -> bool:
        """Tell whether what stands there may have been lost first and recorded once more."""
        return self._lost_after is not None and place[0] > self._lost_after.epoch

    def _check(self, asked: Asked, outcome: Outcome) -> None:
        id_ = asked.command.id
        if outcome.id != id_:
            self._report.wrong(f"the answer to {id_} is about {outcome.id}")
        elif outcome.refused:
            self._check_refusal(asked, outcome)
        elif not outcome.position or self.may_be_lost(self.place(outcome.position)):
            self._give_up(outcome)
        elif id_ not in self._rows:
            self._report.lose(f"{id_} was told as {_short(outcome)} and is not in the journal")
        else:
            self._check_recorded(asked, outcome, self._rows[id_])

    def _give_up(self, outcome: Outcome) -> None:
        if outcome.position:
            self._report.given_up += 1
        else:
            self._report.lose(f"{outcome.id} was told as {outcome.kind} without a position")

    def _check_refusal(self, asked: Asked, outcome: Outcome) -> None:
        """Only an id that was used for something else is refused here, and only rightly so."""
        row = self._rows.get(outcome.id)
        if outcome.reason == Reason.REJECTION_QUOTA_EXCEEDED:
            return
        if outcome.reason != Reason.ID_REUSED:
            self._report.wrong(f"{outcome.id} was refused: {outcome.reason}")
        elif row is None and self._lost_after is None:
            self._report.lose(f"{outcome.id} was told as reused and is not in the journal")
        elif row is not None and records(row, asked) and self._lost_after is None:
            self._report.wrong(
                f"{outcome.id} was told as reused and is what entry {row.seq} records"
            )

    def _check_recorded(self, asked: Asked, outcome: Outcome, row: Row) -> None:
        if not records(row, asked):
            self._report.wrong(f"{row.id} was answered although entry {row.seq} is something else")
        said, written = _told(self.place(outcome.position), outcome), _written(row)
        self._told[row.id].add(said)
        if said != written:
            self._report.lose(f"{row.id} was told as {said}, the journal says {written}")
        if not outcome.replayed:
            first = self._first.setdefault(row.id, asked.call)
            if first is not asked.call:
                self._report.double(f"{row.id} was told twice as done just now")

    def _check_order(self, call: CallRecord) -> None:
        """What a call was the first to ask for is decided in the order of its commands."""
        new = [self.place(o.position) for o in call.outcomes if o.position and not o.replayed]
        if any(later <= earlier for earlier, later in pairwise(new)):
            self._report.wrong(f"the outcomes of a call are not in its order: {new}")


def _short(outcome: Outcome) -> str:
    return f"{outcome.kind} {outcome.reason or outcome.amount}"


def _told(place: Place, outcome: Outcome) -> tuple[object, ...]:
    recorded_at = outcome.recorded_at and _micros(outcome.recorded_at)
    if outcome.reason is not None:
        facts = tuple(sorted(outcome.facts.items()))
        return place, recorded_at, str(outcome.kind), outcome.reason.value, facts
    expires_at = outcome.expires_at and _micros(outcome.expires_at)
    holds = tuple((each.hold, each.amount) for each in outcome.holds)
    more = holds if outcome.reversed_amount is None else outcome.reversed_amount
    said = (outcome.amount, outcome.remaining, expires_at, outcome.leg_amounts or more)
    return place, recorded_at, str(outcome.kind), said


def _written(row: Row) -> tuple[object, ...]:
    if row.reason is not None:
        facts = tuple(sorted(row.facts.items()))
        return row.place, row.recorded_at, "rejected", row.reason, facts
    remaining = row.remaining if row.kind == "capture" else None
    expires_at = row.expires_at if row.kind == "hold" else None
    return (
        row.place,
        row.recorded_at,
        _DONE[row.kind],
        (
            row.amount,
            remaining,
            expires_at,
            row.more,
        ),
    )


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
