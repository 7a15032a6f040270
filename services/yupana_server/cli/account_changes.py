"""`yupana account limits`, `freeze`, `close` and `reopen`: what an account allows."""

from typing import Annotated

import typer

from yupana import CloseAccount, FreezeAccount, ReopenAccount, SetLimits
from yupana_server.cli.arguments import (
    AccountArgument,
    BookArgument,
    IdOption,
    given_or_new,
    reading,
)
from yupana_server.cli.connection import DEFAULT_SERVER, ServerOption
from yupana_server.cli.output import JsonOption
from yupana_server.cli.sending import send
from yupana_server.cli.terms import parse_limit, parse_window

NOTHING = "none"


def limits(
    book: BookArgument,
    account: AccountArgument,
    *,
    min_balance: Annotated[
        str,
        typer.Option(metavar="NUMBER|none", help="The floor of what is available."),
    ],
    max_balance: Annotated[
        str, typer.Option(metavar="NUMBER|none", help="The ceiling of the balance.")
    ],
    windows: Annotated[
        list[str],
        typer.Option(
            "--window",
            metavar="WINDOW|none",
            help="At most so much, or so many, within a time: 'debit.amount <= 100000 per 24h', "
            "with debit or credit, amount or count; or none. May be repeated.",
        ),
    ],
    id: IdOption = None,  # noqa: A002 - the contract's word
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Sets all limits of an account anew: each has to be said, so that none is lost by accident.

    A limit that the account already breaks may be set; then only what makes it worse is rejected.

    Example: yupana account limits shop users:42:wallet --min-balance 0 --max-balance none
    --window 'debit.amount <= 100000 per 24h'
    """
    command = SetLimits(
        account,
        min_balance=reading("--min-balance", parse_limit, min_balance),
        max_balance=reading("--max-balance", parse_limit, max_balance),
        windows=[reading("--window", parse_window, text) for text in windows if text != NOTHING],
        id=given_or_new(id),
    )
    send(server, book, command, noun="command", as_json=as_json)


def freeze(
    book: BookArgument,
    account: AccountArgument,
    *,
    debits: Annotated[bool, typer.Option("--debits/--no-debits", help="Reject debits, or allow.")],
    credits: Annotated[  # noqa: A002 - the contract's word
        bool, typer.Option("--credits/--no-credits", help="Reject credits, or allow.")
    ],
    id: IdOption = None,  # noqa: A002
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Freezes debits, credits or both of an account, or thaws them. Captures of holds go on.

    Example: yupana account freeze shop users:42:wallet --debits --no-credits
    """
    command = FreezeAccount(account, debits=debits, credits=credits, id=given_or_new(id))
    send(server, book, command, noun="command", as_json=as_json)


def close(
    book: BookArgument,
    account: AccountArgument,
    id: IdOption = None,  # noqa: A002
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Closes an account without open holds: it takes part in nothing any more.

    Example: yupana account close shop users:42:wallet
    """
    command = CloseAccount(account, id=given_or_new(id))
    send(server, book, command, noun="command", as_json=as_json)


def reopen(
    book: BookArgument,
    account: AccountArgument,
    id: IdOption = None,  # noqa: A002
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Opens a closed account again, with its limits and freezes as they were.

    Example: yupana account reopen shop users:42:wallet
    """
    command = ReopenAccount(account, id=given_or_new(id))
    send(server, book, command, noun="command", as_json=as_json)
