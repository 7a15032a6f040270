"""Sends one command and shows what became of it."""

import sys

from yupana import BookClient, Command, DeadlineExceeded, Outcome, OutcomeUnknown, Unavailable
from yupana_server.cli.connection import ask
from yupana_server.cli.documents import outcome_json
from yupana_server.cli.output import outcome_facts, print_facts, print_json, stderr


def send(
    server: str,
    book: str,
    command: Command,
    *,
    noun: str,
    as_json: bool,
    validate_only: bool = False,
) -> None:
    """Send a command and print its outcome; exit with 1 when it was rejected or refused.

    Args:
        server: As `--server` gives it.
        book: The id of the book.
        command: What is asked for.
        noun: What the command is called, such as `transfer`.
        as_json: Print JSON.
        validate_only: Decide, but record nothing.
    """

    async def execute(client: BookClient) -> Outcome:
        try:
            [outcome] = await client.execute([command], validate_only=validate_only)
        except (DeadlineExceeded, OutcomeUnknown, Unavailable) as error:
            error.add_note(f"the {noun}'s id is {command.id}: give it as --id to send it again")
            raise
        return outcome

    outcome = ask(server, book, execute)
    if as_json:
        print_json(outcome_json(outcome))
    else:
        print_facts(((noun, outcome.id), *outcome_facts(outcome)))
        if validate_only:
            stderr().print("only decided, nothing was recorded")
    if not outcome.ok:
        sys.exit(1)
