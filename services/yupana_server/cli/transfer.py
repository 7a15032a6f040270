"""`yupana transfer`: moves amounts and shows what was moved."""

import asyncio
import re
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from yupana import (
    CreateTransfer,
    DeadlineExceeded,
    Outcome,
    OutcomeUnknown,
    Transfer,
    Unavailable,
    uuid7,
)
from yupana_server.cli.account import LimitOption, first
from yupana_server.cli.book import BookArgument
from yupana_server.cli.connection import DEFAULT_SERVER, ServerOption, connect
from yupana_server.cli.import_lines import check_labels, parse_time
from yupana_server.cli.output import (
    JsonOption,
    outcome_json,
    print_facts,
    print_json,
    print_table,
    shown_outcome,
    shown_time,
    stderr,
    transfer_json,
)
from yupana_server.runtime.config import ConfigError

_WHOLE = re.compile(r"[0-9]{1,1000}", re.ASCII)
_DECIMAL = re.compile(r"([0-9]{1,39})\.([0-9]{1,38})", re.ASCII)

transfer_app = typer.Typer(
    help="Transfers: each id has exactly one outcome, however often it is sent.",
    no_args_is_help=True,
)


def _amount(text: str) -> int:
    if _WHOLE.fullmatch(text):
        return int(text)
    advice = "give whole smallest units"
    if matched := _DECIMAL.fullmatch(text):
        scale = max(2, len(matched[2]))
        advice += (
            f": {int(matched[1] + matched[2].ljust(scale, '0'))} (of an asset of scale {scale})"
        )
    raise typer.BadParameter(f"{text} is no whole number: {advice}")


@transfer_app.command("create")
def create(
    book: BookArgument,
    debit: Annotated[str, typer.Argument(help="The account that it comes from.")],
    credit: Annotated[str, typer.Argument(help="The account that it goes to.")],
    amount: Annotated[
        int,
        typer.Argument(
            help="How much, in the asset's smallest unit: 1250 is 12.50.",
            metavar="amount",
            parser=_amount,
        ),
    ],
    id: Annotated[  # noqa: A002 - the contract's word
        str | None,
        typer.Option(
            help="Makes it happen once: sent again, it has the outcome that it had. Without it a "
            "new UUIDv7 is made.",
            show_default=False,
        ),
    ] = None,
    asset: Annotated[str, typer.Option(help="Refuse it unless the accounts count this.")] = "",
    effective_time: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="When it took effect, if not now: 2026-11-21T09:30:00Z, or a date.",
            show_default=False,
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="May be repeated.", show_default=False),
    ] = None,
    validate_only: Annotated[
        bool, typer.Option("--validate-only", help="Decide, but record nothing.")
    ] = False,
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Moves an amount from the account DEBIT to the account CREDIT.

    Amounts are whole numbers of the asset's smallest unit. Exits with 1 when it was rejected
    (decided, final) or refused (nothing recorded), and says why.

    Example: yupana transfer create shop users:42:wallet fees 1250 --id order-77 --label kind=fee
    """
    command = CreateTransfer(
        debit,
        credit,
        amount,
        asset=asset,
        effective_at=None if effective_time is None else _time(effective_time),
        labels=_labels(label or ()),
        id=_id(id),
    )
    outcome = asyncio.run(_execute(server, book, command, validate_only=validate_only))
    if as_json:
        print_json(outcome_json(outcome))
    else:
        _print_outcome(outcome, validate_only)
    if not outcome.ok:
        sys.exit(1)


@transfer_app.command("get")
def get(
    book: BookArgument,
    id: Annotated[str, typer.Argument(help="The transfer's id.")],  # noqa: A002
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Shows a transfer, posted or rejected.

    Example: yupana transfer get shop order-77
    """

    async def work() -> Transfer:
        async with connect(server) as yupana:
            return await yupana.book(book).get_transfer(id)

    found = asyncio.run(work())
    if as_json:
        print_json(transfer_json(found))
        return
    labels = ", ".join(f"{key}={value}" for key, value in sorted(found.labels.items()))
    print_facts(
        (
            ("transfer", found.id),
            ("debit (from)", found.debit),
            ("credit (to)", found.credit),
            ("amount", f"{found.amount} {found.asset}".rstrip()),
            ("effective", shown_time(found.effective_at)),
            ("labels", labels),
            *_outcome_facts(found.outcome),
        )
    )


@transfer_app.command("list")
def list_transfers(
    book: BookArgument,
    account: Annotated[
        str, typer.Option(help="Only those posted to this account. Else rejected ones too.")
    ] = "",
    limit: LimitOption = 50,
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Lists transfers, the newest first.

    Example: yupana transfer list shop --account users:42:wallet --limit 10
    """

    async def work() -> list[Transfer]:
        async with connect(server) as yupana:
            return await first(yupana.book(book).list_transfers(account=account), limit)

    found = asyncio.run(work())
    if as_json:
        print_json([transfer_json(transfer) for transfer in found])
        return
    columns = ("recorded", "transfer", "debit", "credit", ">amount", "asset", "outcome")
    print_table(columns, map(_row, found), "no such transfers")


async def _execute(
    server: str, book: str, command: CreateTransfer, *, validate_only: bool
) -> Outcome:
    async with connect(server) as yupana:
        try:
            [outcome] = await yupana.book(book).execute([command], validate_only=validate_only)
        except (DeadlineExceeded, OutcomeUnknown, Unavailable) as error:
            error.add_note(f"the transfer's id is {command.id}: give it as --id to send it again")
            raise
    return outcome


def _print_outcome(outcome: Outcome, validate_only: bool) -> None:
    print_facts((("transfer", outcome.id), *_outcome_facts(outcome)))
    if validate_only:
        stderr().print("only decided, nothing was recorded")


def _outcome_facts(outcome: Outcome) -> Sequence[tuple[str, str]]:
    return (
        ("outcome", shown_outcome(outcome)),
        ("moved", "" if outcome.amount is None else str(outcome.amount)),
        ("why", outcome.message),
        ("recorded", shown_time(outcome.recorded_at)),
    )


def _row(transfer: Transfer) -> tuple[str, ...]:
    return (
        shown_time(transfer.outcome.recorded_at),
        transfer.id,
        transfer.debit,
        transfer.credit,
        str(transfer.amount),
        transfer.asset,
        shown_outcome(transfer.outcome),
    )


def _id(given: str | None) -> str:
    if given == "":
        raise ConfigError("--id is empty: give an id, or leave it out for a new UUIDv7")
    return uuid7() if given is None else given


def _time(text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError as error:
        raise ConfigError(f"--effective-time {error}") from error


def _labels(pairs: Sequence[str]) -> dict[str, str]:
    if wrong := [pair for pair in pairs if "=" not in pair]:
        raise ConfigError(f"--label {wrong[0]} is not KEY=VALUE")
    labels: dict[str, str] = {}
    for key, _, value in (pair.partition("=") for pair in pairs):
        if key in labels:
            raise ConfigError(f"--label {key} is there twice: give each key once")
        labels[key] = value
    try:
        return check_labels(labels)
    except ValueError as error:
        raise ConfigError(str(error)) from error
