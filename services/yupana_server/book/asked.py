"""What was asked for, as entries keep it: written by `note`, read again by `command_of`.

Both directions stand here, so that a replay is compared with exactly what was written down.
"""

from collections.abc import Mapping, Sequence
from typing import Any

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
    Kind,
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
    WellFormed,
    WindowLimit,
    Words,
    kind_of,
)
from yupana_server.book.entries import Entry, Json

Content = dict[str, Json]


def note(command: WellFormed, seq: int, recorded_at: int, epoch: int) -> Entry:
    """Write down what was asked for, without what became of it."""
    entry = Entry(
        seq,
        recorded_at,
        kind_of(command),
        command.id,
        chain=command.chain,
        content=content_of(command),
        epoch=epoch,
    )
    return entry._replace(**_columns(command))


def _columns(command: WellFormed) -> dict[str, Any]:
    """Return those fields of an entry that hold a field of the command as it is."""
    columns = {name: getattr(command, name) for name in _COLUMNS if hasattr(command, name)}
    words = getattr(command, "words", None)
    columns["sealed_words"] = words.sealed if words is not None else None
    if isinstance(command, CreateTransfer | CreateHold):
        columns["amount"] = command.amount
        columns["requested_amount"] = command.amount if command.up_to else None
    elif isinstance(command, CaptureHold | UpdateHold | ReverseTransfer):
        columns["requested_amount"] = command.amount
    if isinstance(command, CreateHold):
        columns["hold"] = command.id
        columns["hold_expires_at"] = command.deadline.at if command.deadline else None
    if isinstance(command, ReverseTransfer):
        columns["reverses"] = command.transfer
    return columns


_COLUMNS = (
    "debit_account",
    "credit_account",
    "asset",
    "effective_at",
    "code",
    "account",
    "hold",
    "group",
)


def content_of(command: WellFormed) -> Content | None:
    """Return what was asked for and has no column of its own; None when there is nothing."""
    write = _CONTENT.get(type(command))
    if write is None:
        return None
    # By identity: a floor, ceiling or scale of 0 equals False and is kept all the same.
    content = {
        name: value
        for name, value in write(command).items()
        if value is not None and value is not False
    }
    return {name: _plain(value) for name, value in content.items()} or None


def _plain(value: Any) -> Json:
    """Write enumerations, truth values and tuples as what JSON has."""
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value]


def _transfer_content(command: CreateTransfer) -> dict[str, Any]:
    return {"up_to": command.up_to or None, "conditions": command.conditions or None}


def _hold_content(command: CreateHold) -> dict[str, Any]:
    return {
        "timeout_us": command.deadline.after if command.deadline else None,
        "up_to": command.up_to or None,
        "conditions": command.conditions or None,
    }


def _update_content(command: UpdateHold) -> dict[str, Any]:
    deadline = command.deadline
    if deadline is None:
        return {}
    return {
        "expires_at": deadline.at,
        "timeout_us": deadline.after,
        "never": deadline == Deadline(),
    }


def _leg_content(leg: Leg) -> Mapping[str, Any]:
    content: dict[str, Any] = leg._asdict()
    content["up_to"] = leg.up_to or None
    content["conditions"] = leg.conditions or None
    return {name: value for name, value in content.items() if value is not None}


def _limits_content(command: OpenAccount | SetLimits) -> dict[str, Any]:
    return {
        "min_balance": command.min_balance,
        "max_balance": command.max_balance,
        "windows": command.windows or None,
    }


_CONTENT: dict[type, Any] = {
    CreateTransfer: _transfer_content,
    CreateHold: _hold_content,
    CaptureHold: lambda c: {"final": c.final},
    UpdateHold: _update_content,
    ResolveGroup: lambda c: {"resolution": c.resolution},
    ReverseTransfer: lambda c: {"force": c.force},
    CreatePayment: lambda c: {
        "legs": [_leg_content(leg) for leg in c.legs],
        "collect_amount": c.collect_amount,
        "collect_partially": c.collect_partially,
    },
    OpenAccount: lambda c: {"normal_side": c.normal_side, **_limits_content(c)},
    SetLimits: _limits_content,
    FreezeAccount: lambda c: {"debits": c.debits, "credits": c.credits},
    OpenAsset: lambda c: {"scale": c.scale},
    ClosePeriod: lambda c: {"before": c.before},
    Erase: lambda c: {"command": c.command},
}


def command_of(entry: Entry) -> WellFormed:
    """Return the command that an entry records, as it was asked for; words only as their seal.

    Not for entries that the ledger wrote of its own accord (EXPIRY) or as part of another (LEG).
    """
    content: Mapping[str, Any] = entry.content or {}
    command: WellFormed = _READ[entry.kind](entry, content)
    return command._replace(chain=entry.chain)


def _words(entry: Entry) -> Words | None:
    return None if entry.sealed_words is None else Words(sealed=entry.sealed_words)


def _conditions(rows: Sequence[Sequence[int]] | None) -> tuple[Condition, ...]:
    return tuple(
        Condition(Side(side), Quantity(quantity), Operator(operator), value, epoch)
        for side, quantity, operator, value, epoch in rows or ()
    )


