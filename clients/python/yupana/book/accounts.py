"""Accounts and what they allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yupana.book.handle import BookHandle, given_or_new
from yupana.commands import (
    CloseAccount,
    FreezeAccount,
    OpenAccount,
    ReopenAccount,
    SetLimits,
)
from yupana.commands.accounts import OPEN_ACCOUNT
from yupana.enums import NormalSide
from yupana.ids import derived_id
from yupana.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yupana.limits import WindowLimit
    from yupana.outcomes import Outcome

MAX_OPENINGS = 10


class AccountCommands(BookHandle):
    """Commands that open accounts and change what they allow."""

    async def open_account(
        self,
        account: str,
        *,
        asset: str,
        normal_side: NormalSide = NormalSide.CREDIT,
        min_balance: int | None = None,
        max_balance: int | None = None,
        windows: Sequence[WindowLimit] = (),
        code: str = "",
        labels: Mapping[str, str] | None = None,
        id: str | None = None,  # noqa: A002 - the contract's word
        timeout_s: float | None = None,
    ) -> Outcome:
        """Open an account for one asset, with a floor, a ceiling and windows where they are given.

        The id defaults to `open-account:{account}`: opening it again in the same way is a replay,
        in another way `Refused` as ID_REUSED. Where that id was spent on a rejection because the
        asset was not open yet, `open-account:{account}:2` is next, and so on, up to ten.
        """
        for place in range(1, MAX_OPENINGS + 1):
            command = OpenAccount(
                account,
                asset,
                normal_side=normal_side,
                min_balance=min_balance,
                max_balance=max_balance,
                windows=windows,
                code=code,
                labels=labels or {},
                id=derived_id(OPEN_ACCOUNT, account, place) if id is None else id,
            )
            outcome = await self._execute_one(command, timeout_s)
            spent = outcome.replayed and outcome.reason is Reason.ASSET_NOT_FOUND
            if id is not None or not spent:
                break
        return outcome.raise_for_reason()

    async def set_limits(
        self,
        account: str,
        *,
        min_balance: int | None,
        max_balance: int | None,
        windows: Sequence[WindowLimit],
        id: str | None = None,  # noqa: A002
        timeout_s: float | None = None,
    ) -> Outcome:
        """Set all limits of an account anew: None, or no windows, means none from now on.

        What the account already breaks may be set; `below_min_balance`, `above_max_balance` and
        `windows_exceeded` of the outcome say so.
        """
        command = SetLimits(
            account,
            min_balance=min_balance,
            max_balance=max_balance,
            windows=windows,
            id=given_or_new(id),
        )
        return await self._do(command, timeout_s)

    async def freeze(
        self,
        account: str,
        *,
        debits: bool,
        credits: bool,  # noqa: A002 - the contract's word
        id: str | None = None,  # noqa: A002
        timeout_s: float | None = None,
    ) -> Outcome:
        """Freeze debits, credits or both of an account; False thaws. Holds can still be captured.

        What is frozen is rejected as ACCOUNT_FROZEN from now on.
        """
        command = FreezeAccount(account, debits=debits, credits=credits, id=given_or_new(id))
        return await self._do(command, timeout_s)

    async def close_account(
        self,
        account: str,
        *,
        id: str | None = None,  # noqa: A002
        timeout_s: float | None = None,
    ) -> Outcome:
        """Close an account: it takes part in nothing any more. Its balance stays as it is.

        Rejected as HOLDS_OPEN while it has open holds.
        """
        return await self._do(CloseAccount(account, id=given_or_new(id)), timeout_s)

    async def reopen_account(
        self,
        account: str,
        *,
        id: str | None = None,  # noqa: A002
        timeout_s: float | None = None,
    ) -> Outcome:
        """Open a closed account again, with its limits and freezes as they were."""
        return await self._do(ReopenAccount(account, id=given_or_new(id)), timeout_s)
