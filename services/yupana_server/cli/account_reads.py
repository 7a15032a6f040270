"""`yupana account get` and `list`: accounts and their balances."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import typer

from yupana import Account, AsOf, BookClient
from yupana_server.cli.arguments import (
    AccountArgument,
    BookArgument,
    LabelFilterOption,
    LimitOption,
    label_of,
)
from yupana_server.cli.connection import DEFAULT_SERVER, ServerOption, ask
from yupana_server.cli.documents import account_json
from yupana_server.cli.import_lines import parse_time
from yupana_server.cli.output import (
    JsonOption,
    in_units,
    print_facts,
    print_json,
    print_table,
    shown_labels,
    shown_number,
    shown_state,
    shown_time,
    shown_windows,
)
from yupana_server.cli.reading import first, scales


def get(
    book: BookArgument,
    account: AccountArgument,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="TIME|POSITION",
            help="Show it as it was after everything recorded at or before this time, or after "
            "the entry at this position.",
            show_default=False,
        ),
    ] = None,
    effective: Annotated[
        bool,
        typer.Option(
            "--effective", help="The time of --as-of means when it took effect, not was recorded."
        ),
    ] = False,
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Shows an account: its balance, what is available, its limits and what is used of them.

    Example: yupana account get shop users:42:wallet --as-of 2026-11-01
    """
    moment = _moment(as_of, effective=effective)

    async def read(client: BookClient) -> tuple[Account, Mapping[str, int]]:
        return await client.account(account, as_of=moment), await scales(client)

    found, scale_of = ask(server, book, read)
    if as_json:
        print_json(account_json(found))
    else:
        print_facts(_facts(found, scale_of.get(found.asset)))


def list_accounts(
    book: BookArgument,
    prefix: Annotated[
        str,
        typer.Option(help="Only those whose ids begin so, such as users:.", show_default=False),
    ] = "",
    code: Annotated[str, typer.Option(help="Only those of this code.", show_default=False)] = "",
    label: LabelFilterOption = None,
    limit: LimitOption = 1000,
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Lists the accounts in the order of their ids.

    Example: yupana account list shop --prefix users: --label tier=gold
    """
    wanted = label_of(label)

    async def read(client: BookClient) -> tuple[list[Account], Mapping[str, int]]:
        accounts = client.list_accounts(prefix=prefix, code=code, label=wanted)
        return await first(accounts, limit), await scales(client)

    found, scale_of = ask(server, book, read)
    if as_json:
        print_json([account_json(account) for account in found])
        return
    columns = ("account", "asset", ">balance", ">in units", ">available", ">floor", ">ceiling")
    rows = [_row(account, scale_of.get(account.asset)) for account in found]
    print_table((*columns, "state"), rows, "no such accounts")


def _moment(text: str | None, *, effective: bool) -> AsOf | None:
    if text is None:
        if effective:
            raise typer.BadParameter("it needs a time: give --as-of too", param_hint="--effective")
        return None
    at = _time_or_none(text)
    if effective and at is None:
        raise typer.BadParameter(f"{text} is no time: --effective needs one", param_hint="--as-of")
    if at is None:
        return AsOf(position=text)
    return AsOf(effective_at=at) if effective else AsOf(recorded_at=at)


def _time_or_none(text: str) -> datetime | None:
    try:
        return parse_time(text)
    except ValueError:
        return None


def _facts(account: Account, scale: int | None) -> list[tuple[str, str]]:
    return [
        ("account", account.id),
        ("asset", account.asset),
        ("side", account.normal_side.value),
        ("code", account.code),
        ("labels", shown_labels(account.labels)),
        ("state", shown_state(account)),
        ("balance", _both(account.balance, scale, account.asset)),
        ("available", _both(account.available, scale, account.asset)),
        ("debits pending", shown_number(account.debits_pending or None)),
        ("credits pending", shown_number(account.credits_pending or None)),
        ("debits posted", str(account.debits_posted)),
        ("credits posted", str(account.credits_posted)),
        ("floor", shown_number(account.min_balance)),
        ("ceiling", shown_number(account.max_balance)),
        ("windows", shown_windows(account)),
        ("opened", shown_time(account.created_at)),
    ]


def _row(account: Account, scale: int | None) -> tuple[str, ...]:
    return (
        account.id,
        account.asset,
        str(account.balance),
        in_units(account.balance, scale),
        str(account.available),
        shown_number(account.min_balance),
        shown_number(account.max_balance),
        shown_state(account),
    )


def _both(amount: int, scale: int | None, asset: str) -> str:
    return f"{amount}  ({in_units(amount, scale)} {asset})" if scale else str(amount)
