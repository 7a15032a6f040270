"""What concerns a book as a whole: its assets and its past."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yupana.book.handle import BookHandle, given_or_new
from yupana.commands import ClosePeriod, Erase, OpenAsset
from yupana.commands.books import OPEN_ASSET
from yupana.ids import derived_id

if TYPE_CHECKING:
    from datetime import datetime

    from yupana.outcomes import Outcome


class BookCommands(BookHandle):
    """Commands that open assets, close the past and erase words."""

    async def open_asset(
        self,
        asset: str,
        *,
        scale: int,
        id: str | None = None,  # noqa: A002 - the contract's word
        timeout_s: float | None = None,
    ) -> Outcome:
        """Open an asset whose smallest unit has `scale` decimals, 0 to 38.

        The id defaults to `open-asset:{asset}`: opening it again with the same scale is a replay,
        with another one `Refused` as ID_REUSED.
        """
        command = OpenAsset(
            asset, scale=scale, id=derived_id(OPEN_ASSET, asset) if id is None else id
        )
        return await self._do(command, timeout_s)

    async def close_period(
        self,
        before: datetime,
        *,
        id: str | None = None,  # noqa: A002
        timeout_s: float | None = None,
    ) -> Outcome:
        """Reject from now on what took effect before this moment, as PERIOD_CLOSED.

        Can only be moved forward, and not beyond the ledger's clock.
        """
        return await self._do(ClosePeriod(before, id=given_or_new(id)), timeout_s)

    async def erase(
        self,
        command: str,
        *,
        id: str | None = None,  # noqa: A002
        timeout_s: float | None = None,
    ) -> Outcome:
        """Erase the labels, description and reference of the command with this id for good.

        Erasing again changes nothing. Rejected as TARGET_NOT_FOUND when it was never recorded.
        """
        return await self._do(Erase(command, id=given_or_new(id)), timeout_s)
