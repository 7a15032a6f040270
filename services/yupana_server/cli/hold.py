"""`yupana hold`: reserves amounts, and moves or frees what is reserved."""

from typing import Annotated

import typer

from yupana import CaptureHold, CreateHold, ReleaseHold, Resolution, ResolveGroup, UpdateHold
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
    ExpiresAfterOption,
    ExpiresAtOption,
    HoldArgument,
    IdOption,
    LabelsOption,
    ReferenceOption,
    RestArgument,
    UpToOption,
    ValidateOption,
    given_or_new,
    labels_of,
    one_deadline,
    reader,
)
from yupana_server.cli.connection import DEFAULT_SERVER, ServerOption
from yupana_server.cli.hold_reads import get, list_holds
from yupana_server.cli.output import JsonOption
from yupana_server.cli.sending import send
from yupana_server.cli.terms import parse_amount

hold_app = typer.Typer(
    help="Holds: amounts that are reserved until they are captured, released or expired.",
    no_args_is_help=True,
)


@hold_app.command("create")
def create(
    book: BookArgument,
    debit: DebitArgument,
    credit: CreditArgument,
    amount: AmountArgument,
    expires_at: ExpiresAtOption = None,
    expires_after: ExpiresAfterOption = None,
    group: Annotated[
        str,
        typer.Option(help="What it belongs to, for `yupana hold resolve`.", show_default=False),
    ] = "",
    up_to: UpToOption = None,
    conditions: ConditionsOption = None,
    asset: AssetOption = "",
    label: LabelsOption = None,
    code: CodeOption = "",
    description: DescriptionOption = "",
    reference: ReferenceOption = "",
    id: IdOption = None,  # noqa: A002 - the contract's word
    validate_only: ValidateOption = False,
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Reserves an amount of the account DEBIT for the account CREDIT. Its id is the hold's.

    Without --expires-at and --expires-after it reserves until it is captured or released.

    Example: yupana hold create shop users:42:wallet sales 1250 --id cart-7 --expires-after 15m
    """
    one_deadline({"--expires-at": expires_at, "--expires-after": expires_after})
    command = CreateHold(
        debit,
        credit,
        amount,
        expires_at=expires_at,
        expires_after=expires_after,
        group=group,
        up_to=up_to,
        conditions=conditions or (),
        asset=asset,
        labels=labels_of(label),
        code=code,
        description=description,
        reference=reference,
        id=given_or_new(id),
    )
    send(server, book, command, noun="hold", as_json=as_json, validate_only=validate_only)


@hold_app.command("capture")
def capture(
    book: BookArgument,
    hold: HoldArgument,
    amount: RestArgument = None,
    final: Annotated[bool, typer.Option("--final", help="Release what then remains.")] = False,
    effective_time: EffectiveTimeOption = None,
    label: LabelsOption = None,
    code: CodeOption = "",
    description: DescriptionOption = "",
    reference: ReferenceOption = "",
    id: IdOption = None,  # noqa: A002
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Moves what a hold reserves, or part of it, any number of times.

    Example: yupana hold capture shop cart-7 1000 --final
    """
    command = CaptureHold(
        hold,
        amount,
        final=final,
        effective_at=effective_time,
        labels=labels_of(label),
        code=code,
        description=description,
        reference=reference,
        id=given_or_new(id),
    )
    send(server, book, command, noun="capture", as_json=as_json)


@hold_app.command("release")
def release(
    book: BookArgument,
    hold: HoldArgument,
    id: IdOption = None,  # noqa: A002
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Gives back all that a hold still reserves.

    Example: yupana hold release shop cart-7
    """
    command = ReleaseHold(hold, id=given_or_new(id))
    send(server, book, command, noun="release", as_json=as_json)


@hold_app.command("update")
def update(
    book: BookArgument,
    hold: HoldArgument,
    amount: Annotated[
        int | None,
        typer.Option(
            metavar="AMOUNT",
            help="The new amount of the whole hold, what was captured included.",
            parser=reader(parse_amount),
            show_default=False,
        ),
    ] = None,
    expires_at: ExpiresAtOption = None,
    expires_after: ExpiresAfterOption = None,
    never_expires: Annotated[
        bool, typer.Option("--never-expires", help="Take its deadline away.")
    ] = False,
    id: IdOption = None,  # noqa: A002
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Changes how much a hold reserves, or until when. What is not given stays as it is.

    Example: yupana hold update shop cart-7 --amount 1500 --expires-after 15m
    """
    one_deadline(
        {
            "--expires-at": expires_at,
            "--expires-after": expires_after,
            "--never-expires": never_expires or None,
        }
    )
    command = UpdateHold(
        hold,
        amount=amount,
        expires_at=expires_at,
        expires_after=expires_after,
        never_expires=never_expires,
        id=given_or_new(id),
    )
    send(server, book, command, noun="update", as_json=as_json)


@hold_app.command("resolve")
def resolve(
    book: BookArgument,
    group: Annotated[str, typer.Argument(help="The group of the holds.")],
    resolution: Annotated[Resolution, typer.Argument(help="What to do with each.")],
    effective_time: EffectiveTimeOption = None,
    id: IdOption = None,  # noqa: A002
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Captures or releases all open holds of a group at once.

    Example: yupana hold resolve shop order-77 capture
    """
    command = ResolveGroup(group, resolution, effective_at=effective_time, id=given_or_new(id))
    send(server, book, command, noun="command", as_json=as_json)


hold_app.command("get")(get)
hold_app.command("list")(list_holds)
