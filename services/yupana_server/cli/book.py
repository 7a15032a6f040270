"""`yupana book`: books and their assets."""

import asyncio
from typing import Annotated, TypeAlias

import typer

from yupana import Asset, Book, Outcome
from yupana_server.cli import opening
from yupana_server.cli.connection import DEFAULT_SERVER, ServerOption, connect
from yupana_server.cli.output import (
    JsonOption,
    asset_json,
    book_json,
    outcome_json,
    print_facts,
    print_json,
    print_table,
    shown_outcome,
    shown_time,
)

book_app = typer.Typer(
    help="Books: the unit of order and trust. Transfers never cross books.", no_args_is_help=True
)

BookArgument: TypeAlias = Annotated[str, typer.Argument(help="The id of the book, such as shop.")]


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

    async def work() -> list[Asset]:
        async with connect(server) as yupana:
            return [asset async for asset in yupana.book(book).list_assets()]

    found = asyncio.run(work())
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

    async def work() -> Outcome:
        async with connect(server) as yupana:
            return await opening.open_asset(yupana.book(book), asset, scale)

    outcome = asyncio.run(work())
    if as_json:
        print_json(outcome_json(outcome))
    else:
        facts = (("asset", asset), ("scale", str(scale)), ("outcome", shown_outcome(outcome)))
        print_facts(facts)


def _print_book(book: Book, as_json: bool) -> None:
    if as_json:
        print_json(book_json(book))
        return
    created = shown_time(book.created_at)
    print_facts((("book", book.id), ("created", created), ("epoch", str(book.epoch))))
