"""Outcomes, holds, statements and sums as they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yupana import convert
from yupana.book.handle import BookHandle
from yupana.convert.times import optional_timestamp
from yupana.enums import HoldState, StatementOrder
from yupana.ledger.v1 import history_service_pb2 as history
from yupana.methods import GET_HOLD, GET_OUTCOME, GET_STATEMENT, LIST_HOLDS, SUM_BALANCES
from yupana.paging import pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from yupana.outcomes import Outcome
    from yupana.records import AssetSum, Hold, StatementLine, StatementPage


class HistoryReads(BookHandle):
    """Reads of what became of commands, of holds, and of an account's past."""

    async def get_outcome(
        self,
        id: str,  # noqa: A002 - the contract's word
        *,
        at_least: str | None = None,
        eventual: bool = False,
        timeout_s: float | None = None,
    ) -> Outcome:
        """Return the recorded outcome of any command, also a rejected one.

        Raises `CommandNotFound` when none was recorded with this id.
        """
        request = history.GetOutcomeRequest(
            book=self.id,
            id=id,
            consistency=convert.consistency(at_least=at_least, eventual=eventual),
        )
        answer = await self._calls.send(GET_OUTCOME, request, key=self.id, timeout_s=timeout_s)
        return convert.outcome(answer)

    async def get_hold(
        self,
        hold: str,
        *,
        at_least: str | None = None,
        eventual: bool = False,
        timeout_s: float | None = None,
    ) -> Hold:
        """Return a hold as it stands; raise `HoldNotFound` when there is none."""
        request = history.GetHoldRequest(
            book=self.id,
            hold=hold,
            consistency=convert.consistency(at_least=at_least, eventual=eventual),
        )
        answer = await self._calls.send(GET_HOLD, request, key=self.id, timeout_s=timeout_s)
        return convert.hold(answer)

    async def list_holds(
        self,
        *,
        account: str = "",
        state: HoldState = HoldState.OPEN,
        at_least: str | None = None,
        eventual: bool = False,
        timeout_s: float | None = None,
    ) -> AsyncIterator[Hold]:
        """Yield the open holds in the order of their creation, or the expired ones, newest first.

        Args:
            account: Only those that debit or credit this account.
            state: `HoldState.OPEN` or `HoldState.EXPIRED`; others cannot be listed.
            at_least: The answer sees everything up to this position, and maybe no more.
            eventual: The answer may be served from whatever is nearest.
            timeout_s: For each page.
        """
        request = history.ListHoldsRequest(
            book=self.id,
            account=account,
            state=f"HOLD_STATE_{state.name}",
            consistency=convert.consistency(at_least=at_least, eventual=eventual),
        )
        async for page in pages(self._calls, LIST_HOLDS, request, key=self.id, timeout_s=timeout_s):
            for hold in page.holds:
                yield convert.hold(hold)

    async def statement(
        self,
        account: str,
        *,
        since: datetime | None = None,
        before: datetime | None = None,
        order: StatementOrder = StatementOrder.RECORD_TIME,
        at_least: str | None = None,
        eventual: bool = False,
        timeout_s: float | None = None,
    ) -> AsyncIterator[StatementLine]:
        """Yield what changed an account, the oldest first, each line with the totals after it.

        Raises `AccountNotFound` when the account is not open.

        Args:
            account: The account's id.
            since: The first moment that it covers. None: the beginning.
            before: The first moment that it no longer covers. None: no end.
            order: By which time: that of recording, or that of taking effect.
            at_least: The answer sees everything up to this position, and maybe no more.
            eventual: The answer may be served from whatever is nearest.
            timeout_s: For each page.
        """
        async for page in self.statement_pages(
            account,
            since=since,
            before=before,
            order=order,
            at_least=at_least,
            eventual=eventual,
            timeout_s=timeout_s,
        ):
            for line in page.lines:
                yield line

    async def statement_pages(
        self,
        account: str,
        *,
        since: datetime | None = None,
        before: datetime | None = None,
        order: StatementOrder = StatementOrder.RECORD_TIME,
        at_least: str | None = None,
        eventual: bool = False,
        timeout_s: float | None = None,
    ) -> AsyncIterator[StatementPage]:
        """Yield an account's statement in pages of up to 1,000 lines, as `statement` does.

        Each has the totals before its first and after its last line. There is always one page, if
        only an empty one.
        """
        request = history.GetStatementRequest(
            book=self.id,
            account=account,
            order=f"STATEMENT_ORDER_{order.name}",
            from_time=optional_timestamp(since),
            to_time=optional_timestamp(before),
            consistency=convert.consistency(at_least=at_least, eventual=eventual),
        )
        calls = self._calls
        async for page in pages(calls, GET_STATEMENT, request, key=self.id, timeout_s=timeout_s):
            yield convert.statement_page(page)

    async def sum_balances(
        self,
        prefix: str = "",
        *,
        at_least: str | None = None,
        eventual: bool = False,
        timeout_s: float | None = None,
    ) -> list[AssetSum]:
        """Return the sums of all accounts under a prefix, one for each asset, by the assets' ids.

        Args:
            prefix: Whole segments of ids, at most 16: `users:42` stands for all accounts whose ids
                begin with `users:42:`. Empty: all accounts of the book.
            at_least: The answer sees everything up to this position, and maybe no more.
            eventual: The answer may be served from whatever is nearest.
            timeout_s: For the call.
        """
        request = history.SumBalancesRequest(
            book=self.id,
            prefix=prefix,
            consistency=convert.consistency(at_least=at_least, eventual=eventual),
        )
        answer = await self._calls.send(SUM_BALANCES, request, key=self.id, timeout_s=timeout_s)
        return [convert.asset_sum(each) for each in answer.sums]
