"""`yupana account`: accounts and their balances."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, TypeAlias, TypeVar

import typer

from yupana import Account, BookClient, NormalSide, OpenAccount, Outcome
from yupana_server.cli import opening
from yupana_server.cli.book import BookArgument
from yupana_server.cli.connection import DEFAULT_SERVER, ServerOption, connect
from yupana_server.cli.output import (
    JsonOption,
    account_json,
    in_units,
    outcome_json,
    print_facts,
    print_json,
    print_table,
    shown_limit,
    shown_outcome,
    shown_time,
    stderr,
)

account_app = typer.Typer(
    help="Accounts and their balances, in the asset's smallest unit.", no_args_is_help=True
)

Item = TypeVar("Item")
AccountArgument: TypeAlias = Annotated[
    str, typer.Argument(help="The id of the account, such as users:42:wallet.")
]
LimitOption: TypeAlias = Annotated[int, typer.Option(help="How many to show at most.", min=1)]


@account_app.command("open")
def open_account(
    book: BookArgument,
    account: AccountArgument,
    asset: Annotated[str, typer.Option(help="What it counts; open in the book.")],
    side: Annotated[
        NormalSide, typer.Option(help="On which side its balance is positive in reports.")
    ] = NormalSide.CREDIT,
    min_balance: Annotated[
        int | None,
        typer.Option(
            help="The floor of what is available, in the smallest unit. Without it there is none.",
            show_default=False,
        ),
    ] = None,
    max_balance: Annotated[
        int | None, typer.Option(help="The ceiling of the balance.", show_default=False)
    ] = None,
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Opens an account. Doing it again in the same way changes nothing.

    Example: yupana account open shop users:42:wallet --asset USD --min-balance 0
    """
    wanted = OpenAccount(
        account, asset, normal_side=side, min_balance=min_balance, max_balance=max_balance
    )

    async def work() -> Outcome:
        async with connect(server) as yupana:
            return await opening.open_account(yupana.book(book), wanted)

    outcome = asyncio.run(work())
    if as_json:
        print_json(outcome_json(outcome))
    else:
        facts = (("account", account), ("asset", asset), ("outcome", shown_outcome(outcome)))
        print_facts(facts)


@account_app.command("get")
def get(
    book: BookArgument,
    account: AccountArgument,
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Shows an account with its balance.

    Example: yupana account get shop users:42:wallet
    """

    async def work() -> tuple[Account, Mapping[str, int]]:
        async with connect(server) as yupana:
            client = yupana.book(book)
            return await client.account(account), await scales(client)

    found, scale_of = asyncio.run(work())
    if as_json:
        print_json(account_json(found))
        return
    scale = scale_of.get(found.asset)
    print_facts(
        (
            ("account", found.id),
            ("asset", found.asset),
            ("side", found.normal_side.value),
            ("balance", _both(found.balance, scale, found.asset)),
            ("available", _both(found.available, scale, found.asset)),
            ("debits posted", str(found.debits_posted)),
            ("credits posted", str(found.credits_posted)),
            ("floor", shown_limit(found.min_balance)),
            ("ceiling", shown_limit(found.max_balance)),
            ("opened", shown_time(found.created_at)),
        )
    )


@account_app.command("list")
def list_accounts(
    book: BookArgument,
    prefix: Annotated[
        str, typer.Option(help="Only those whose ids begin so, such as users:.")
    ] = "",
    limit: LimitOption = 1000,
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Lists the accounts in the order of their ids.

    Example: yupana account list shop --prefix users:
    """

    async def work() -> tuple[list[Account], Mapping[str, int]]:
        async with connect(server) as yupana:
            client = yupana.book(book)
            return await first(client.list_accounts(prefix=prefix), limit), await scales(client)

    found, scale_of = asyncio.run(work())
    if as_json:
        print_json([account_json(account) for account in found])
        return
    columns = ("account", "asset", ">balance", ">in units", ">available", ">floor", ">ceiling")
    rows = [_row(account, scale_of.get(account.asset)) for account in found]
    print_table(columns, rows, "no such accounts")


async def scales(book: BookClient) -> dict[str, int]:
    """Return how many decimals each of the book's assets has."""
    return {asset.id: asset.scale async for asset in book.list_assets()}


async def first(items: AsyncIterator[Item], limit: int) -> list[Item]:
    """Return the first `limit` items, and say so on stderr when there are more."""
    found: list[Item] = []
    async for item in items:
        if len(found) == limit:
            stderr().print(f"there are more than {limit:,}: --limit shows more")
            break
        found.append(item)
    return found


def _row(account: Account, scale: int | None) -> tuple[str, ...]:
    return (
        account.id,
        account.asset,
        str(account.balance),
        in_units(account.balance, scale),
        str(account.available),
        shown_limit(account.min_balance),
        shown_limit(account.max_balance),
    )


def _both(amount: int, scale: int | None, asset: str) -> str:
    return f"{amount}  ({in_units(amount, scale)} {asset})" if scale else str(amount)
