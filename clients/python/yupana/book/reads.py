"""Accounts, transfers and assets as they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from yupana import convert
from yupana.book.handle import BookHandle
from yupana.convert.times import optional_timestamp
from yupana.errors import AccountNotFound, ErrorDetails
from yupana.ledger.v1 import book_service_pb2 as books
from yupana.ledger.v1 import ledger_service_pb2 as ledger
from yupana.methods import (
    BATCH_GET_ACCOUNTS,
    GET_TRANSFER,
    LIST_ACCOUNTS,
    LIST_ASSETS,
    LIST_TRANSFERS,
)
from yupana.paging import pages
from yupana.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime

    from yupana.as_of import AsOf
    from yupana.records import Account, Asset, Snapshot, Transfer


class LedgerReads(BookHandle):
    """Reads of accounts, transfers and assets."""

    async def account(
        self,
        account: str,
        *,
        as_of: AsOf | None = None,
        at_least: str | None = None,
        eventual: bool = False,
        timeout_s: float | None = None,
    ) -> Account:
        """Return an account, now or as of a moment; raise `AccountNotFound` when it is not open."""
        found = await self.accounts(
            [account], as_of=as_of, at_least=at_least, eventual=eventual, timeout_s=timeout_s
        )
        if account not in found:
            raise _not_open(self.id, account, as_of)
        return found[account]

    async def accounts(
        self,
        accounts: Sequence[str],
        *,
        as_of: AsOf | None = None,
        at_least: str | None = None,
        eventual: bool = False,
        timeout_s: float | None = None,
    ) -> Mapping[str, Account]:
        """Return up to 1,000 accounts by id, read at one moment. Those not open are absent."""
        if not accounts:
            return {}
        found = await self.snapshot(
            accounts, as_of=as_of, at_least=at_least, eventual=eventual, timeout_s=timeout_s
        )
        return found.accounts

    async def snapshot(
        self,
        accounts: Sequence[str],
        *,
        open_holds: bool = False,
        as_of: AsOf | None = None,
        at_least: str | None = None,
        eventual: bool = False,
        timeout_s: float | None = None,
    ) -> Snapshot:
        """Return 1 to 1,000 accounts with the position that they were read at.

        With `open_holds` their open holds too, up to 10,000 in all; not together with `as_of`.
        """
        request = ledger.BatchGetAccountsRequest(
            book=self.id,
            accounts=dict.fromkeys(accounts),
            consistency=convert.consistency(at_least=at_least, eventual=eventual),
            as_of=convert.as_of(as_of),
            include_open_holds=open_holds,
        )
        answer = await self._calls.send(
            BATCH_GET_ACCOUNTS, request, key=self.id, timeout_s=timeout_s
        )
        return convert.snapshot(answer)

    async def list_accounts(
        self,
        *,
        prefix: str = "",
        code: str = "",
        label: tuple[str, str] | None = None,
        at_least: str | None = None,
        eventual: bool = False,
        timeout_s: float | None = None,
    ) -> AsyncIterator[Account]:
        """Yield accounts in the order of their ids: all, or those that the arguments tell.

        Args:
            prefix: Only those whose ids begin with this.
            code: Only those opened with this code. Not together with `label`.
            label: Only those with this label, a key and a value.
            at_least: The answer sees everything up to this position, and maybe no more.
            eventual: The answer may be served from whatever is nearest.
            timeout_s: For each page.
        """
        request = ledger.ListAccountsRequest(
            book=self.id,
            prefix=prefix,
            code=code,
            label=convert.label(label),
            consistency=convert.consistency(at_least=at_least, eventual=eventual),
        )
        calls = self._calls
        async for page in pages(calls, LIST_ACCOUNTS, request, key=self.id, timeout_s=timeout_s):
            for account in page.accounts:
                yield convert.account(account)

    async def get_transfer(
        self,
        id: str,  # noqa: A002
        *,
        at_least: str | None = None,
        eventual: bool = False,
        timeout_s: float | None = None,
    ) -> Transfer:
        """Return a transfer or what else `Transfer` describes, done or rejected.

        Raises `TransferNotFound` when there is none.
        """
        request = ledger.GetTransferRequest(
            book=self.id,
            id=id,
            consistency=convert.consistency(at_least=at_least, eventual=eventual),
        )
        answer = await self._calls.send(GET_TRANSFER, request, key=self.id, timeout_s=timeout_s)
        return convert.transfer(answer)

    async def list_transfers(
        self,
        *,
        account: str = "",
        prefix: str = "",
        code: str = "",
        label: tuple[str, str] | None = None,
        group: str = "",
        hold: str = "",
        reverses: str = "",
        rejected: bool = False,
        reason: Reason | None = None,
        since: datetime | None = None,
        before: datetime | None = None,
        at_least: str | None = None,
        eventual: bool = False,
        timeout_s: float | None = None,
    ) -> AsyncIterator[Transfer]:
        """Yield transfers, holds and what became of them, the newest first.

        Without a filter all of them, the rejected ones too. `since` and `before` go together with
        any of the others, of which at most one may be given.

        Args:
            account: Only those done that debit or credit this account.
            prefix: As `account`, for all accounts whose ids begin with this: at most 1,000
                accounts, else `PrefixTooWide`.
            code: Only those with this code.
            label: Only those with this label, a key and a value.
            group: Only holds created in this group, and what became of them.
            hold: Only what created and changed this hold.
            reverses: Only the reversals of this transfer, capture or leg.
            rejected: Only those rejected.
            reason: Only those rejected for this reason.
            since: Only those recorded at or after this time.
            before: Only those recorded before this time.
            at_least: The answer sees everything up to this position, and maybe no more.
            eventual: The answer may be served from whatever is nearest.
            timeout_s: For each page.
        """
        request = ledger.ListTransfersRequest(
            book=self.id,
            account=account,
            prefix=prefix,
            code=code,
            label=convert.label(label),
            group=group,
            hold=hold,
            reverses=reverses,
            outcome=convert.outcome_filter(rejected=rejected, reason=reason),
            from_record_time=optional_timestamp(since),
            to_record_time=optional_timestamp(before),
            consistency=convert.consistency(at_least=at_least, eventual=eventual),
        )
        calls = self._calls
        async for page in pages(calls, LIST_TRANSFERS, request, key=self.id, timeout_s=timeout_s):
            for transfer in page.transfers:
                yield convert.transfer(transfer)

    async def list_assets(
        self,
        *,
        at_least: str | None = None,
        eventual: bool = False,
        timeout_s: float | None = None,
    ) -> AsyncIterator[Asset]:
        """Yield the book's assets in the order of their ids."""
        request = books.ListAssetsRequest(
            book=self.id,
            consistency=convert.consistency(at_least=at_least, eventual=eventual),
        )
        calls = self._calls
        async for page in pages(calls, LIST_ASSETS, request, key=self.id, timeout_s=timeout_s):
            for asset in page.assets:
                yield convert.asset(asset)


def _not_open(book: str, account: str, as_of: AsOf | None) -> AccountNotFound:
    message = f"{account} is not open in the book {book}: open it first"
    if as_of is not None:
        message = f"{account} was not open then in the book {book}: read it as of a later moment"
    details = ErrorDetails(Reason.ACCOUNT_NOT_FOUND, {"book": book, "account": account})
    return AccountNotFound(message, grpc.StatusCode.NOT_FOUND, details)
