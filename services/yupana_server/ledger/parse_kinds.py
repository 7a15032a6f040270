"""Reads one command of each kind."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf.message import Message

from yupana.ledger.v1 import account_pb2, command_pb2, limits_pb2
from yupana_server.book.bounds import (
    AMOUNT_MAX,
    CONDITIONS_MAX,
    ID_PATTERN,
    LEGS_MAX,
    RATE_CHARS_MAX,
    RATE_PATTERN,
    SCALE_MAX,
    TIMEOUT_MAX_US,
    WINDOW_LENGTH_MAX_S,
    WINDOW_LENGTH_MIN_S,
    WINDOWS_MAX,
)
from yupana_server.book.commands import (
    CaptureHold,
    CloseAccount,
    ClosePeriod,
    Command,
    Condition,
    CreateHold,
    CreatePayment,
    CreateTransfer,
    Deadline,
    Erase,
    FreezeAccount,
    Leg,
    Measure,
    NormalSide,
    OpenAccount,
    OpenAsset,
    Operator,
    Quantity,
    ReleaseHold,
    ReopenAccount,
    Resolution,
    ResolveGroup,
    ReverseTransfer,
    SetLimits,
    Side,
    UpdateHold,
    UpTo,
    WindowLimit,
)
from yupana_server.messages.fields import Violations, show
from yupana_server.messages.tokens import decode_position
from yupana_server.runtime.errors import CallError


def parse_command(message: command_pb2.Command, found: Violations) -> Command | None:
    """Read a command; None when it is of no known kind."""
    kind = message.WhichOneof("kind")
    parse = None if kind is None else _PARSE.get(kind)
    command: Command | None = None
    if kind is None or parse is None:
        found.add("kind", f"one of {', '.join(_PARSE)} is needed")
    else:
        body = getattr(message, kind)
        inside = found.inside(kind)
        command = parse(message.id, body, inside)
        inside.check_unknown(body)
    found.check_unknown(message)
    return command


def plain_transfer(message: command_pb2.Command) -> CreateTransfer | None:
    """Read a transfer that is not linked, has accounts, an amount, perhaps an asset, nothing else.

    None when it has more, or anything is wrong with it: then it is read with care. That nothing
    else is there, unknown fields included, is told by its size, in a third of the time that it
    takes to look at each field. Every string has two bytes before it, a tag and its length.
    """
    id_, body = message.id, message.create_transfer
    debit, credit, text, asset = (
        body.debit_account,
        body.credit_account,
        body.amount,
        body.asset,
    )
    if asset:
        matched = _PLAIN_WITH_ASSET(f"{id_} {debit} {credit} {text} {asset}")
        size = 8 + len(debit) + len(credit) + len(text) + len(asset)
    else:
        matched = _PLAIN(f"{id_} {debit} {credit} {text}")
        size = 6 + len(debit) + len(credit) + len(text)
    # The size of the body stands in one byte, or in two.
    whole = 4 + len(id_) + size if size <= _ONE_BYTE_MAX else 5 + len(id_) + size
    if matched is None or debit == credit or message.ByteSize() != whole:
        return None
    amount = int(text)
    if amount > AMOUNT_MAX:
        return None
    # As the constructor does, which takes keywords into account and so twice as long.
    return tuple.__new__(CreateTransfer, (id_, debit, credit, amount, asset or None, *_PLAIN_REST))


_PLAIN = re.compile(
    f"{ID_PATTERN.pattern} {ID_PATTERN.pattern} {ID_PATTERN.pattern} (?:0|[1-9][0-9]{{0,38}})",
    re.ASCII,
).fullmatch
_PLAIN_WITH_ASSET = re.compile(
    f"{ID_PATTERN.pattern} {ID_PATTERN.pattern} {ID_PATTERN.pattern} (?:0|[1-9][0-9]{{0,38}}) "
    f"{ID_PATTERN.pattern}",
    re.ASCII,
).fullmatch
_PLAIN_REST = tuple(CreateTransfer._field_defaults[field] for field in CreateTransfer._fields[5:])
_ONE_BYTE_MAX = 127
"""Longer messages have two bytes for their length."""


def _parse_transfer(
    id_: str, message: command_pb2.CreateTransfer, found: Violations
) -> CreateTransfer:
    _check_accounts(message, found)
    return CreateTransfer(
        id_,
        message.debit_account,
        message.credit_account,
        found.read_amount("amount", message.amount),
        found.check_optional_id("asset", message.asset),
        found.read_time("effective_time", message),
        code=found.check_optional_id("code", message.code),
        up_to=_up_to(message, found),
        conditions=_conditions(message.conditions, found),
        words=_words(message, found),
    )


def _check_accounts(message: Any, found: Violations) -> None:
    debit, credit = message.debit_account, message.credit_account
    fullmatch = ID_PATTERN.fullmatch
    if fullmatch(debit) is None:
        found.check_id("debit_account", debit)
    if fullmatch(credit) is None:
        found.check_id("credit_account", credit)
    elif debit == credit:
        found.add("credit_account", "is the debit account: name two accounts")


def _up_to(message: Message, found: Violations) -> UpTo:
    return found.read_enum("up_to", message, UpTo) or UpTo.NONE


def _words(message: Any, found: Violations) -> Any:
    return found.read_words(message.labels, message.description, message.reference)


def _conditions(
    messages: Sequence[command_pb2.Condition], found: Violations
) -> tuple[Condition, ...]:
    if len(messages) > CONDITIONS_MAX:
        found.add("conditions", f"{len(messages)} conditions: at most {CONDITIONS_MAX} allowed")
    return tuple(
        _condition(message, found.inside(f"conditions[{place}]"))
        for place, message in enumerate(messages[:CONDITIONS_MAX])
    )


def _condition(message: command_pb2.Condition, found: Violations) -> Condition:
    found.check_unknown(message)
    side = found.read_enum("side", message, Side) or Side.DEBIT
    test = message.WhichOneof("test")
    if test == "last_position":
        try:
            epoch, seq = decode_position(found.book, message.last_position)
        except CallError:
            found.add("last_position", "is not a position that was given out for this book")
            epoch, seq = 0, 0
        return Condition(side, Quantity.LAST_POSITION, Operator.EQUAL, seq, epoch)
    if test is None:
        found.add("test", "one of balance, available, last_position is needed")
        return Condition(side, Quantity.BALANCE)
    comparison: command_pb2.Comparison = getattr(message, test)
    inside = found.inside(test)
    inside.check_unknown(comparison)
    operator = inside.read_enum("operator", comparison, Operator) or Operator.EQUAL
    value = inside.read_signed("value", comparison.value)
    return Condition(side, Quantity[test.upper()], operator, value)


def _parse_hold(id_: str, message: command_pb2.CreateHold, found: Violations) -> CreateHold:
    _check_accounts(message, found)
    return CreateHold(
        id_,
        message.debit_account,
        message.credit_account,
        found.read_amount("amount", message.amount),
        found.check_optional_id("asset", message.asset),
        _deadline(message, found),
        found.check_optional_id("group", message.group),
        code=found.check_optional_id("code", message.code),
        up_to=_up_to(message, found),
        conditions=_conditions(message.conditions, found),
        words=_words(message, found),
    )


def _deadline(message: Any, found: Violations) -> Deadline | None:
    expiry = message.WhichOneof("expiry")
    if expiry == "expire_time":
        return Deadline(at=found.read_time("expire_time", message))
    if expiry == "timeout":
        return Deadline(after=found.read_duration("timeout", message.timeout, 1, TIMEOUT_MAX_US))
    if expiry == "never":
        if not message.never:
            found.add("never", "false is not allowed: leave it out to change nothing")
        return Deadline()
    return None


def _parse_capture(id_: str, message: command_pb2.CaptureHold, found: Violations) -> CaptureHold:
    found.check_id("hold", message.hold)
    return CaptureHold(
        id_,
        message.hold,
        found.read_optional_amount("amount", message.amount),
        message.final,
        found.read_time("effective_time", message),
        code=found.check_optional_id("code", message.code),
        words=_words(message, found),
    )


def _parse_release(id_: str, message: command_pb2.ReleaseHold, found: Violations) -> ReleaseHold:
    found.check_id("hold", message.hold)
    return ReleaseHold(id_, message.hold)


def _parse_update(id_: str, message: command_pb2.UpdateHold, found: Violations) -> UpdateHold:
    found.check_id("hold", message.hold)
    amount = found.read_optional_amount("amount", message.amount)
    deadline = _deadline(message, found)
    if amount is None and deadline is None:
        found.add("amount", "an amount or a deadline is needed: there is nothing to change")
    return UpdateHold(id_, message.hold, amount, deadline)


def _parse_group(id_: str, message: command_pb2.ResolveGroup, found: Violations) -> ResolveGroup:
    found.check_id("group", message.group)
    resolution = found.read_enum("resolution", message, Resolution) or Resolution.RELEASE
    effective_at = found.read_time("effective_time", message)
    if resolution == Resolution.RELEASE and effective_at is not None:
        found.add("effective_time", "is for captures: a release moves nothing")
    return ResolveGroup(id_, message.group, resolution, effective_at)


def _parse_reversal(
    id_: str, message: command_pb2.ReverseTransfer, found: Violations
) -> ReverseTransfer:
    found.check_target("transfer", message.transfer)
    return ReverseTransfer(
        id_,
        message.transfer,
        found.read_optional_amount("amount", message.amount),
        message.force,
        found.read_time("effective_time", message),
        code=found.check_optional_id("code", message.code),
        words=_words(message, found),
    )


def _parse_payment(
    id_: str, message: command_pb2.CreatePayment, found: Violations
) -> CreatePayment:
    if not 1 <= len(message.legs) <= LEGS_MAX:
        found.add("legs", f"{len(message.legs)} legs: 1 to {LEGS_MAX} allowed")
    legs = tuple(
        _leg(leg, found.inside(f"legs[{place}]"))
        for place, leg in enumerate(message.legs[:LEGS_MAX])
    )
    collect_amount = found.read_optional_amount("collect_amount", message.collect_amount)
    collects = any(leg.collect for leg in message.legs)
    if collects != (collect_amount is not None):
        rule = "must be given" if collects else "is for legs that collect"
        found.add("collect_amount", rule)
    if message.collect_partially and not collects:
        found.add("collect_partially", "is for legs that collect")
    return CreatePayment(
        id_,
        legs,
        collect_amount,
        message.collect_partially,
        found.read_time("effective_time", message),
        code=found.check_optional_id("code", message.code),
        words=_words(message, found),
    )


def _leg(message: command_pb2.Leg, found: Violations) -> Leg:
    found.check_unknown(message)
    _check_accounts(message, found)
    amount = None
    if not message.collect:
        amount = found.read_amount("amount", message.amount)
    elif message.amount:
        found.add("amount", "must be empty when collect is set")
    up_to = _up_to(message, found)
    if message.collect and up_to:
        found.add("up_to", "not together with collect")
    rate = message.rate
    if rate and (len(rate) > RATE_CHARS_MAX or RATE_PATTERN.fullmatch(rate) is None):
        found.add("rate", f"{show(rate)} is not a decimal number of at most 64 digits")
    return Leg(
        message.debit_account,
        message.credit_account,
        amount,
        found.check_optional_id("asset", message.asset),
        up_to,
        _conditions(message.conditions, found),
        rate or None,
    )


def _parse_open_account(
    id_: str, message: command_pb2.OpenAccount, found: Violations
) -> OpenAccount:
    found.check_id("account", message.account)
    found.check_id("asset", message.asset)
    found.check_enum("normal_side", message)
    floor, ceiling = _limits(message, found)
    debit = message.normal_side == account_pb2.NORMAL_SIDE_DEBIT
    return OpenAccount(
        id_,
        message.account,
        message.asset,
        NormalSide.DEBIT if debit else NormalSide.CREDIT,
        floor,
        ceiling,
        windows=_windows(message.windows, found),
        code=found.check_optional_id("code", message.code),
        words=found.read_words(message.labels),
    )


def _limits(message: Any, found: Violations) -> tuple[int | None, int | None]:
    floor, ceiling = (
        found.read_signed(field, getattr(message, field)) if message.HasField(field) else None
        for field in ("min_balance", "max_balance")
    )
    if floor is not None and ceiling is not None and ceiling < floor:
        found.add("max_balance", f"{ceiling} is below min_balance {floor}")
    return floor, ceiling


def _windows(
    messages: Sequence[limits_pb2.WindowLimit], found: Violations
) -> tuple[WindowLimit, ...]:
    if len(messages) > WINDOWS_MAX:
        found.add("windows", f"{len(messages)} windows: at most {WINDOWS_MAX} allowed")
    windows: list[WindowLimit] = []
    for place, message in enumerate(messages[:WINDOWS_MAX]):
        inside = found.inside(f"windows[{place}]")
        window = _window(message, inside)
        if any(window[:3] == other[:3] for other in windows):
            inside.add("length", "there is another window of the same side, measure and length")
        windows.append(window)
    return tuple(windows)


def _window(message: limits_pb2.WindowLimit, found: Violations) -> WindowLimit:
    found.check_unknown(message)
    length = message.length
    whole = length.nanos == 0 and length.seconds % WINDOW_LENGTH_MIN_S == 0
    if not whole or not WINDOW_LENGTH_MIN_S <= length.seconds <= WINDOW_LENGTH_MAX_S:
        rule = f"whole minutes, from {WINDOW_LENGTH_MIN_S} s to {WINDOW_LENGTH_MAX_S} s"
        found.add("length", f"{length.seconds} s {length.nanos} ns is not {rule}")
    return WindowLimit(
        found.read_enum("side", message, Side) or Side.DEBIT,
        found.read_enum("measure", message, Measure) or Measure.AMOUNT,
        length.seconds,
        found.read_amount("max", message.max),
    )


def _parse_set_limits(id_: str, message: command_pb2.SetLimits, found: Violations) -> SetLimits:
    found.check_id("account", message.account)
    return SetLimits(
        id_, message.account, *_limits(message, found), _windows(message.windows, found)
    )


def _parse_freeze(id_: str, message: command_pb2.FreezeAccount, found: Violations) -> FreezeAccount:
    found.check_id("account", message.account)
    return FreezeAccount(id_, message.account, message.debits, message.credits)


def _parse_close(id_: str, message: command_pb2.CloseAccount, found: Violations) -> CloseAccount:
    found.check_id("account", message.account)
    return CloseAccount(id_, message.account)


def _parse_reopen(id_: str, message: command_pb2.ReopenAccount, found: Violations) -> ReopenAccount:
    found.check_id("account", message.account)
    return ReopenAccount(id_, message.account)


def _parse_open_asset(id_: str, message: command_pb2.OpenAsset, found: Violations) -> OpenAsset:
    found.check_id("asset", message.asset)
    if not 0 <= message.scale <= SCALE_MAX:
        found.add("scale", f"{message.scale} is not within 0 and {SCALE_MAX}")
    return OpenAsset(id_, message.asset, message.scale)


def _parse_close_period(
    id_: str, message: command_pb2.ClosePeriod, found: Violations
) -> ClosePeriod:
    if not message.HasField("before"):
        found.add("before", "must be given")
    return ClosePeriod(id_, found.read_time("before", message) or 0)


def _parse_erase(id_: str, message: command_pb2.Erase, found: Violations) -> Erase:
    found.check_target("command", message.command)
    return Erase(id_, message.command)


_PARSE: dict[str, Callable[[str, Any, Violations], Command]] = {
    "create_transfer": _parse_transfer,
    "open_account": _parse_open_account,
    "open_asset": _parse_open_asset,
    "create_hold": _parse_hold,
    "capture_hold": _parse_capture,
    "release_hold": _parse_release,
    "update_hold": _parse_update,
    "resolve_group": _parse_group,
    "reverse_transfer": _parse_reversal,
    "create_payment": _parse_payment,
    "set_limits": _parse_set_limits,
    "freeze_account": _parse_freeze,
    "close_account": _parse_close,
    "reopen_account": _parse_reopen,
    "close_period": _parse_close_period,
    "erase": _parse_erase,
}
