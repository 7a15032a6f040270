"""What Execute and ExecuteStream have in common: from a request to a submission, and back."""

from typing import NamedTuple

from opentelemetry.trace import Span

from yupana.ledger.v1 import ledger_service_pb2
from yupana_server.authorization.gate import current_caller
from yupana_server.book.commands import Malformed
from yupana_server.journal.points import BookRow
from yupana_server.journal.reads import JournalReader
from yupana_server.ledger.books import Books
from yupana_server.ledger.parse import Parsed, parse_commands
from yupana_server.ledger.spans import note_commands, note_outcomes
from yupana_server.ledger.submission import (
    TO_BE_CHECKED,
    Answer,
    BookGoneError,
    ClockSkewError,
    DrainingError,
    NotAnsweredError,
    OutcomeUnknownError,
    OverloadedError,
    Submission,
)
from yupana_server.ledger.writer import Writer
from yupana_server.messages import present
from yupana_server.messages.tokens import encode_position
from yupana_server.runtime.admission import draining
from yupana_server.runtime.deadlines import Deadline
from yupana_server.runtime.errors import CallError, malformed


class Execution(NamedTuple):
    """A request that is ready for its book's writer."""

    book: BookRow
    submission: Submission

    def response(self, answer: Answer) -> ledger_service_pb2.ExecuteResponse:
        """Return what became of its commands."""
        note_outcomes(self.submission.span, answer.outcomes)
        book_id, recorded = self.book.id, not self.submission.validate_only
        response = ledger_service_pb2.ExecuteResponse(
            position=encode_position(book_id, answer.epoch, answer.seq)
        )
        present.write_outcomes(response, book_id, answer.outcomes, recorded=recorded)
        return response


class Executor:
    """Prepares requests, and finds the writers for them."""

    def __init__(self, books: Books, reader: JournalReader):
        self._books = books
        self._reader = reader

    def check_room(self, request: ledger_service_pb2.ExecuteRequest, deadline: Deadline) -> None:
        """Refuse a request that cannot be answered in time, before it is read.

        Reading takes a fifth of what answering takes: with several times what a book can take,
        that would be all that the server does.

        Raises:
            CallError: OVERLOADED.
        """
        writer = self._books.known_writer(request.book)
        try:
            if writer is not None:
                writer.check_room(len(request.commands), deadline.at)
        except NotAnsweredError as error:
            raise _call_error(error, request.book) from error

    async def prepare(
        self,
        request: ledger_service_pb2.ExecuteRequest,
        deadline: Deadline,
        span: Span,
    ) -> Execution:
        """Read and check a request; the deadline tells from now on how far it got.

        Raises:
            CallError: MALFORMED_REQUEST or BOOK_NOT_FOUND.
        """
        note_commands(span, request)
        parsed = parse_commands(request)
        book = await self._books.row(request.book)
        if parsed.violations:
            await self._refuse_unless_known(book, parsed)
        submission = Submission(
            parsed.units,
            deadline.at,
            validate_only=request.validate_only,
            actor=_actor(),
            span=span,
            weight=parsed.weight,
            checked_seq=TO_BE_CHECKED if parsed.violations else 0,
        )
        deadline.ran_out = lambda: _ran_out(submission)
        return Execution(book, submission)

    async def _refuse_unless_known(self, book: BookRow, parsed: Parsed) -> None:
        """Refuse a malformed request; but a known id has its outcome, whatever came with it."""
        ids = [c.id for unit in parsed.units for c in unit if isinstance(c, Malformed)]
        known = (await self._reader.outcomes(book.number, ids)).facts
        unknown = [
            v for id_ in dict.fromkeys(ids) if known[id_] is None for v in parsed.violations[id_]
        ]
        if unknown:
            raise malformed(unknown)

    async def writer(self, execution: Execution) -> Writer:
        """Return the writer of the book.

        Raises:
            CallError: BOOK_NOT_FOUND.
            OverloadedError: Too many books are being written.
        """
        return await self._books.writer(execution.book.id)

    def error(self, execution: Execution, error: NotAnsweredError) -> CallError:
        """Return what to tell the caller when there is no answer."""
        if isinstance(error, BookGoneError):
            self._books.forget(execution.book.id)
        return _call_error(error, execution.book.id)


def _actor() -> str | None:
    caller = current_caller()
    return None if caller is None else caller.name


def _ran_out(submission: Submission) -> CallError:
    if submission.unknown:
        return _outcome_unknown()
    state = "decided, but not known to be recorded" if submission.decided else "not decided"
    return CallError(
        "DEADLINE_EXCEEDED",
        f"the call ran out of time, {state}: send it again with the same ids",
    )


def _outcome_unknown() -> CallError:
    return CallError(
        "OUTCOME_UNKNOWN",
        "the commit may or may not have happened: send it again with the same ids",
    )


def _call_error(error: NotAnsweredError, book_id: str) -> CallError:
    if isinstance(error, OverloadedError):
        return CallError(
            "OVERLOADED",
            "too much is waiting already: try again later with the same ids",
            metadata={"queued_commands": str(error.queued_commands)},
        )
    if isinstance(error, ClockSkewError):
        return CallError(
            "CLOCK_SKEW",
            f"the clocks differ by {error.skew_ms} ms: try another server, or later",
            metadata={"skew_ms": str(error.skew_ms)},
        )
    if isinstance(error, OutcomeUnknownError):
        return _outcome_unknown()
    if isinstance(error, DrainingError):
        return draining()
    if isinstance(error, BookGoneError):
        return CallError(
            "BOOK_NOT_FOUND", f"there is no book {book_id}", metadata={"book": book_id}
        )
    return CallError("INTERNAL", "the service failed; its operators can see why")
