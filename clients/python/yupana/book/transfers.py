"""Transfers, their reversal, and payments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yupana.book.handle import BookHandle, given_or_new
from yupana.commands import CreatePayment, CreateTransfer, Leg, ReverseTransfer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from yupana.conditions import Condition
    from yupana.enums import UpTo
    from yupana.outcomes import Outcome


class TransferCommands(BookHandle):
    """Commands that move amounts at once."""

    async def transfer(
        self,
        debit: str,
        credit: str,
        amount: int,
        *,
        asset: str = "",
        effective_at: datetime | None = None,
        labels: Mapping[str, str] | None = None,
        code: str = "",
        description: str = "",
        reference: str = "",
        up_to: UpTo | None = None,
        conditions: Sequence[Condition] = (),
        id: str | None = None,  # noqa: A002 - the contract's word
        timeout_s: float | None = None,
    ) -> Outcome:
        """Move an amount from the debit to the credit account; its outcome says how much it was.

        That is less than `amount`, and may be 0, only with `up_to`.
        """
        command = CreateTransfer(
            debit,
            credit,
            amount,
            asset=asset,
            effective_at=effective_at,
            labels=labels or {},
            code=code,
            description=description,
            reference=reference,
            up_to=up_to,
            conditions=conditions,
            id=given_or_new(id),
        )
        return await self._do(command, timeout_s)

    async def reverse(
        self,
        transfer: str,
        amount: int | None = None,
        *,
        force: bool = False,
        effective_at: datetime | None = None,
        labels: Mapping[str, str] | None = None,
        code: str = "",
        description: str = "",
        reference: str = "",
        id: str | None = None,  # noqa: A002
        timeout_s: float | None = None,
    ) -> Outcome:
        """Move back what a transfer, capture or payment leg moved: all that is left of it, or less.

        Obeys freezes and limits unless forced. Of the reasons for a rejection, TARGET_NOT_FOUND,
        NOT_REVERSIBLE and EXCEEDS_ORIGINAL are its own.
        """
        command = ReverseTransfer(
            transfer,
            amount,
            force=force,
            effective_at=effective_at,
            labels=labels or {},
            code=code,
            description=description,
            reference=reference,
            id=given_or_new(id),
        )
        return await self._do(command, timeout_s)

    async def pay(
        self,
        legs: Sequence[Leg],
        *,
        collect_amount: int | None = None,
        collect_partially: bool = False,
        effective_at: datetime | None = None,
        labels: Mapping[str, str] | None = None,
        code: str = "",
        description: str = "",
        reference: str = "",
        id: str | None = None,  # noqa: A002
        timeout_s: float | None = None,
    ) -> Outcome:
        """Make up to 256 transfers with one outcome, in their order: all of them or none.

        `leg_amounts` of the outcome says how much each moved. A rejection has the reason of the leg
        that failed, and its place from 1 in the fact `leg`; COLLECTED_TOO_LITTLE when the legs that
        collect brought in less than `collect_amount`.
        """
        command = CreatePayment(
            legs,
            collect_amount=collect_amount,
            collect_partially=collect_partially,
            effective_at=effective_at,
            labels=labels or {},
            code=code,
            description=description,
            reference=reference,
            id=given_or_new(id),
        )
        return await self._do(command, timeout_s)
