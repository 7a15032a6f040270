"""What became of a command, in words that the pure heart and a server share."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from yupana_server.book.commands import Kind
from yupana_server.book.decide import Outcome, Replay
from yupana_server.book.entries import Entry
from yupana_server.book.rejections import Refusal
from yupana_server.book.times import rfc3339


class Result(NamedTuple):
    """An outcome."""

    word: str
    """`posted`, `held`, ... or the name of a reason."""
    values: Mapping[str, str]
    """Amounts, or the facts of a reason."""
    replayed: bool = False
    recorded: bool = True


def result_of(outcome: Outcome) -> Result:
    """Say what the pure heart decided."""
    if isinstance(outcome, Replay):
        return result_of(outcome.entry)._replace(replayed=True)
    if isinstance(outcome, Refusal):
        return Result(outcome.reason.name, outcome.facts, recorded=False)
    if outcome.reason is not None:
        return Result(outcome.reason.name, outcome.facts or {})
    word, values = _DONE[outcome.kind](outcome)
    return Result(word, values)


Done = tuple[str, dict[str, str]]


def _said(entry: Entry) -> Mapping[str, Any]:
    return entry.result or {}


def _expires(entry: Entry) -> str:
    return "never" if entry.hold_expires_at is None else rfc3339(entry.hold_expires_at)


def _limits_set(entry: Entry) -> Done:
    said = _said(entry)
    exceeded = [str(n) for n, flag in enumerate(said.get("windows_exceeded", ()), 1) if flag]
    return limits_set(
        below_min="below_min_balance" in said,
        above_max="above_max_balance" in said,
        exceeded=exceeded,
    )


def limits_set(*, below_min: bool, above_max: bool, exceeded: list[str]) -> Done:
    """Say which limits are broken already; windows by their places, from 1."""
    flags = {"below_min": "yes" if below_min else "", "above_max": "yes" if above_max else ""}
    return "limits_set", {**flags, "exceeded": ",".join(exceeded)}


def _resolved(entry: Entry) -> Done:
    return "resolved", {"holds": " ".join(f"{h}:{amount}" for h, amount in _said(entry)["holds"])}


_DONE: dict[Kind, Callable[[Entry], Done]] = {
    Kind.TRANSFER: lambda e: ("posted", {"amount": str(e.amount)}),
    Kind.HOLD: lambda e: ("held", {"amount": str(e.amount), "expires": _expires(e)}),
    Kind.CAPTURE: lambda e: (
        "captured",
        {"amount": str(e.amount), "remaining": str(e.hold_remaining)},
    ),
    Kind.RELEASE: lambda e: ("released", {"amount": str(e.amount)}),
    Kind.HOLD_UPDATE: lambda e: (
        "updated",
        {"remaining": str(e.hold_remaining), "expires": _expires(e)},
    ),
    Kind.RESOLVE_GROUP: _resolved,
    Kind.REVERSAL: lambda e: (
        "reversed",
        {"amount": str(e.amount), "so_far": str(e.reversed_amount)},
    ),
    Kind.PAYMENT: lambda e: ("paid", {"legs": " ".join(map(str, _said(e)["amounts"]))}),
    Kind.OPEN_ACCOUNT: lambda _: ("opened", {}),
    Kind.OPEN_ASSET: lambda _: ("asset_opened", {}),
    Kind.SET_LIMITS: _limits_set,
    Kind.FREEZE_ACCOUNT: lambda _: ("frozen", {}),
    Kind.CLOSE_ACCOUNT: lambda _: ("closed", {}),
    Kind.REOPEN_ACCOUNT: lambda _: ("reopened", {}),
    Kind.CLOSE_PERIOD: lambda _: ("period_closed", {}),
    Kind.ERASE: lambda _: ("erased", {}),
}
