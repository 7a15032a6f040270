"""The tables through messages, without a server: what is written is what is read."""

from collections.abc import Sequence

import pytest

from conformance.cases import Case, as_parameters, read_cases
from conformance.messages import message_of, result_of_message
from conformance.pure_book import PureBook
from conformance.results import Result, result_of
from conformance.runner import Unit, run
from yupana.ledger.v1.ledger_service_pb2 import ExecuteRequest
from yupana_server.book.commands import Command, words_of
from yupana_server.book.decide import Outcome
from yupana_server.ledger.parse import parse_commands
from yupana_server.messages import present

BOOK = "book"


class MessageBook(PureBook):
    """The pure heart behind the messages that a server would get and give."""

    def send(self, units: Sequence[Unit]) -> list[Result]:
        for unit in units:
            messages = [message_of(command, BOOK) for command in unit]
            parsed = parse_commands(ExecuteRequest(book=BOOK, commands=messages))
            assert not parsed.violations
            [read] = parsed.units
            assert list(map(_unsealed, read)) == list(map(_unsealed, unit))
            assert list(map(type, read)) == list(map(type, unit))
        return super().send(units)

    def say(self, outcome: Outcome) -> Result:
        said = result_of_message(present.outcome(BOOK, outcome))
        assert said == result_of(outcome)
        return said


def _unsealed(command: Command) -> Command:
    """The command without the seal of its words: each time it is read it gets another one."""
    words = words_of(command)
    if words is None:
        return command
    return command._replace(words=words._replace(sealed=None))  # type: ignore[call-arg]


@pytest.mark.parametrize("case", as_parameters(read_cases()))
def test_messages_when_case_is_run_through_them_then_nothing_is_lost(case: Case) -> None:
    run(case, MessageBook())
