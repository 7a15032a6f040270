"""`yupana erase`: removes words for good."""

from typing import Annotated

import typer

from yupana import Erase
from yupana_server.cli.arguments import BookArgument, IdOption, given_or_new
from yupana_server.cli.connection import DEFAULT_SERVER, ServerOption
from yupana_server.cli.output import JsonOption
from yupana_server.cli.sending import send


def erase(
    book: BookArgument,
    command: Annotated[
        str,
        typer.Argument(
            help="The id of the command whose words to erase, such as that of a transfer; of an "
            "account open-account:ACCOUNT, unless it was opened under another."
        ),
    ],
    id: IdOption = None,  # noqa: A002 - the contract's word
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Erases the labels, description and reference of an earlier command for good.

    Amounts, accounts and codes stay. Erasing again changes nothing.

    Example: yupana erase shop order-77
    """
    send(server, book, Erase(command, id=given_or_new(id)), noun="command", as_json=as_json)
