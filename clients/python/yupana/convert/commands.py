"""Commands as messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from yupana import commands as ours
from yupana.convert.limits import condition_message, window_limit_message
from yupana.convert.times import duration, optional_timestamp, timestamp
from yupana.enums import UpTo
from yupana.ledger.v1 import command_pb2
from yupana.ledger.v1.ledger_service_pb2 import ExecuteRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Limited: TypeAlias = ours.CreateTransfer | ours.CreateHold | ours.Leg
    LimitedMessage: TypeAlias = (
        command_pb2.CreateTransfer | command_pb2.CreateHold | command_pb2.Leg
    )
    Described: TypeAlias = (
        command_pb2.CreateTransfer
        | command_pb2.CreateHold
        | command_pb2.CaptureHold
        | command_pb2.ReverseTransfer
        | command_pb2.CreatePayment
    )

_UP_TO = {
    UpTo.DEBIT_LIMITS: command_pb2.UP_TO_DEBIT_LIMITS,
    UpTo.CREDIT_LIMITS: command_pb2.UP_TO_CREDIT_LIMITS,
    UpTo.BOTH_LIMITS: command_pb2.UP_TO_BOTH_LIMITS,
}


def execute_request(
    book: str, commands: Iterable[ours.Command], *, validate_only: bool = False
) -> ExecuteRequest:
    """Return the request that carries the commands.

    Each one is built in place, because messages passed to a constructor are copied: 0.8 ms instead
    of 2.0 ms for 1,000 transfers.
    """
    request = ExecuteRequest(book=book, validate_only=validate_only)
    for command in commands:
        add_command(request, command)
    return request


def add_command(request: ExecuteRequest, command: ours.Command) -> command_pb2.Command:
    """Add a command to a request; return its message there. When it raises, remove the message."""
    message = request.commands.add(id=command.id)
    if command.linked:
        message.linked = True
    _FILL[type(command)](message, command)
    return message


def _fill_transfer(message: command_pb2.Command, command: ours.CreateTransfer) -> None:
    transfer = message.create_transfer
    _fill_limited(transfer, command)
    transfer.amount = str(command.amount)
    if command.effective_at is not None:
        transfer.effective_time.CopyFrom(timestamp(command.effective_at))
    _fill_words(transfer, command)


def _fill_hold(message: command_pb2.Command, command: ours.CreateHold) -> None:
    hold = message.create_hold
    _fill_limited(hold, command)
    hold.amount = str(command.amount)
    _fill_deadline(hold, command)
    hold.group = command.group
    _fill_words(hold, command)


def _fill_capture(message: command_pb2.Command, command: ours.CaptureHold) -> None:
    capture = message.capture_hold
    capture.MergeFrom(
        command_pb2.CaptureHold(
            hold=command.hold,
            amount=_optional_text(command.amount),
            final=command.final,
            effective_time=optional_timestamp(command.effective_at),
        )
    )
    _fill_words(capture, command)


def _fill_release(message: command_pb2.Command, command: ours.ReleaseHold) -> None:
    message.release_hold.hold = command.hold


def _fill_hold_update(message: command_pb2.Command, command: ours.UpdateHold) -> None:
    update = message.update_hold
    update.hold = command.hold
    if command.amount is not None:
        update.amount = str(command.amount)
    _fill_deadline(update, command)
    if command.never_expires:
        update.never = True


def _fill_group(message: command_pb2.Command, command: ours.ResolveGroup) -> None:
    message.resolve_group.MergeFrom(
        command_pb2.ResolveGroup(
            group=command.group,
            resolution=f"RESOLUTION_{command.resolution.name}",
            effective_time=optional_timestamp(command.effective_at),
        )
    )


def _fill_reversal(message: command_pb2.Command, command: ours.ReverseTransfer) -> None:
    reversal = message.reverse_transfer
    reversal.MergeFrom(
        command_pb2.ReverseTransfer(
            transfer=command.transfer,
            amount=_optional_text(command.amount),
            force=command.force,
            effective_time=optional_timestamp(command.effective_at),
        )
    )
    _fill_words(reversal, command)


def _fill_payment(message: command_pb2.Command, command: ours.CreatePayment) -> None:
    payment = message.create_payment
    payment.SetInParent()
    for leg in command.legs:
        _fill_leg(payment.legs.add(), leg)
    if command.collect_amount is not None:
        payment.collect_amount = str(command.collect_amount)
    payment.collect_partially = command.collect_partially
    if command.effective_at is not None:
        payment.effective_time.CopyFrom(timestamp(command.effective_at))
    _fill_words(payment, command)


def _fill_leg(message: command_pb2.Leg, leg: ours.Leg) -> None:
    _fill_limited(message, leg)
    if leg.amount is not None:
        message.amount = str(leg.amount)
    message.collect = leg.collect
    message.rate = leg.rate


def _fill_account(message: command_pb2.Command, command: ours.OpenAccount) -> None:
    message.open_account.MergeFrom(
        command_pb2.OpenAccount(
            account=command.account,
            asset=command.asset,
            normal_side=f"NORMAL_SIDE_{command.normal_side.name}",
            min_balance=_optional_text(command.min_balance),
            max_balance=_optional_text(command.max_balance),
            windows=map(window_limit_message, command.windows),
            code=command.code,
            labels=command.labels,
        )
    )


def _fill_limits(message: command_pb2.Command, command: ours.SetLimits) -> None:
    message.set_limits.MergeFrom(
        command_pb2.SetLimits(
            account=command.account,
            min_balance=_optional_text(command.min_balance),
            max_balance=_optional_text(command.max_balance),
            windows=map(window_limit_message, command.windows),
        )
    )


def _fill_freeze(message: command_pb2.Command, command: ours.FreezeAccount) -> None:
    freeze = message.freeze_account
    freeze.account = command.account
    freeze.debits = command.debits
    freeze.credits = command.credits


def _fill_close(message: command_pb2.Command, command: ours.CloseAccount) -> None:
    message.close_account.account = command.account


def _fill_reopen(message: command_pb2.Command, command: ours.ReopenAccount) -> None:
    message.reopen_account.account = command.account


def _fill_asset(message: command_pb2.Command, command: ours.OpenAsset) -> None:
    message.open_asset.asset = command.asset
    message.open_asset.scale = command.scale


def _fill_period(message: command_pb2.Command, command: ours.ClosePeriod) -> None:
    message.close_period.before.CopyFrom(timestamp(command.before))


def _fill_erase(message: command_pb2.Command, command: ours.Erase) -> None:
    message.erase.command = command.command


def _fill_limited(message: LimitedMessage, command: Limited) -> None:
    message.debit_account = command.debit
    message.credit_account = command.credit
    if command.asset:
        message.asset = command.asset
    if command.up_to is not None:
        message.up_to = _UP_TO[command.up_to]
    if command.conditions:
        message.conditions.extend(map(condition_message, command.conditions))


def _fill_words(message: Described, command: ours.DescribedCommand) -> None:
    if command.labels:
        message.labels.update(command.labels)
    if command.code:
        message.code = command.code
    if command.description:
        message.description = command.description
    if command.reference:
        message.reference = command.reference


def _fill_deadline(
    message: command_pb2.CreateHold | command_pb2.UpdateHold,
    command: ours.CreateHold | ours.UpdateHold,
) -> None:
    if command.expires_at is not None:
        message.expire_time.CopyFrom(timestamp(command.expires_at))
    elif command.expires_after is not None:
        message.timeout.CopyFrom(duration(command.expires_after))


def _optional_text(number: int | None) -> str | None:
    return None if number is None else str(number)


_FILL: dict[type[ours.Command], Callable[[command_pb2.Command, Any], None]] = {
    ours.CreateTransfer: _fill_transfer,
    ours.OpenAccount: _fill_account,
    ours.OpenAsset: _fill_asset,
    ours.CreateHold: _fill_hold,
    ours.CaptureHold: _fill_capture,
    ours.ReleaseHold: _fill_release,
    ours.UpdateHold: _fill_hold_update,
    ours.ResolveGroup: _fill_group,
    ours.ReverseTransfer: _fill_reversal,
    ours.CreatePayment: _fill_payment,
    ours.SetLimits: _fill_limits,
    ours.FreezeAccount: _fill_freeze,
    ours.CloseAccount: _fill_close,
    ours.ReopenAccount: _fill_reopen,
    ours.ClosePeriod: _fill_period,
    ours.Erase: _fill_erase,
}