def windows_of(rows: Sequence[Sequence[int]] | None) -> tuple[WindowLimit, ...]:
    """Read windows as `content` and `result` have them."""
    return tuple(
        WindowLimit(Side(side), Measure(measure), length_s, most)
        for side, measure, length_s, most in rows or ()
    )


def _read_transfer(entry: Entry, content: Mapping[str, Any]) -> CreateTransfer:
    return CreateTransfer(
        entry.id,
        entry.debit_account or "",
        entry.credit_account or "",
        _asked_amount(entry),
        entry.asset,
        entry.effective_at,
        _words(entry),
        code=entry.code,
        up_to=UpTo(content.get("up_to", 0)),
        conditions=_conditions(content.get("conditions")),
    )


def _asked_amount(entry: Entry) -> int:
    amount = entry.amount if entry.requested_amount is None else entry.requested_amount
    return amount or 0


def _read_hold(entry: Entry, content: Mapping[str, Any]) -> CreateHold:
    timeout = content.get("timeout_us")
    deadline = Deadline(after=timeout) if timeout is not None else Deadline(entry.hold_expires_at)
    return CreateHold(
        entry.id,
        entry.debit_account or "",
        entry.credit_account or "",
        _asked_amount(entry),
        entry.asset,
        None if deadline == Deadline() else deadline,
        entry.group,
        _words(entry),
        code=entry.code,
        up_to=UpTo(content.get("up_to", 0)),
        conditions=_conditions(content.get("conditions")),
    )


def _read_capture(entry: Entry, content: Mapping[str, Any]) -> CaptureHold:
    return CaptureHold(
        entry.id,
        entry.hold or "",
        entry.requested_amount,
        "final" in content,
        entry.effective_at,
        _words(entry),
        code=entry.code,
    )


def _read_update(entry: Entry, content: Mapping[str, Any]) -> UpdateHold:
    deadline = Deadline(content.get("expires_at"), content.get("timeout_us"))
    unchanged = deadline == Deadline() and "never" not in content
    return UpdateHold(
        entry.id, entry.hold or "", entry.requested_amount, None if unchanged else deadline
    )


def _read_resolve(entry: Entry, content: Mapping[str, Any]) -> ResolveGroup:
    resolution = Resolution(content["resolution"])
    return ResolveGroup(entry.id, entry.group or "", resolution, entry.effective_at)


def _read_reversal(entry: Entry, content: Mapping[str, Any]) -> ReverseTransfer:
    return ReverseTransfer(
        entry.id,
        entry.reverses or "",
        entry.requested_amount,
        "force" in content,
        entry.effective_at,
        _words(entry),
        code=entry.code,
    )


def _read_payment(entry: Entry, content: Mapping[str, Any]) -> CreatePayment:
    return CreatePayment(
        entry.id,
        legs_of(content["legs"]),
        content.get("collect_amount"),
        "collect_partially" in content,
        entry.effective_at,
        _words(entry),
        code=entry.code,
    )


def legs_of(rows: Sequence[Mapping[str, Any]]) -> tuple[Leg, ...]:
    """Read the legs of a payment as its `content` has them."""
    return tuple(
        Leg(
            row["debit_account"],
            row["credit_account"],
            row.get("amount"),
            row.get("asset"),
            UpTo(row.get("up_to", 0)),
            _conditions(row.get("conditions")),
            row.get("rate"),
        )
        for row in rows
    )


def _read_open_account(entry: Entry, content: Mapping[str, Any]) -> OpenAccount:
    return OpenAccount(
        entry.id,
        entry.account or "",
        entry.asset or "",
        NormalSide(content["normal_side"]),
        content.get("min_balance"),
        content.get("max_balance"),
        windows=windows_of(content.get("windows")),
        code=entry.code,
        words=_words(entry),
    )


def _read_set_limits(entry: Entry, content: Mapping[str, Any]) -> SetLimits:
    return SetLimits(
        entry.id,
        entry.account or "",
        content.get("min_balance"),
        content.get("max_balance"),
        windows_of(content.get("windows")),
    )


_READ: dict[Kind, Any] = {
    Kind.TRANSFER: _read_transfer,
    Kind.HOLD: _read_hold,
    Kind.CAPTURE: _read_capture,
    Kind.RELEASE: lambda e, _: ReleaseHold(e.id, e.hold or ""),
    Kind.HOLD_UPDATE: _read_update,
    Kind.RESOLVE_GROUP: _read_resolve,
    Kind.REVERSAL: _read_reversal,
    Kind.PAYMENT: _read_payment,
    Kind.OPEN_ACCOUNT: _read_open_account,
    Kind.SET_LIMITS: _read_set_limits,
    Kind.FREEZE_ACCOUNT: lambda e, c: FreezeAccount(
        e.id, e.account or "", "debits" in c, "credits" in c
    ),
    Kind.CLOSE_ACCOUNT: lambda e, _: CloseAccount(e.id, e.account or ""),
    Kind.REOPEN_ACCOUNT: lambda e, _: ReopenAccount(e.id, e.account or ""),
    Kind.OPEN_ASSET: lambda e, c: OpenAsset(e.id, e.asset or "", c["scale"]),
    Kind.CLOSE_PERIOD: lambda e, c: ClosePeriod(e.id, c["before"]),
    Kind.ERASE: lambda e, c: Erase(e.id, c["command"]),
}
