"""Holds and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yupana.book.handle import BookHandle, given_or_new
from yupana.commands import CaptureHold, CreateHold, ReleaseHold, ResolveGroup, UpdateHold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from yupana.conditions import Condition
    from yupana.enums import Resolution, UpTo
    from yupana.outcomes import Outcome


class HoldCommands(BookHandle):
    """Commands that reserve amounts, and move or free what is reserved."""

    async def hold(
        self,
        debit: str,
        credit: str,
        amount: int,
        *,
        expires_at: datetime | None = None,
        expires_after: timedelta | None = None,
        asset: str = "",
        group: str = "",
        labels: Mapping[str, str] | None = None,
        code: str = "",
        description: str = "",
        reference: str = "",
        up_to: UpTo | None = None,
        conditions: Sequence[Condition] = (),
        id: str | None = None,  # noqa: A002 - the contract's word
        timeout_s: float | None = None,
    ) -> Outcome:
        """Reserve an amount until it is captured, released or expired; its `id` is the hold's.

        Expires at a moment or after a time from now, by the ledger's clock; without both never.
        """
        command = CreateHold(
            debit,
            credit,
            amount,
            expires_at=expires_at,
            expires_after=expires_after,
            asset=asset,
            group=group,
            labels=labels or {},
            code=code,
            description=description,
            reference=reference,
            up_to=up_to,
            conditions=conditions,
            id=given_or_new(id),
        )
        return await self._do(command, timeout_s)

    async def capture(
        self,
        hold: str,
        amount: int | None = None,
        *,
        final: bool = False,
        effective_at: datetime | None = None,
        labels: Mapping[str, str] | None = None,
        code: str = "",
        description: str = "",
        reference: str = "",
        id: str | None = None,  # noqa: A002
        timeout_s: float | None = None,
    ) -> Outcome:
        """Move what a hold reserves: all that remains, or part of it; `final` frees the rest.

        Rejected as HOLD_NOT_FOUND, HOLD_EXPIRED, HOLD_CLOSED or EXCEEDS_HOLD, never for limits.
        """
        command = CaptureHold(
            hold,
            amount,
            final=final,
            effective_at=effective_at,
            labels=labels or {},
            code=code,
            description=description,
            reference=reference,
            id=given_or_new(id),
        )
        return await self._do(command, timeout_s)

    async def release(
        self,
        hold: str,
        *,
        id: str | None = None,  # noqa: A002
        timeout_s: float | None = None,
    ) -> Outcome:
        """Give back all that a hold still reserves.

        Rejected as HOLD_NOT_FOUND, HOLD_EXPIRED or HOLD_CLOSED.
        """
        return await self._do(ReleaseHold(hold, id=given_or_new(id)), timeout_s)

    async def update_hold(
        self,
        hold: str,
        *,
        amount: int | None = None,
        expires_at: datetime | None = None,
        expires_after: timedelta | None = None,
        never_expires: bool = False,
        id: str | None = None,  # noqa: A002
        timeout_s: float | None = None,
    ) -> Outcome:
        """Change how much a hold reserves, or until when; what is not given stays as it is.

        `amount` is the new one of the whole hold, what was captured included. Raising it is checked
        like a new hold; lowering it below that is rejected as BELOW_CAPTURED.
        """
        command = UpdateHold(
            hold,
            amount=amount,
            expires_at=expires_at,
            expires_after=expires_after,
            never_expires=never_expires,
            id=given_or_new(id),
        )
        return await self._do(command, timeout_s)

    async def resolve_group(
        self,
        group: str,
        resolution: Resolution,
        *,
        effective_at: datetime | None = None,
        id: str | None = None,  # noqa: A002
        timeout_s: float | None = None,
    ) -> Outcome:
        """Capture or release all open holds of a group; `holds` of the outcome says which.

        None of them can fail. Rejected as GROUP_EMPTY when there is none.
        """
        command = ResolveGroup(group, resolution, effective_at=effective_at, id=given_or_new(id))
        return await self._do(command, timeout_s)
