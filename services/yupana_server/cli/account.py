"""`yupana account`: accounts, their balances, and what they allow."""

from typing import Annotated

import typer

from yupana import NormalSide, OpenAccount
from yupana_server.cli import opening
from yupana_server.cli.account_changes import close, freeze, limits, reopen
from yupana_server.cli.account_reads import get, list_accounts
from yupana_server.cli.account_statement import statement
from yupana_server.cli.arguments import (
    AccountArgument,
    BookArgument,
    LabelsOption,
    WindowsOption,
    labels_of,
)
from yupana_server.cli.connection import DEFAULT_SERVER, ServerOption, ask
from yupana_server.cli.documents import outcome_json
from yupana_server.cli.output import JsonOption, print_facts, print_json, shown_outcome

account_app = typer.Typer(
    help="Accounts and their balances, in the asset's smallest unit.", no_args_is_help=True
)


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
    windows: WindowsOption = None,
    code: Annotated[
        str, typer.Option(help="Which kind of account it is: an id.", show_default=False)
    ] = "",
    label: LabelsOption = None,
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Opens an account. Doing it again in the same way changes nothing.

    Example: yupana account open shop users:42:wallet --asset USD --min-balance 0
    """
    wanted = OpenAccount(
        account,
        asset,
        normal_side=side,
        min_balance=min_balance,
        max_balance=max_balance,
        windows=windows or (),
        code=code,
        labels=labels_of(label),
    )
    outcome = ask(server, book, lambda client: opening.open_account(client, wanted))
    if as_json:
        print_json(outcome_json(outcome))
    else:
        facts = (("account", account), ("asset", asset), ("outcome", shown_outcome(outcome)))
        print_facts(facts)


account_app.command("get")(get)
account_app.command("list")(list_accounts)
account_app.command("limits")(limits)
account_app.command("freeze")(freeze)
account_app.command("close")(close)
account_app.command("reopen")(reopen)
account_app.command("statement")(statement)
