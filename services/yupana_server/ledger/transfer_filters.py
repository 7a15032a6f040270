"""Reads which transfers are to be listed."""

from dataclasses import dataclass

from yupana.ledger.v1 import ledger_service_pb2
from yupana_server.book.bounds import ACCOUNT_PREFIX_PATTERN
from yupana_server.book.rejections import Reason
from yupana_server.messages.checks import RequestCheck
from yupana_server.messages.fields import Violations

_FILTERS = ("account", "prefix", "code", "label", "group", "outcome", "hold", "reverses")


@dataclass(frozen=True, slots=True)
class TransferFilter:
    """What is to be listed: all, or what one of the fields says."""

    account: str = ""
    prefix: str = ""
    code: str = ""
    label: tuple[str, str] | None = None
    group: str = ""
    hold: str = ""
    reverses: str = ""
    rejected: bool = False
    reason: int | None = None
    """Of the rejected ones; None for all of them."""
    from_at: int | None = None
    to_at: int | None = None


def read_transfer_filter(
    request: ledger_service_pb2.ListTransfersRequest, check: RequestCheck
) -> TransferFilter:
    """Read the filter; names what is wrong with it in `check`."""
    given = [name for name in _FILTERS if _is_given(request, name)]
    for name in given[1:]:
        check.add(name, f"not together with {given[0]}: give at most one of {', '.join(_FILTERS)}")
    for name in ("account", "code", "group", "hold"):
        check.check_optional_id(name, getattr(request, name))
    if request.reverses:
        check.check_target("reverses", request.reverses)
    if ACCOUNT_PREFIX_PATTERN.fullmatch(request.prefix) is None:
        check.add("prefix", "no account's id begins like this")
    reason = None
    if request.HasField("outcome"):
        reason = _read_reason(request.outcome, check.inside("outcome"))
    return TransferFilter(
        account=request.account,
        prefix=request.prefix,
        code=request.code,
        label=read_label(request.label, check) if request.HasField("label") else None,
        group=request.group,
        hold=request.hold,
        reverses=request.reverses,
        rejected=request.HasField("outcome"),
        reason=reason,
        from_at=check.read_time("from_record_time", request),
        to_at=check.read_time("to_record_time", request),
    )


def read_label(label: ledger_service_pb2.Label, check: Violations) -> tuple[str, str]:
    """Read the label to look for."""
    inside = check.inside("label")
    inside.check_unknown(label)
    inside.check_id("key", label.key)
    if "\x00" in label.value:
        inside.add("value", "no label contains NUL")
    return label.key, label.value


def _is_given(request: ledger_service_pb2.ListTransfersRequest, name: str) -> bool:
    if name in ("label", "outcome"):
        return request.HasField(name)
    return bool(getattr(request, name))


def _read_reason(outcome: ledger_service_pb2.OutcomeFilter, check: Violations) -> int | None:
    check.check_unknown(outcome)
    kind = outcome.WhichOneof("outcome")
    if kind == "reason":
        # Whatever is refused is not recorded, and so cannot be listed.
        reason = int(outcome.reason)
        if reason not in map(int, Reason) or reason >= Reason.ID_REUSED:
            check.add("reason", f"{reason} is not a reason of rejections")
        return reason
    if not outcome.rejected:
        check.add("rejected", "must be true, or a reason given")
    return None
