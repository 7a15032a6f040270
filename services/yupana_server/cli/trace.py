"""`yupana trace BOOK ID`: from a command's id to its entry and its trace."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from yupana_server.cli.database import DatabaseUrl, find_book, use_journal
from yupana_server.cli.output import JsonOption, print_facts, print_json
from yupana_server.runtime.config import ConfigError, ledger_config

if TYPE_CHECKING:
    from yupana_server.book.entries import Entry
    from yupana_server.journal.reads import JournalReader

DEFAULT_TRACE_URL = "http://localhost:16686/trace/{trace_id}"
"""Jaeger, as docker-compose.yml starts it."""

_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def trace(
    book: Annotated[str, typer.Argument(help="The id of the book.")],
    id_: Annotated[str, typer.Argument(metavar="ID", help="The id of a transfer or any command.")],
    trace_url: Annotated[
        str,
        typer.Option(
            envvar="YUPANA_TRACE_URL",
            help="Where traces are shown, with {trace_id} in its place.",
        ),
    ] = DEFAULT_TRACE_URL,
    database_url: DatabaseUrl = None,
    as_json: JsonOption = False,
) -> None:
    """Tells when a command was recorded, by which entry, and where to see its trace.

    Reads the database directly. An entry carries the id of the trace that its caller was
    in, sampled or not; else that of the server's own, if it recorded one.

    Example: yupana trace shop 0193a1f2-…
    """
    if "{trace_id}" not in trace_url:
        raise ConfigError(f"YUPANA_TRACE_URL={trace_url}: {{trace_id}} is missing in it")
    config = ledger_config(database_url=database_url)
    entry = use_journal(config, lambda reader: _find(reader, book, id_))
    facts = _facts(book, entry, trace_url)
    if as_json:
        print_json({name.replace(" ", "_"): value for name, value in facts})
    else:
        print_facts(facts)


async def _find(reader: "JournalReader", book_id: str, id_: str) -> "Entry":
    book = await find_book(reader, book_id)
    entry = (await reader.outcomes(book.number, [id_])).facts[id_]
    if entry is None:
        raise ConfigError(f"no command {id_} is recorded in the book {book_id}")
    return entry


def _facts(book: str, entry: "Entry", trace_url: str) -> list[tuple[str, str]]:
    recorded_at = _UNIX_EPOCH + timedelta(microseconds=entry.recorded_at)
    trace_id = "" if entry.trace_id is None else entry.trace_id.hex()
    return [
        ("id", entry.id),
        ("book", book),
        ("command", entry.kind.name.lower()),
        ("outcome", "done" if entry.reason is None else f"rejected: {entry.reason.name}"),
        ("recorded", recorded_at.isoformat(timespec="microseconds")),
        ("seq", str(entry.seq)),
        ("epoch", str(entry.epoch)),
        ("trace", trace_id or "none: the call was not traced"),
        ("open", trace_url.replace("{trace_id}", trace_id) if trace_id else ""),
    ]
