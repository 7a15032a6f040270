"""`yupana book`: books and their assets."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import typer

from yupana import Asset, AssetSum, Book, BookClient, ClosePeriod
from yupana_server.cli import opening
from yupana_server.cli.arguments import BookArgument, IdOption, given_or_new, reader
from yupana_server.cli.connection import DEFAULT_SERVER, ServerOption, ask, connect
from yupana_server.cli.documents import asset_json, book_json, outcome_json, sum_json
from yupana_server.cli.import_lines import parse_time
from yupana_server.cli.output import (
    JsonOption,
    in_units,
    print_facts,
    print_json,
    print_table,
    shown_outcome,
    shown_time,
)
from yupana_server.cli.reading import scales
from yupana_server.cli.sending import send

book_app = typer.Typer(
    help="Books: the unit of order and trust. Transfers never cross books.", no_args_is_help=True
)


@book_app.command("create")
def create(
    book: BookArgument, server: ServerOption = DEFAULT_SERVER, as_json: JsonOption = False
) -> None:
    """Creates a book; one that exists is shown as it is.

    Example: yupana book create shop
    """

    async def work() -> Book:
        async with connect(server) as yupana:
            return await yupana.create_book(book)

    _print_book(asyncio.run(work()), as_json)


@book_app.command("get")
def get(
    book: BookArgument, server: ServerOption = DEFAULT_SERVER, as_json: JsonOption = False
) -> None:
    """Shows a book.

    Example: yupana book get shop
    """

    async def work() -> Book:
        async with connect(server) as yupana:
            return await yupana.get_book(book)

    _print_book(asyncio.run(work()), as_json)


@book_app.command("list")
def list_books(server: ServerOption = DEFAULT_SERVER, as_json: JsonOption = False) -> None:
    """Lists the books.

    Example: yupana book list --json
    """

    async def work() -> list[Book]:
        async with connect(server) as yupana:
            return [book async for book in yupana.list_books()]

    found = asyncio.run(work())
    if as_json:
        print_json([book_json(book) for book in found])
        return
    rows = [(book.id, shown_time(book.created_at), str(book.epoch)) for book in found]
    print_table(("book", "created", ">epoch"), rows, "no books: yupana book create shop")


@book_app.command("assets")
def assets(
    book: BookArgument, server: ServerOption = DEFAULT_SERVER, as_json: JsonOption = False
) -> None:
    """Lists a book's assets.

    Example: yupana book assets shop
    """

    async def read(client: BookClient) -> list[Asset]:
        return [asset async for asset in client.list_assets()]

    found = ask(server, book, read)
    if as_json:
        print_json([asset_json(asset) for asset in found])
        return
    rows = [(asset.id, str(asset.scale), shown_time(asset.created_at)) for asset in found]
    advice = f"no assets: yupana book open-asset {book} USD --scale 2"
    print_table(("asset", ">scale", "opened"), rows, advice)


@book_app.command("open-asset")
def open_asset(
    book: BookArgument,
    asset: Annotated[str, typer.Argument(help="What is counted, such as USD or SEAT.")],
    scale: Annotated[
        int,
        typer.Option(help="How many decimals the smallest unit has: 2 for cents.", min=0, max=38),
    ],
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Opens an asset in a book. Doing it again with the same scale changes nothing.

    Example: yupana book open-asset shop USD --scale 2
    """
    outcome = ask(server, book, lambda client: opening.open_asset(client, asset, scale))
    if as_json:
        print_json(outcome_json(outcome))
    else:
        facts = (("asset", asset), ("scale", str(scale)), ("outcome", shown_outcome(outcome)))
        print_facts(facts)


@book_app.command("sums")
def sums(
    book: BookArgument,
    prefix: Annotated[
        str,
        typer.Argument(
            help="Whole segments of ids: users:42 sums all accounts that begin with users:42:. "
            "Without it all accounts of the book.",
        ),
    ] = "",
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Shows the sums of all accounts under a prefix, by asset.

    Example: yupana book sums shop users:42
    """

    async def read(client: BookClient) -> tuple[list[AssetSum], Mapping[str, int]]:
        return await client.sum_balances(prefix), await scales(client)

    found, scale_of = ask(server, book, read)
    if as_json:
        print_json([sum_json(each) for each in found])
        return
    columns = ("asset", ">accounts", ">balance", ">in units", ">available", ">debits", ">credits")
    rows = [_sum_row(each, scale_of.get(each.asset)) for each in found]
    print_table(columns, rows, "no such accounts")


@book_app.command("close-period")
def close_period(
    book: BookArgument,
    before: Annotated[
        datetime,
        typer.Argument(
            help="The first moment that stays open: 2026-11-21T09:30:00Z, or a date.",
            metavar="TIME",
            parser=reader(parse_time),
        ),
    ],
    id: IdOption = None,  # noqa: A002 - the contract's word
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Closes the book's past: what took effect before TIME is rejected from now on.

    Can only be moved forward.

    Example: yupana book close-period shop 2026-11-01
    """
    command = ClosePeriod(before, id=given_or_new(id))
    send(server, book, command, noun="command", as_json=as_json)


def _sum_row(found: AssetSum, scale: int | None) -> tuple[str, ...]:
    balances = found.balances
    return (
        found.asset,
        str(found.accounts),
        str(balances.balance),
        in_units(balances.balance, scale),
        str(balances.available),
        str(balances.debits_posted),
        str(balances.credits_posted),
    )


def _print_book(book: Book, as_json: bool) -> None:
    if as_json:
        print_json(book_json(book))
        return
    created = shown_time(book.created_at)
    print_facts((("book", book.id), ("created", created), ("epoch", str(book.epoch))))
