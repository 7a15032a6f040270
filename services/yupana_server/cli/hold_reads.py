"""`yupana hold get` and `list`: holds as they stand."""

from typing import Annotated

import typer

from yupana import BookClient, Hold, HoldState
from yupana_server.cli.arguments import BookArgument, HoldArgument, LimitOption
from yupana_server.cli.connection import DEFAULT_SERVER, ServerOption, ask
from yupana_server.cli.documents import hold_json
from yupana_server.cli.output import (
    JsonOption,
    print_facts,
    print_json,
    print_table,
    shown_time,
)
from yupana_server.cli.reading import first


def get(
    book: BookArgument,
    hold: HoldArgument,
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Shows a hold as it stands.

    Example: yupana hold get shop cart-7
    """
    found = ask(server, book, lambda client: client.get_hold(hold))
    if as_json:
        print_json(hold_json(found))
        return
    print_facts(
        (
            ("hold", found.id),
            ("debit (from)", found.debit),
            ("credit (to)", found.credit),
            ("asset", found.asset),
            ("state", found.state.value),
            ("captured", str(found.captured_amount)),
            ("remaining", str(found.remaining_amount)),
            ("expires", shown_time(found.expires_at)),
            ("group", found.group),
            ("created", shown_time(found.created_at)),
        )
    )


def list_holds(
    book: BookArgument,
    account: Annotated[
        str,
        typer.Option(help="Only those that debit or credit this account.", show_default=False),
    ] = "",
    expired: Annotated[
        bool, typer.Option("--expired", help="The expired ones, the newest first.")
    ] = False,
    limit: LimitOption = 50,
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Lists the open holds in the order of their creation, or the expired ones.

    Example: yupana hold list shop --account users:42:wallet
    """
    state = HoldState.EXPIRED if expired else HoldState.OPEN

    async def read(client: BookClient) -> list[Hold]:
        return await first(client.list_holds(account=account, state=state), limit)

    found = ask(server, book, read)
    if as_json:
        print_json([hold_json(hold) for hold in found])
        return
    columns = ("created", "hold", "debit", "credit", ">captured", ">remaining", "asset", "expires")
    print_table((*columns, "group"), map(_row, found), f"no {state.value} holds")


def _row(hold: Hold) -> tuple[str, ...]:
    return (
        shown_time(hold.created_at),
        hold.id,
        hold.debit,
        hold.credit,
        str(hold.captured_amount),
        str(hold.remaining_amount),
        hold.asset,
        shown_time(hold.expires_at),
        hold.group,
    )
