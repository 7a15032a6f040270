"""Decides transfers, reversals and payments."""

from yupana_server.book.asked import note
from yupana_server.book.commands import (
    CreatePayment,
    CreateTransfer,
    Kind,
    Leg,
    ReverseTransfer,
    UpTo,
)
from yupana_server.book.entries import Entry, Json
from yupana_server.book.evolve import evolve
from yupana_server.book.failing import asset_mismatch, wrong_effective_time
from yupana_server.book.movements import (
    Movement,
    beyond_limits,
    find_accounts,
    move,
    posted,
    unusable,
)
from yupana_server.book.rejections import Failure, Reason
from yupana_server.book.state import Account, State

REVERSIBLE = {Kind.TRANSFER, Kind.CAPTURE, Kind.LEG}


def decide_transfer(state: State, command: CreateTransfer, at: int) -> list[Entry] | Failure:
    """Decide a transfer."""
    if command.effective_at is not None:
        failure = wrong_effective_time(state, command.effective_at, at)
        if failure is not None:
            return failure
    found = find_accounts(state, command.debit_account, command.credit_account, command.asset)
    if isinstance(found, Failure):
        return found
    debit, credit = found
    if command.up_to or command.conditions or debit.usage or credit.usage:
        moved = move(
            Movement(debit, credit, command.amount, at),
            up_to=command.up_to,
            conditions=command.conditions,
            epoch=state.epoch,
        )
        if isinstance(moved, Failure):
            return moved
        entry = note(command, state.seq + 1, at, state.epoch)
        return [moved.written_in(entry)._replace(asset=debit.facts.asset)]
    return _decide_plain(state, command, debit, credit, at)


def _decide_plain(
    state: State, command: CreateTransfer, debit: Account, credit: Account, at: int
) -> list[Entry] | Failure:
    """Decide what most transfers are, as `move` does, in half the time."""
    amount = command.amount
    failure = unusable(debit, credit, force=False)
    if failure is not None:
        return failure
    debit_totals, credit_totals = posted(debit, credit, amount)
    failure = beyond_limits(debit, debit_totals, credit, credit_totals, amount, force=False)
    if failure is not None:
        return failure
    return [
        Entry(
            state.seq + 1,
            at,
            Kind.TRANSFER,
            command.id,
            None,
            None,
            command.debit_account,
            command.credit_account,
            amount,
            debit.facts.asset,
            debit_totals,
            credit_totals,
            command.effective_at,
            None if command.words is None else command.words.sealed,
            command.chain,
            code=command.code,
            epoch=state.epoch,
        )
    ]


def decide_reversal(state: State, command: ReverseTransfer, at: int) -> list[Entry] | Failure:
    """Decide a reversal."""
    failure = wrong_effective_time(state, command.effective_at, at)
    if failure is not None:
        return failure
    target = command.transfer
    original = state.outcome(target)
    if original is None:
        return Failure(Reason.TARGET_NOT_FOUND, {"target": target})
    if original.kind not in REVERSIBLE or original.reason is not None:
        kind = "rejected command" if original.reason is not None else original.kind.name.lower()
        return Failure(Reason.NOT_REVERSIBLE, {"target": target, "kind": kind})
    moved, so_far = original.amount or 0, state.reversed_amount(target)
    amount = moved - so_far if command.amount is None else command.amount
    if amount > moved - so_far or (command.amount is None and moved and not amount):
        facts = {
            "target": target,
            "moved": str(moved),
            "reversed": str(so_far),
            "amount": str(amount) if command.amount is not None else "the rest",
        }
        return Failure(Reason.EXCEEDS_ORIGINAL, facts)
    debit_id, credit_id = original.credit_account or "", original.debit_account or ""
    found = find_accounts(state, debit_id, credit_id, None)
    if isinstance(found, Failure):
        return found
    done = move(Movement(*found, amount, at, force=command.force))
    if isinstance(done, Failure):
        return done
    entry = done.written_in(note(command, state.seq + 1, at, state.epoch))._replace(
        debit_account=debit_id,
        credit_account=credit_id,
        asset=original.asset,
        reversed_amount=so_far + amount,
    )
    return [entry]


def decide_payment(state: State, command: CreatePayment, at: int) -> list[Entry] | Failure:
    """Decide a payment: its own entry, then one for each leg, in their order."""
    failure = wrong_effective_time(state, command.effective_at, at)
    if failure is not None:
        return failure
    layer = state.layer()
    layer.seq, layer.recorded_at = state.seq + 1, at  # Where the payment's own entry will stand.
    missing = command.collect_amount or 0
    collected_asset: str | None = None
    legs: list[Entry] = []
    for place, leg in enumerate(command.legs, start=1):
        asset = collected_asset if leg.collects else None
        entry = _decide_leg(layer, command, place, missing=missing, asset=asset)
        if isinstance(entry, Failure):
            return entry._replace(facts={**entry.facts, "leg": str(place)})
        evolve(layer, entry)
        legs.append(entry)
        if leg.collects:
            missing -= entry.amount or 0
            collected_asset = entry.asset
    if missing and not command.collect_partially:
        asked = command.collect_amount or 0
        facts = {"collect_amount": str(asked), "collected": str(asked - missing)}
        return Failure(Reason.COLLECTED_TOO_LITTLE, facts)
    amounts: list[Json] = [leg.amount for leg in legs]
    own = note(with_assets(command, state), state.seq + 1, at, state.epoch)
    own = own._replace(result={"amounts": amounts})
    return [own, *legs]


def _decide_leg(
    layer: State, command: CreatePayment, place: int, *, missing: int, asset: str | None
) -> Entry | Failure:
    """Decide one leg; `missing` and `asset`, which it must have, are for those that collect."""
    leg = command.legs[place - 1]
    if leg.collects:
        leg = leg._replace(amount=missing, up_to=UpTo.DEBIT_LIMITS)
    found = find_accounts(layer, leg.debit_account, leg.credit_account, leg.asset)
    if isinstance(found, Failure):
        return found
    if asset is not None and found[0].facts.asset != asset:
        return asset_mismatch(*found, asset)
    at = layer.recorded_at + 1
    moved = move(
        Movement(*found, leg.amount or 0, at),
        up_to=leg.up_to,
        conditions=leg.conditions,
        epoch=layer.epoch,
    )
    if isinstance(moved, Failure):
        return moved
    entry = Entry(
        layer.seq + 1,
        at,
        Kind.LEG,
        leg_id(command.id, place),
        debit_account=leg.debit_account,
        credit_account=leg.credit_account,
        asset=found[0].facts.asset,
        effective_at=command.effective_at,
        content={"rate": leg.rate} if leg.rate is not None else None,
        requested_amount=leg.amount if leg.up_to else None,
        code=command.code,
        payment=command.id,
        epoch=layer.epoch,
    )
    return moved.written_in(entry)


def with_assets(command: CreatePayment, state: State) -> CreatePayment:
    """Return the payment in canonical form: an asset left out of a leg is its accounts' own."""
    return command._replace(legs=tuple(_with_asset(leg, state) for leg in command.legs))


def _with_asset(leg: Leg, state: State) -> Leg:
    debit = state.account(leg.debit_account) if leg.asset is None else None
    return leg if debit is None else leg._replace(asset=debit.facts.asset)


def leg_id(payment: str, place: int) -> str:
    """Return the id of a payment's leg, from 1."""
    return f"_leg:{place}:{payment}"
