"""`yupana feed tail`: what happens in a book, as it happens."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, TypeAlias

import typer
from rich.text import Text

from yupana import BookClient, Event, EventFilter
from yupana_server.cli.arguments import BookArgument, SinceOption, reading
from yupana_server.cli.connection import connect
from yupana_server.cli.feed_connection import DEFAULT_FEED, FeedOption
from yupana_server.cli.output import shown_outcome, stdout
from yupana_server.cli.webhook import (
    CodesOption,
    KindsOption,
    PrefixesOption,
    ReasonsOption,
    RejectedOption,
)

feed_app = typer.Typer(
    name="feed", help="What happens in a book, told by the feed.", no_args_is_help=True
)

JsonLinesOption: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print each event as one line of JSON.")
]


@feed_app.callback()
def _group() -> None:
    """Have `tail` be a command of the group, though it is the only one."""


@feed_app.command()
def tail(
    book: BookArgument,
    position: Annotated[
        str,
        typer.Option("--from", help="Begin after this position.", show_default=False),
    ] = "",
    since: SinceOption = None,
    beginning: Annotated[bool, typer.Option("--beginning", help="Begin with the first.")] = False,
    prefix: PrefixesOption = None,
    kind: KindsOption = None,
    code: CodesOption = None,
    reason: ReasonsOption = None,
    rejected: RejectedOption = None,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Go on until Ctrl-C, or end at the newest.")
    ] = True,
    feed: FeedOption = DEFAULT_FEED,
    as_json: JsonLinesOption = False,
) -> None:
    """Tells what happens in a book: every entry of its journal, rejections included, in order.

    Begins now, or where it is told. Goes on by itself when the feed is restarted.

    Example: yupana feed tail shop --beginning --prefix users:42: --kind transfer
    """
    wanted = EventFilter(
        account_prefixes=prefix or (),
        kinds=kind or (),
        codes=code or (),
        reasons=reason or (),
        rejected=rejected,
    )
    begin = reading("--from", _start, (position or None, since, beginning))
    asyncio.run(_tell(feed, book, wanted, begin, follow=follow, as_json=as_json))


Events: TypeAlias = AsyncGenerator[Event, None]
Begin: TypeAlias = tuple[str | None, datetime | None, bool]


def _start(begin: Begin) -> Begin:
    position, since, beginning = begin
    if (position is not None) + (since is not None) + beginning > 1:
        raise ValueError("--from, --since and --beginning exclude each other: give one of them")
    return begin


async def _tell(
    feed: str, book: str, wanted: EventFilter, begin: Begin, *, follow: bool, as_json: bool
) -> None:
    async with connect(feed, feed=feed) as yupana:
        read = _following if follow else _up_to_now
        async with aclosing(read(yupana.book(book), wanted, begin)) as events:
            async for event in events:
                if as_json:
                    print(_json(event), flush=True)  # Somebody waits at the end of the pipe.
                else:
                    stdout().print(_line(event))


async def _following(
    book: BookClient, wanted: EventFilter, begin: Begin
) -> AsyncGenerator[Event, None]:
    position, since, beginning = begin
    events = book.subscribe(position=position, since=since, from_beginning=beginning, wanted=wanted)
    async for event in events:
        yield event


async def _up_to_now(
    book: BookClient, wanted: EventFilter, begin: Begin
) -> AsyncGenerator[Event, None]:
    position, since, _ = begin
    while True:
        page = await book.read_entries(position=position, since=since, wanted=wanted)
        for event in page.events:
            yield event
        if page.caught_up:
            return
        position, since = page.position, None


def _json(event: Event) -> str:
    """Write the message of the contract; what is 0 or empty is left out."""
    from google.protobuf.json_format import MessageToDict

    return json.dumps(MessageToDict(event.message, preserving_proto_field_name=True))


def _line(event: Event) -> Text:
    """Write an event for people: when, which, what, about what."""
    at = event.recorded_at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    line = Text(f"{at}Z {event.seq:>8} ", style="dim")
    rejected = event.type.endswith(".rejected")
    line.append(f"{event.type.removeprefix('yupana.'):22} ", style="red" if rejected else "default")
    line.append(f"{event.subject} ", style="default")
    line.append(_about(event), style="default")
    if rejected:
        line.append(f" {shown_outcome(event.outcome)}", style="red")
    return line


def _about(event: Event) -> str:
    moved = event.transfer
    if moved is None:
        return event.account
    amount = moved.outcome.amount if moved.outcome.amount is not None else moved.amount
    return f"{moved.debit} -> {moved.credit} {'' if amount is None else amount} {moved.asset}"
