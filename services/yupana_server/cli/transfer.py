"""`yupana transfer`: moves amounts and shows what was moved."""

from typing import Annotated

import typer

from yupana import CreateTransfer, ReverseTransfer
from yupana_server.cli.arguments import (
    AmountArgument,
    AssetOption,
    BookArgument,
    CodeOption,
    ConditionsOption,
    CreditArgument,
    DebitArgument,
    DescriptionOption,
    EffectiveTimeOption,
    IdOption,
    LabelsOption,
    ReferenceOption,
    RestArgument,
    UpToOption,
    ValidateOption,
    given_or_new,
    labels_of,
)
from yupana_server.cli.connection import DEFAULT_SERVER, ServerOption
from yupana_server.cli.output import JsonOption
from yupana_server.cli.sending import send
from yupana_server.cli.transfer_reads import get, list_transfers

transfer_app = typer.Typer(
    help="Transfers: each id has exactly one outcome, however often it is sent.",
    no_args_is_help=True,
)


@transfer_app.command("create")
def create(
    book: BookArgument,
    debit: DebitArgument,
    credit: CreditArgument,
    amount: AmountArgument,
    up_to: UpToOption = None,
    conditions: ConditionsOption = None,
    asset: AssetOption = "",
    effective_time: EffectiveTimeOption = None,
    label: LabelsOption = None,
    code: CodeOption = "",
    description: DescriptionOption = "",
    reference: ReferenceOption = "",
    id: IdOption = None,  # noqa: A002 - the contract's word
    validate_only: ValidateOption = False,
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Moves an amount from the account DEBIT to the account CREDIT.

    Amounts are whole numbers of the asset's smallest unit. Exits with 1 when it was rejected
    (decided, final) or refused (nothing recorded), and says why.

    Example: yupana transfer create shop users:42:wallet fees 1250 --id order-77 --label kind=fee

    Example: yupana transfer create shop users:42:wallet fees 1250 --up-to debit_limits
    --if 'credit.balance <= 100000'
    """
    command = CreateTransfer(
        debit,
        credit,
        amount,
        up_to=up_to,
        conditions=conditions or (),
        asset=asset,
        effective_at=effective_time,
        labels=labels_of(label),
        code=code,
        description=description,
        reference=reference,
        id=given_or_new(id),
    )
    send(server, book, command, noun="transfer", as_json=as_json, validate_only=validate_only)


@transfer_app.command("reverse")
def reverse(
    book: BookArgument,
    transfer: Annotated[
        str, typer.Argument(help="The id of the transfer, capture or leg to move back.")
    ],
    amount: RestArgument = None,
    force: Annotated[
        bool, typer.Option("--force", help="Ignore freezes, floors, ceilings and windows.")
    ] = False,
    effective_time: EffectiveTimeOption = None,
    label: LabelsOption = None,
    code: CodeOption = "",
    description: DescriptionOption = "",
    reference: ReferenceOption = "",
    id: IdOption = None,  # noqa: A002
    validate_only: ValidateOption = False,
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Moves back what a transfer moved, in full or in parts, never more than it was.

    Example: yupana transfer reverse shop order-77 250 --id refund-77
    """
    command = ReverseTransfer(
        transfer,
        amount,
        force=force,
        effective_at=effective_time,
        labels=labels_of(label),
        code=code,
        description=description,
        reference=reference,
        id=given_or_new(id),
    )
    send(server, book, command, noun="reversal", as_json=as_json, validate_only=validate_only)


transfer_app.command("get")(get)
transfer_app.command("list")(list_transfers)
