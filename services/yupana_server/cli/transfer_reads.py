"""`yupana transfer get` and `list`: what was moved, and what was not."""

from typing import Annotated

import typer

from yupana import BookClient, Reason, Transfer
from yupana_server.cli.arguments import (
    BeforeOption,
    BookArgument,
    LabelFilterOption,
    LimitOption,
    SinceOption,
    label_of,
    reader,
)
from yupana_server.cli.connection import DEFAULT_SERVER, ServerOption, ask
from yupana_server.cli.documents import transfer_json
from yupana_server.cli.output import (
    JsonOption,
    outcome_facts,
    print_facts,
    print_json,
    print_table,
    shown_labels,
    shown_number,
    shown_outcome,
    shown_time,
)
from yupana_server.cli.reading import first
from yupana_server.cli.terms import parse_reason


def get(
    book: BookArgument,
    id: Annotated[str, typer.Argument(help="The transfer's id.")],  # noqa: A002 - the contract's word
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Shows a transfer, a hold, a capture or a payment, done or rejected.

    Example: yupana transfer get shop order-77
    """
    found = ask(server, book, lambda client: client.get_transfer(id))
    if as_json:
        print_json(transfer_json(found))
    else:
        print_facts(_facts(found))


def list_transfers(
    book: BookArgument,
    account: Annotated[
        str,
        typer.Option(help="Only those done that debit or credit this account.", show_default=False),
    ] = "",
    prefix: Annotated[
        str,
        typer.Option(help="As --account, for all whose ids begin so.", show_default=False),
    ] = "",
    code: Annotated[str, typer.Option(help="Only those of this code.", show_default=False)] = "",
    label: LabelFilterOption = None,
    group: Annotated[
        str,
        typer.Option(help="Only holds of this group and what became of them.", show_default=False),
    ] = "",
    hold: Annotated[
        str, typer.Option(help="Only what created and changed this hold.", show_default=False)
    ] = "",
    reverses: Annotated[
        str, typer.Option(help="Only the reversals of this transfer.", show_default=False)
    ] = "",
    rejected: Annotated[bool, typer.Option("--rejected", help="Only rejected ones.")] = False,
    reason: Annotated[
        Reason | None,
        typer.Option(
            metavar="REASON",
            help="Only those rejected for this reason, such as BELOW_MIN_BALANCE.",
            parser=reader(parse_reason),
            show_default=False,
        ),
    ] = None,
    since: SinceOption = None,
    before: BeforeOption = None,
    limit: LimitOption = 50,
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Lists transfers, holds and what became of them, the newest first.

    Without a filter rejected ones too. --since and --before go with any of the other filters, of
    which one can be given at a time.

    Example: yupana transfer list shop --account users:42:wallet --since 2026-11-01 --limit 10
    """
    wanted = label_of(label)

    async def read(client: BookClient) -> list[Transfer]:
        transfers = client.list_transfers(
            account=account,
            prefix=prefix,
            code=code,
            label=wanted,
            group=group,
            hold=hold,
            reverses=reverses,
            rejected=rejected,
            reason=reason,
            since=since,
            before=before,
        )
        return await first(transfers, limit)

    found = ask(server, book, read)
    if as_json:
        print_json([transfer_json(transfer) for transfer in found])
        return
    columns = ("recorded", "transfer", "kind", "debit", "credit", ">amount", "asset", "outcome")
    print_table(columns, map(_row, found), "no such transfers")


def _facts(transfer: Transfer) -> list[tuple[str, str]]:
    return [
        ("transfer", transfer.id),
        ("kind", transfer.kind.value),
        ("debit (from)", transfer.debit),
        ("credit (to)", transfer.credit),
        ("amount", f"{shown_number(transfer.amount)} {transfer.asset}".strip()),
        ("effective", shown_time(transfer.effective_at)),
        ("code", transfer.code),
        ("labels", shown_labels(transfer.labels)),
        ("description", transfer.description),
        ("reference", transfer.reference),
        ("hold", transfer.hold if transfer.hold != transfer.id else ""),
        ("group", transfer.group),
        ("payment", transfer.payment),
        ("rate", transfer.rate),
        ("reverses", transfer.reverses),
        ("moved back", shown_number(transfer.reversed_amount)),
        *outcome_facts(transfer.outcome),
    ]


def _row(transfer: Transfer) -> tuple[str, ...]:
    return (
        shown_time(transfer.outcome.recorded_at),
        transfer.id,
        transfer.kind.value,
        transfer.debit,
        transfer.credit,
        shown_number(transfer.amount),
        transfer.asset,
        shown_outcome(transfer.outcome),
    )
