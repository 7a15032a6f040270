"""What was asked under each id, and which of it an entry records."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from faults.history.journal import Row
from faults.history.log import CallRecord, Log

from yupana import (
    CaptureHold,
    Command,
    CreateHold,
    CreatePayment,
    CreateTransfer,
    OpenAccount,
    OpenAsset,
    Overloaded,
    ReleaseHold,
    Resolution,
    ResolveGroup,
    ReverseTransfer,
    Unavailable,
)

NOTHING_RECORDED = (Overloaded, Unavailable)
"""Errors of which the client promises that nothing was recorded."""

MICROSECOND = timedelta(microseconds=1)

RESOLUTIONS = {Resolution.CAPTURE: 1, Resolution.RELEASE: 2}
"""The numbers that the journal has for them."""


class Asked(NamedTuple):
    """A command as one call carried it."""

    command: Command
    chain: tuple[str, int, int] | None
    call: CallRecord

    @property
    def may_be_recorded(self) -> bool:
        """Whether this call can be the one that recorded it."""
        return not isinstance(self.call.error, NOTHING_RECORDED)


def asked_by_id(log: Log) -> dict[str, list[Asked]]:
    """Return everything that was asked under each id."""
    found: defaultdict[str, list[Asked]] = defaultdict(list)
    for call in log:
        for command, chain in chained(call.commands):
            found[command.id].append(Asked(command, chain, call))
    return found


def chained(
    commands: Sequence[Command],
) -> Iterator[tuple[Command, tuple[str, int, int] | None]]:
    """Yield each command with its first member's id, its place and the length of its chain."""
    members: list[Command] = []
    for command in commands:
        members.append(command)
        if command.linked:
            continue
        for place, member in enumerate(members, start=1):
            chain = (members[0].id, place, len(members)) if len(members) > 1 else None
            yield member, chain
        members = []


def records(row: Row, asked: Asked) -> bool:
    """Tell whether the entry is about what was asked: its whole content, nothing of its outcome."""
    return row.chain == asked.chain and _content(row) == content(asked.command)


def content(command: Command) -> tuple[object, ...]:
    """Return what a command asks for."""
    match command:
        case CreateTransfer():
            return "transfer", command.debit, command.credit, command.amount
        case CreateHold():
            after = command.expires_after
            timeout = None if after is None else after // MICROSECOND
            said = (command.debit, command.credit, command.amount, timeout)
            return "hold", *said, command.group or None
        case CaptureHold():
            return "capture", command.hold, command.amount, command.final
        case ReleaseHold():
            return "release", command.hold
        case ResolveGroup():
            return "group", command.group, RESOLUTIONS[command.resolution]
        case ReverseTransfer():
            return "reversal", command.transfer, command.amount, command.force
        case CreatePayment():
            legs = tuple((leg.debit, leg.credit, leg.amount) for leg in command.legs)
            return "payment", legs, command.collect_amount, command.collect_partially
        case OpenAccount():
            return "account", command.account, command.min_balance, command.max_balance
        case OpenAsset():
            return "asset", command.asset
    raise AssertionError(f"a load does not send {command}")


def _content(row: Row) -> tuple[object, ...]:
    amount = row.amount if row.requested is None else row.requested
    match row.kind:
        case "transfer":
            return row.kind, row.debit, row.credit, amount
        case "hold":
            said = (row.debit, row.credit, amount, row.content.get("timeout_us"))
            return row.kind, *said, row.group
        case "capture":
            return row.kind, row.hold, row.requested, "final" in row.content
        case "release":
            return row.kind, row.hold
        case "group":
            return row.kind, row.group, row.content["resolution"]
        case "reversal":
            return row.kind, row.reverses, row.requested, "force" in row.content
        case "payment":
            return row.kind, *_payment(row.content)
        case "account":
            limits = (row.content.get("min_balance"), row.content.get("max_balance"))
            return row.kind, row.account, *limits
        case "asset":
            return row.kind, row.asset
    return (row.kind,)


def _payment(content: Mapping[str, Any]) -> tuple[object, ...]:
    legs = tuple(
        (leg["debit_account"], leg["credit_account"], leg.get("amount")) for leg in content["legs"]
    )
    return legs, content.get("collect_amount"), "collect_partially" in content
