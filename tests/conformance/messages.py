"""Commands of the pure heart as messages, and outcomes in messages as results."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from conformance.results import Done, Result, limits_set
from yupana.ledger.v1 import command_pb2, limits_pb2, outcome_pb2
from yupana.ledger.v1.command_pb2 import Command
from yupana_server.book.commands import (
    CaptureHold,
    CloseAccount,
    ClosePeriod,
    Condition,
    CreateHold,
    CreatePayment,
    CreateTransfer,
    Deadline,
    Erase,
    FreezeAccount,
    Leg,
    OpenAccount,
    OpenAsset,
    Quantity,
    ReleaseHold,
    ReopenAccount,
    ResolveGroup,
    ReverseTransfer,
    SetLimits,
    UpdateHold,
    UpTo,
    WellFormed,
    WindowLimit,
    Words,
)
from yupana_server.book.rejections import Reason
from yupana_server.book.times import rfc3339
from yupana_server.messages.tokens import encode_position

Fields = dict[str, Any]
"""Fields of a message; those that are None are left out."""


def message_of(command: WellFormed, book: str) -> Command:
    """Write a command as a client of the book sends it."""
    kind, message, write = _KINDS[type(command)]
    chain = command.chain
    return Command(
        id=command.id,
        linked=chain is not None and chain.place < chain.length,
        **{kind: message(**write(command, book))},
    )


def _transfer(command: CreateTransfer | CreateHold, book: str) -> Fields:
    return {
        "debit_account": command.debit_account,
        "credit_account": command.credit_account,
        "amount": str(command.amount),
        "asset": command.asset,
        "up_to": _up_to(command.up_to),
        "conditions": _conditions(command.conditions, book),
        **_described(command),
    }


def _create_transfer(command: CreateTransfer, book: str) -> Fields:
    return {**_transfer(command, book), "effective_time": time_of(command.effective_at)}


def _create_hold(command: CreateHold, book: str) -> Fields:
    return {**_transfer(command, book), "group": command.group, **_expiry(command.deadline)}


def _capture(command: CaptureHold, book: str) -> Fields:
    return {
        "hold": command.hold,
        "amount": _amount(command.amount),
        "final": command.final,
        "effective_time": time_of(command.effective_at),
        **_described(command),
    }


def _update(command: UpdateHold, book: str) -> Fields:
    never = {"never": True} if command.deadline == Deadline() else {}
    amount = _amount(command.amount)
    return {"hold": command.hold, "amount": amount, **_expiry(command.deadline), **never}


def _resolve(command: ResolveGroup, book: str) -> Fields:
    return {
        "group": command.group,
        "resolution": _enum(command_pb2.Resolution, f"RESOLUTION_{command.resolution.name}"),
        "effective_time": time_of(command.effective_at),
    }


def _reverse(command: ReverseTransfer, book: str) -> Fields:
    return {
        "transfer": command.transfer,
        "amount": _amount(command.amount),
        "force": command.force,
        "effective_time": time_of(command.effective_at),
        **_described(command),
    }


def _pay(command: CreatePayment, book: str) -> Fields:
    return {
        "legs": [_leg(leg, book) for leg in command.legs],
        "collect_amount": _amount(command.collect_amount),
        "collect_partially": command.collect_partially,
        "effective_time": time_of(command.effective_at),
        **_described(command),
    }


def _leg(leg: Leg, book: str) -> command_pb2.Leg:
    return command_pb2.Leg(
        debit_account=leg.debit_account,
        credit_account=leg.credit_account,
        amount=_amount(leg.amount),
        asset=leg.asset,
        collect=leg.collects,
        up_to=_up_to(leg.up_to),
        conditions=_conditions(leg.conditions, book),
        rate=leg.rate,
    )


def _open_account(command: OpenAccount, book: str) -> Fields:
    words = command.words or Words()
    return {
        "account": command.account,
        "asset": command.asset,
        "normal_side": f"NORMAL_SIDE_{command.normal_side.name}",
        "code": command.code,
        "labels": words.labels,
        **_limits(command),
    }


def _set_limits(command: SetLimits, book: str) -> Fields:
    return {"account": command.account, **_limits(command)}


def _limits(command: OpenAccount | SetLimits) -> Fields:
    return {
        "min_balance": _amount(command.min_balance),
        "max_balance": _amount(command.max_balance),
        "windows": [_window(window) for window in command.windows],
    }


def _window(window: WindowLimit) -> limits_pb2.WindowLimit:
    return limits_pb2.WindowLimit(
        side=_enum(limits_pb2.Side, f"SIDE_{window.side.name}"),
        measure=_enum(limits_pb2.Measure, f"MEASURE_{window.measure.name}"),
        length=Duration(seconds=window.length_s),
        max=str(window.max),
    )


def _conditions(conditions: Sequence[Condition], book: str) -> list[command_pb2.Condition]:
    return [_condition(condition, book) for condition in conditions]


def _condition(condition: Condition, book: str) -> command_pb2.Condition:
    side = _enum(limits_pb2.Side, f"SIDE_{condition.side.name}")
    if condition.quantity == Quantity.LAST_POSITION:
        position = encode_position(book, condition.epoch, condition.value)
        return command_pb2.Condition(side=side, last_position=position)
    comparison = command_pb2.Comparison(
        operator=_enum(command_pb2.Operator, f"OPERATOR_{condition.operator.name}"),
        value=str(condition.value),
    )
    if condition.quantity == Quantity.BALANCE:
        return command_pb2.Condition(side=side, balance=comparison)
    return command_pb2.Condition(side=side, available=comparison)


def _described(command: CreateTransfer | CreateHold | CaptureHold | Any) -> Fields:
    words = command.words or Words()
    return {
        "code": command.code,
        "labels": words.labels,
        "description": words.description,
        "reference": words.reference,
    }


def _expiry(deadline: Deadline | None) -> Fields:
    if deadline is None:
        return {}
    if deadline.after is None:
        return {"expire_time": time_of(deadline.at)}
    seconds, rest = divmod(deadline.after, 1_000_000)
    return {"timeout": Duration(seconds=seconds, nanos=rest * 1000)}


def _up_to(up_to: UpTo) -> Any:
    return _enum(command_pb2.UpTo, f"UP_TO_{up_to.name}" if up_to else "UP_TO_UNSPECIFIED")


def _enum(enum: Any, name: str) -> Any:
    return enum.Value(name)


def _amount(amount: int | None) -> str | None:
    return None if amount is None else str(amount)


def time_of(micros: int | None) -> Timestamp | None:
    """Write a time; None when there is none."""
    if micros is None:
        return None
    seconds, rest = divmod(micros, 1_000_000)
    return Timestamp(seconds=seconds, nanos=rest * 1000)


_Write = Callable[[Any, str], Fields]

_KINDS: dict[type, tuple[str, Callable[..., Any], _Write]] = {
    CreateTransfer: ("create_transfer", command_pb2.CreateTransfer, _create_transfer),
    CreateHold: ("create_hold", command_pb2.CreateHold, _create_hold),
    CaptureHold: ("capture_hold", command_pb2.CaptureHold, _capture),
    ReleaseHold: ("release_hold", command_pb2.ReleaseHold, lambda c, _: {"hold": c.hold}),
    UpdateHold: ("update_hold", command_pb2.UpdateHold, _update),
    ResolveGroup: ("resolve_group", command_pb2.ResolveGroup, _resolve),
    ReverseTransfer: ("reverse_transfer", command_pb2.ReverseTransfer, _reverse),
    CreatePayment: ("create_payment", command_pb2.CreatePayment, _pay),
    OpenAccount: ("open_account", command_pb2.OpenAccount, _open_account),
    SetLimits: ("set_limits", command_pb2.SetLimits, _set_limits),
    FreezeAccount: (
        "freeze_account",
        command_pb2.FreezeAccount,
        lambda c, _: {"account": c.account, "debits": c.debits, "credits": c.credits},
    ),
    CloseAccount: ("close_account", command_pb2.CloseAccount, lambda c, _: {"account": c.account}),
    ReopenAccount: (
        "reopen_account",
        command_pb2.ReopenAccount,
        lambda c, _: {"account": c.account},
    ),
    OpenAsset: (
        "open_asset",
        command_pb2.OpenAsset,
        lambda c, _: {"asset": c.asset, "scale": c.scale},
    ),
    ClosePeriod: (
        "close_period",
        command_pb2.ClosePeriod,
        lambda c, _: {"before": time_of(c.before)},
    ),
    Erase: ("erase", command_pb2.Erase, lambda c, _: {"command": c.command}),
}


def result_of_message(outcome: outcome_pb2.Outcome) -> Result:
    """Say what a server answered."""
    kind = outcome.WhichOneof("result")
    assert kind is not None, "an outcome says what happened"
    body = getattr(outcome, kind)
    if kind in ("rejected", "refused"):
        assert body.message, "every reason is explained"
        return Result(
            Reason(body.reason).name, dict(body.facts), outcome.replayed, kind == "rejected"
        )
    word, values = _RESULTS[kind](body)
    return Result(word, values, outcome.replayed)


def _expires(body: outcome_pb2.HoldCreated | outcome_pb2.HoldUpdated) -> str:
    return micros_text(body.expire_time) if body.HasField("expire_time") else "never"


def micros_text(time: Timestamp) -> str:
    """Write a time as facts have it."""
    return rfc3339(time.seconds * 1_000_000 + time.nanos // 1000)


def _limits_set(body: outcome_pb2.LimitsSet) -> Done:
    exceeded = [str(place) for place, flag in enumerate(body.windows_exceeded, 1) if flag]
    return limits_set(
        below_min=body.below_min_balance, above_max=body.above_max_balance, exceeded=exceeded
    )


_RESULTS: Mapping[str, Callable[[Any], Done]] = {
    "transfer_posted": lambda b: ("posted", {"amount": b.amount}),
    "hold_created": lambda b: ("held", {"amount": b.amount, "expires": _expires(b)}),
    "hold_captured": lambda b: ("captured", {"amount": b.amount, "remaining": b.remaining}),
    "hold_released": lambda b: ("released", {"amount": b.amount}),
    "hold_updated": lambda b: ("updated", {"remaining": b.remaining, "expires": _expires(b)}),
    "group_resolved": lambda b: (
        "resolved",
        {"holds": " ".join(f"{each.hold}:{each.amount}" for each in b.holds)},
    ),
    "transfer_reversed": lambda b: ("reversed", {"amount": b.amount, "so_far": b.reversed_amount}),
    "payment_posted": lambda b: ("paid", {"legs": " ".join(b.leg_amounts)}),
    "account_opened": lambda _: ("opened", {}),
    "asset_opened": lambda _: ("asset_opened", {}),
    "limits_set": _limits_set,
    "account_frozen": lambda _: ("frozen", {}),
    "account_closed": lambda _: ("closed", {}),
    "account_reopened": lambda _: ("reopened", {}),
    "period_closed": lambda _: ("period_closed", {}),
    "erased": lambda _: ("erased", {}),
}
