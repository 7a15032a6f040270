"""What reads ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yupana.convert.times import timestamp
from yupana.ledger.v1.as_of_pb2 import AsOf as AsOfMessage
from yupana.ledger.v1.consistency_pb2 import Consistency
from yupana.ledger.v1.ledger_service_pb2 import Label, OutcomeFilter
from yupana.reasons import PROTO_PREFIX

if TYPE_CHECKING:
    from yupana.as_of import AsOf
    from yupana.reasons import Reason


def consistency(*, at_least: str | None, eventual: bool) -> Consistency | None:
    """Return how fresh a read must be; None, the default, means that it sees every answer."""
    if at_least is not None and eventual:
        raise ValueError("a read is either at_least a position or eventual: give one of them")
    if at_least is not None:
        return Consistency(at_least=at_least)
    return Consistency(eventual=True) if eventual else None


def as_of(moment: AsOf | None) -> AsOfMessage | None:
    """Return the moment to read at; None means now."""
    if moment is None:
        return None
    if moment.recorded_at is not None:
        return AsOfMessage(record_time=timestamp(moment.recorded_at))
    if moment.effective_at is not None:
        return AsOfMessage(effective_time=timestamp(moment.effective_at))
    return AsOfMessage(position=moment.position)


def label(pair: tuple[str, str] | None) -> Label | None:
    """Return the label to look for, from its key and value."""
    return None if pair is None else Label(key=pair[0], value=pair[1])


def outcome_filter(*, rejected: bool, reason: Reason | None) -> OutcomeFilter | None:
    """Return which outcomes to look for; None means all. A reason says more than `rejected`."""
    if reason is not None:
        return OutcomeFilter(reason=f"{PROTO_PREFIX}{reason.name}")
    return OutcomeFilter(rejected=True) if rejected else None
