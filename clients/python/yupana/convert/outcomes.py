"""What became of commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from yupana.convert.enums import REASONS
from yupana.convert.times import optional_moment
from yupana.outcomes import Outcome, OutcomeKind, ResolvedHold

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from yupana.ledger.v1 import outcome_pb2
    from yupana.reasons import Reason

_KINDS = {kind.value: kind for kind in OutcomeKind}


class _Result(TypedDict, total=False):
    """The fields of an outcome that depend on what happened."""

    reason: Reason
    facts: Mapping[str, str]
    message: str
    amount: int
    remaining: int
    expires_at: datetime | None
    holds: tuple[ResolvedHold, ...]
    reversed_amount: int
    leg_amounts: tuple[int, ...]
    below_min_balance: bool
    above_max_balance: bool
    windows_exceeded: tuple[bool, ...]


def outcome(message: outcome_pb2.Outcome) -> Outcome:
    """Return what became of a command."""
    result = message.WhichOneof("result")
    kind = OutcomeKind.UNKNOWN if result is None else _KINDS[result]
    read = _READ.get(kind, _nothing)
    return Outcome(
        message.id,
        kind,
        message.replayed,
        message.position,
        optional_moment(message, "record_time"),
        **read(message),
    )


def _nothing(_message: outcome_pb2.Outcome) -> _Result:
    return {}


def _transfer_posted(message: outcome_pb2.Outcome) -> _Result:
    return {"amount": int(message.transfer_posted.amount)}


def _rejected(message: outcome_pb2.Outcome) -> _Result:
    return _why(message.rejected)


def _refused(message: outcome_pb2.Outcome) -> _Result:
    return _why(message.refused)


def _why(why: outcome_pb2.Rejection | outcome_pb2.Refusal) -> _Result:
    return {
        "reason": REASONS.of(why.reason),
        "facts": dict(why.facts),
        "message": why.message,
    }


def _hold_created(message: outcome_pb2.Outcome) -> _Result:
    created = message.hold_created
    expires_at = optional_moment(created, "expire_time")
    return {"amount": int(created.amount), "expires_at": expires_at}


def _hold_captured(message: outcome_pb2.Outcome) -> _Result:
    captured = message.hold_captured
    return {"amount": int(captured.amount), "remaining": int(captured.remaining)}


def _hold_released(message: outcome_pb2.Outcome) -> _Result:
    return {"amount": int(message.hold_released.amount)}


def _hold_expired(message: outcome_pb2.Outcome) -> _Result:
    return {"amount": int(message.hold_expired.amount)}


def _hold_updated(message: outcome_pb2.Outcome) -> _Result:
    updated = message.hold_updated
    expires_at = optional_moment(updated, "expire_time")
    return {"remaining": int(updated.remaining), "expires_at": expires_at}


def _group_resolved(message: outcome_pb2.Outcome) -> _Result:
    resolved = message.group_resolved.holds
    return {"holds": tuple(ResolvedHold(each.hold, int(each.amount)) for each in resolved)}


def _transfer_reversed(message: outcome_pb2.Outcome) -> _Result:
    moved_back = message.transfer_reversed
    return {
        "amount": int(moved_back.amount),
        "reversed_amount": int(moved_back.reversed_amount),
    }


def _payment_posted(message: outcome_pb2.Outcome) -> _Result:
    return {"leg_amounts": tuple(map(int, message.payment_posted.leg_amounts))}


def _limits_set(message: outcome_pb2.Outcome) -> _Result:
    limits = message.limits_set
    return {
        "below_min_balance": limits.below_min_balance,
        "above_max_balance": limits.above_max_balance,
        "windows_exceeded": tuple(limits.windows_exceeded),
    }


_READ: dict[OutcomeKind, Callable[[outcome_pb2.Outcome], _Result]] = {
    OutcomeKind.TRANSFER_POSTED: _transfer_posted,
    OutcomeKind.REJECTED: _rejected,
    OutcomeKind.REFUSED: _refused,
    OutcomeKind.HOLD_CREATED: _hold_created,
    OutcomeKind.HOLD_CAPTURED: _hold_captured,
    OutcomeKind.HOLD_RELEASED: _hold_released,
    OutcomeKind.HOLD_EXPIRED: _hold_expired,
    OutcomeKind.HOLD_UPDATED: _hold_updated,
    OutcomeKind.GROUP_RESOLVED: _group_resolved,
    OutcomeKind.TRANSFER_REVERSED: _transfer_reversed,
    OutcomeKind.PAYMENT_POSTED: _payment_posted,
    OutcomeKind.LIMITS_SET: _limits_set,
}
