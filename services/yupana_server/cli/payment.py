"""`yupana payment`: several transfers with one outcome."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from yupana import CreatePayment, Leg
from yupana_server.cli.arguments import (
    BookArgument,
    CodeOption,
    DescriptionOption,
    EffectiveTimeOption,
    IdOption,
    LabelsOption,
    ReferenceOption,
    ValidateOption,
    given_or_new,
    labels_of,
    reader,
)
from yupana_server.cli.connection import DEFAULT_SERVER, ServerOption
from yupana_server.cli.output import JsonOption
from yupana_server.cli.payment_legs import read_legs
from yupana_server.cli.sending import send
from yupana_server.cli.terms import parse_amount, parse_leg

payment_app = typer.Typer(
    help="Payments: several transfers that are made together or not at all.", no_args_is_help=True
)


@payment_app.callback()
def _group() -> None:
    """Make `payment` a group, like the others."""


@payment_app.command("create")
def create(
    book: BookArgument,
    leg: Annotated[
        list[Leg] | None,
        typer.Option(
            metavar="'DEBIT CREDIT AMOUNT'",
            help="A transfer of it; repeated, in their order. With the word collect for the "
            "amount it takes what is still missing of --collect-amount, as far as it can.",
            parser=reader(parse_leg),
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            help="A JSON file with the legs instead: a list of objects with debit, credit, amount "
            "or collect (true), and if wanted asset, up_to, conditions (as for --if) and rate.",
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    collect_amount: Annotated[
        int | None,
        typer.Option(
            metavar="AMOUNT",
            help="How much the legs that collect bring in together.",
            parser=reader(parse_amount),
            show_default=False,
        ),
    ] = None,
    collect_partially: Annotated[
        bool, typer.Option("--collect-partially", help="Be content with less.")
    ] = False,
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
    """Makes several transfers, the legs, with one outcome: all of them or none.

    Example: yupana payment create shop --leg 'users:42:wallet sales 1000'
    --leg 'users:42:wallet fees 250'

    Example: yupana payment create shop --collect-amount 900 --leg 'gifts:42 sales collect'
    --leg 'users:42:wallet sales collect'
    """
    command = CreatePayment(
        _legs(leg or (), file),
        collect_amount=collect_amount,
        collect_partially=collect_partially,
        effective_at=effective_time,
        labels=labels_of(label),
        code=code,
        description=description,
        reference=reference,
        id=given_or_new(id),
    )
    send(server, book, command, noun="payment", as_json=as_json, validate_only=validate_only)


def _legs(given: Sequence[Leg], file: Path | None) -> Sequence[Leg]:
    if bool(given) == (file is not None):
        raise typer.BadParameter(
            "give the legs of the payment, either each by itself or all in a file",
            param_hint="--leg and --file",
        )
    return given if file is None else read_legs(file)
