"""Real time against the order of the journal: the book must look like one thing, done one by one.

Whatever ended before something else began comes before it in the journal. Each call is taken as a
point in the journal's order: a new command where its entry stands, a read where it was answered.
The book is linearizable when these points never contradict the clock, and each answer is what the
journal gives at its point.
"""

from faults.history.answers import Answers
from faults.history.journal import Journal, Place
from faults.history.log import CallRecord, Log, Read
from faults.history.replay import Replay
from faults.history.report import Report

BEGINNING: Place = (0, 0)


class RealTime:
    """What was known to be over when each call began."""

    def __init__(self, log: Log, journal: Journal, answers: Answers):
        self._answers = answers
        self._rows = journal.by_id()
        self._floors: dict[int, Place] = {}
        """By the identity of the call: the newest point that somebody had been told."""
        # At the same instant both may have been first: beginnings are taken before ends.
        moments = [(call.began, 0, call) for call in log] + [(call.ended, 1, call) for call in log]
        newest = BEGINNING
        for _, over, call in sorted(moments, key=lambda moment: moment[:2]):
            if over:
                newest = max(newest, self._newest(call))
            else:
                self._floors[id(call)] = newest

    def floor(self, call: CallRecord) -> Place:
        """Return the newest point of all that was over before a call began."""
        return self._floors[id(call)]

    def _newest(self, call: CallRecord) -> Place:
        tokens = [call.position, *(outcome.position for outcome in call.outcomes)]
        places = [self._answers.place(token) for token in tokens if token]
        # ID_REUSED rests on an entry as well, though it does not say on which.
        refused = [outcome.id for outcome in call.outcomes if outcome.refused]
        rows = [self._rows[id_].place for id_ in refused if id_ in self._rows]
        # In a later epoch than the lost tail it may have been recorded anew, long after.
        places += [place for place in rows if not self._answers.may_be_new(place)]
        return max(places, default=BEGINNING)


def check_writes(journal: Journal, replay: Replay, real_time: RealTime, report: Report) -> None:
    """Nothing is recorded before what was over when it was first asked for."""
    for row in journal.rows:
        asked = replay.recorded.get(row.id)
        if asked is not None and row.place <= (floor := real_time.floor(asked.call)):
            report.wrong(f"{row.id} is recorded at {row.place}, and was asked for after {floor}")


def check_new(log: Log, answers: Answers, real_time: RealTime, report: Report) -> None:
    """What a call is told that it did, and not an earlier one, it did after it began."""
    for call in log:
        for outcome in call.outcomes:
            if outcome.position and not outcome.replayed:
                place, floor = answers.place(outcome.position), real_time.floor(call)
                if place <= floor:
                    report.wrong(f"{outcome.id} is told as new at {place}, known before: {floor}")


def check_reads(
    log: Log, replay: Replay, answers: Answers, real_time: RealTime, report: Report
) -> None:
    """A read shows what the journal gives at its point, which lies after all it has to see."""
    for call in log:
        read = call.request
        if not isinstance(read, Read) or call.position is None or call.balances is None:
            continue
        place = answers.place(call.position)
        least = _least(call, read, answers, real_time)
        who = f"client {call.client} read at {place}"
        if place < least:
            report.misread(f"{who}, and had to see {least}")
        if answers.may_be_lost(place):
            continue
        shown = {name: replay.balance_at(name, place[1]) for name in read.accounts}
        if call.balances != shown:
            report.misread(f"{who} {dict(call.balances)}, the journal gives {shown}")


def _least(call: CallRecord, read: Read, answers: Answers, real_time: RealTime) -> Place:
    """Return the point that a read has to see."""
    if read.eventual:
        return BEGINNING
    return real_time.floor(call) if read.at_least is None else answers.place(read.at_least)
