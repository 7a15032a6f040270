"""What every command and read of a book goes through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yupana import convert
from yupana.errors import CallError
from yupana.ids import uuid7
from yupana.methods import EXECUTE
from yupana.stream import Stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Iterable

    from yupana.calls import Calls
    from yupana.commands import Command
    from yupana.outcomes import Outcome


class BookHandle:
    """Sends commands to one book."""

    def __init__(self, calls: Calls, book: str, *, feed: Calls | None = None) -> None:
        self.id = book
        self._calls = calls
        self._feed_calls = feed
        self._gatherer = calls.gatherer(book)

    async def execute(
        self,
        commands: Iterable[Command],
        *,
        validate_only: bool = False,
        timeout_s: float | None = None,
    ) -> list[Outcome]:
        """Decide up to 10,000 commands in their order; return one outcome for each.

        Every leg of a payment counts as one more, every `ResolveGroup` as 1,000. Not
        all-or-nothing: see each outcome, or `linked` for commands that belong together. Idempotent
        by the commands' ids, also after an error. Raises `CallError` only when the whole call
        failed, with the commands' ids in `ids`.
        """
        commands = list(commands)
        if not commands:
            return []
        request = convert.execute_request(self.id, commands, validate_only=validate_only)
        try:
            answer = await self._calls.send(EXECUTE, request, key=self.id, timeout_s=timeout_s)
        except CallError as error:
            error.ids = tuple(command.id for command in commands)
            raise
        return [convert.outcome(outcome) for outcome in answer.outcomes]

    def execute_stream(
        self,
        commands: Iterable[Command] | AsyncIterable[Command],
        *,
        timeout_s: float | None = None,
    ) -> AsyncGenerator[Outcome, None]:
        """Decide any number of commands in their order; yield their outcomes in the same order.

        They travel in batches over one stream, up to 10,000 and a batch ahead of the outcomes that
        are taken; then the source waits. A chain stays together. After a lost connection the stream
        goes on elsewhere, with the same ids. Raises `CallError` when an answer does not come, with
        the ids of all commands that were sent and have no outcome in `ids`; a `violations` field
        `commands[i]` is about `ids[i]`. What the source raises is raised after the outcomes of the
        commands before. Leave the loop early within `contextlib.aclosing`.

        Args:
            commands: Read as needed; an iterable is read in the event loop, so it must not block.
            timeout_s: How long each answer may take, all attempts together.
        """
        timeout_s = self._calls.write_timeout_s if timeout_s is None else timeout_s
        return Stream(self._calls, self.id, timeout_s).outcomes(commands)

    async def _execute_one(self, command: Command, timeout_s: float | None) -> Outcome:
        """Return what became of a command, which travels with those of other callers."""
        return await self._gatherer.execute(command, timeout_s)

    async def _do(self, command: Command, timeout_s: float | None) -> Outcome:
        """Return the outcome of a command that was done; raise `Rejected` or `Refused`."""
        return (await self._execute_one(command, timeout_s)).raise_for_reason()


def given_or_new(id_: str | None) -> str:
    """Return the id of a command. An empty one is given, and wrong: the ledger refuses it."""
    return uuid7() if id_ is None else id_
