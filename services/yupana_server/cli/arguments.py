"""Arguments and options that several commands take."""

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, TypeAlias, TypeVar

import typer

from yupana import Condition, UpTo, WindowLimit, uuid7
from yupana_server.cli.import_lines import check_labels, parse_time
from yupana_server.cli.terms import (
    parse_amount,
    parse_condition,
    parse_label,
    parse_label_pairs,
    parse_length,
    parse_window,
)

Given = TypeVar("Given")
Value = TypeVar("Value")


def reader(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    """Return a parser for typer, which shows what a ValueError says as it is."""

    @functools.wraps(parse)
    def read(text: str) -> Value:
        try:
            return parse(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error

    return read


def _read_id(text: str) -> str:
    if not text:
        raise typer.BadParameter("it is empty: give an id, or leave it out for a new UUIDv7")
    return text


BookArgument: TypeAlias = Annotated[str, typer.Argument(help="The id of the book, such as shop.")]
AccountArgument: TypeAlias = Annotated[
    str, typer.Argument(help="The id of the account, such as users:42:wallet.")
]
HoldArgument: TypeAlias = Annotated[str, typer.Argument(help="The id of the hold.")]
DebitArgument: TypeAlias = Annotated[str, typer.Argument(help="The account that it comes from.")]
CreditArgument: TypeAlias = Annotated[str, typer.Argument(help="The account that it goes to.")]
AmountArgument: TypeAlias = Annotated[
    int,
    typer.Argument(
        help="How much, in the asset's smallest unit: 1250 is 12.50.",
        metavar="amount",
        parser=reader(parse_amount),
    ),
]
RestArgument: TypeAlias = Annotated[
    int | None,
    typer.Argument(
        help="How much, in the asset's smallest unit. Without it all that is left.",
        metavar="amount",
        parser=reader(parse_amount),
        show_default=False,
    ),
]

IdOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--id",
        help="Makes it happen once: sent again, it has the outcome that it had. Without it a new "
        "UUIDv7 is made.",
        parser=_read_id,
        metavar="ID",
        show_default=False,
    ),
]
AssetOption: TypeAlias = Annotated[
    str, typer.Option(help="Refuse it unless the accounts count this.", show_default=False)
]
EffectiveTimeOption: TypeAlias = Annotated[
    datetime | None,
    typer.Option(
        metavar="TIME",
        help="When it took effect, if not now: 2026-11-21T09:30:00Z, or a date.",
        parser=reader(parse_time),
        show_default=False,
    ),
]
LabelsOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        metavar="KEY=VALUE",
        help="A word to find it by. May be repeated; can be erased.",
        show_default=False,
    ),
]
CodeOption: TypeAlias = Annotated[
    str, typer.Option(help="Which kind it is, to list by: an id.", show_default=False)
]
DescriptionOption: TypeAlias = Annotated[
    str, typer.Option(help="What it is, for people. Can be erased.", show_default=False)
]
ReferenceOption: TypeAlias = Annotated[
    str, typer.Option(help="What it is called elsewhere. Can be erased.", show_default=False)
]
UpToOption: TypeAlias = Annotated[
    UpTo | None,
    typer.Option(
        metavar="LIMITS",
        help="Lower the amount to what these allow, instead of rejecting it: debit_limits, "
        "credit_limits or both_limits.",
        show_default=False,
    ),
]
ConditionsOption: TypeAlias = Annotated[
    list[Condition] | None,
    typer.Option(
        "--if",
        metavar="CONDITION",
        help="Reject it unless this holds afterwards: 'debit.available >= 500', with debit or "
        "credit, available or balance, and >= <= == !=. Or, before it, 'debit.last_position == …'. "
        "May be repeated.",
        parser=reader(parse_condition),
        show_default=False,
    ),
]
WindowsOption: TypeAlias = Annotated[
    list[WindowLimit] | None,
    typer.Option(
        "--window",
        metavar="WINDOW",
        help="At most so much, or so many, within a time: 'debit.amount <= 100000 per 24h', with "
        "debit or credit, amount or count. May be repeated.",
        parser=reader(parse_window),
        show_default=False,
    ),
]
ExpiresAtOption: TypeAlias = Annotated[
    datetime | None,
    typer.Option(
        metavar="TIME",
        help="Until when it reserves.",
        parser=reader(parse_time),
        show_default=False,
    ),
]
ExpiresAfterOption: TypeAlias = Annotated[
    timedelta | None,
    typer.Option(
        metavar="LENGTH",
        help="For how long it reserves: 90s, 15m, 24h or 7d.",
        parser=reader(parse_length),
        show_default=False,
    ),
]
ValidateOption: TypeAlias = Annotated[
    bool, typer.Option("--validate-only", help="Decide, but record nothing.")
]
LimitOption: TypeAlias = Annotated[int, typer.Option(help="How many to show at most.", min=1)]
LabelFilterOption: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="KEY=VALUE", help="Only those with this label.", show_default=False),
]
SinceOption: TypeAlias = Annotated[
    datetime | None,
    typer.Option(
        metavar="TIME",
        help="Only from this time on: 2026-11-21T09:30:00Z, or a date.",
        parser=reader(parse_time),
        show_default=False,
    ),
]
BeforeOption: TypeAlias = Annotated[
    datetime | None,
    typer.Option(
        metavar="TIME", help="Only before this time.", parser=reader(parse_time), show_default=False
    ),
]


def reading(option: str, parse: Callable[[Given], Value], given: Given) -> Value:
    """Return what an option says; when it is wrong, the error names the option."""
    try:
        return parse(given)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def label_of(text: str | None) -> tuple[str, str] | None:
    """Return the label of a `--label` option that can be given once."""
    return None if text is None else reading("--label", parse_label, text)


def one_deadline(options: Mapping[str, object]) -> None:
    """Check that at most one of the options is given; None means that it is not."""
    given = [name for name, value in options.items() if value is not None]
    if len(given) > 1:
        raise typer.BadParameter(
            "a hold has one deadline: give one of them", param_hint=" and ".join(given)
        )


def labels_of(texts: Sequence[str] | None) -> dict[str, str]:
    """Return the labels of a `--label` option that may be repeated."""
    return reading("--label", lambda texts: check_labels(parse_label_pairs(texts)), texts or ())


def given_or_new(id_: str | None) -> str:
    """Return the id of a command: the one of the `--id` option, else a new one."""
    return uuid7() if id_ is None else id_
