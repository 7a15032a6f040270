"""A handle on one book: its commands and reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from yupana import convert
from yupana.commands import (
    OPEN_ACCOUNT,
    OPEN_ASSET,
    Command,
    CreateTransfer,
    NormalSide,
    OpenAccount,
    OpenAsset,
)
from yupana.errors import AccountNotFound, CallError, ErrorDetails
from yupana.ids import derived_id, uuid7
from yupana.ledger.v1 import book_service_pb2 as books
from yupana.ledger.v1 import ledger_service_pb2 as ledger
from yupana.methods import (
    BATCH_GET_ACCOUNTS,
    EXECUTE,
    GET_TRANSFER,
    LIST_ACCOUNTS,
    LIST_ASSETS,
    LIST_TRANSFERS,
)
from yupana.paging import pages
from yupana.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from datetime import datetime

    from yupana.calls import Calls
    from yupana.outcomes import Outcome
    from yupana.records import Account, Asset, Transfer

MAX_OPENINGS = 10


class BookClient:
    """A handle on one book, from `Yupana.book`.

    Reads see every answer given before they began. They may ask for less: `at_least` a position, as
    outcomes carry it, or `eventual`, whatever is nearest. `timeout_s` of a list is for each page.
    """

    def __init__(self, calls: Calls, book: str) -> None:
        self.id = book
        self._calls = calls

    async def transfer(
        self,
        debit: str,
        credit: str,
        amount: int,
        *,
        asset: str = "",
        effective_at: datetime | None = None,
        labels: Mapping[str, str] | None = None,
        id: str | None = None,  # noqa: A002 - the contract's word
        timeout_s: float | None = None,
    ) -> Outcome:
        """Move an amount; raise `Rejected` or `Refused` when it was not.

        Idempotent by `id`, a new UUIDv7 unless given. To be sure that it happens once even if your
        process dies, make the id first (`uuid7()`) and store it.
        """
        command = CreateTransfer(
            debit,
            credit,
            amount,
            asset=asset,
            effective_at=effective_at,
            labels=labels or {},
            id=uuid7() if id is None else id,
        )
        return (await self._execute_one(command, timeout_s)).raise_for_reason()

    async def open_asset(
        self,
        asset: str,
        *,
        scale: int,
        id: str | None = None,  # noqa: A002
        timeout_s: float | None = None,
    ) -> Outcome:
        """Open an asset; raise `Rejected` or `Refused` when it was not.

        The id defaults to `open-asset:{asset}`: opening it again with the same scale is a replay,
        with another one `Refused` as ID_REUSED.
        """
        command = OpenAsset(
            asset, scale=scale, id=derived_id(OPEN_ASSET, asset) if id is None else id
        )
        return (await self._execute_one(command, timeout_s)).raise_for_reason()

    async def open_account(
        self,
        account: str,
        *,
        asset: str,
        normal_side: NormalSide = NormalSide.CREDIT,
        min_balance: int | None = None,
        max_balance: int | None = None,
        id: str | None = None,  # noqa: A002
        timeout_s: float | None = None,
    ) -> Outcome:
        """Open an account; raise `Rejected` or `Refused` when it was not.

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
                id=derived_id(OPEN_ACCOUNT, account, place) if id is None else id,
            )
            outcome = await self._execute_one(command, timeout_s)
            spent = outcome.replayed and outcome.reason is Reason.ASSET_NOT_FOUND
            if id is not None or not spent:
                break
        return outcome.raise_for_reason()

    async def _execute_one(self, command: Command, timeout_s: float | None) -> Outcome:
        return (await self.execute([command], timeout_s=timeout_s))[0]

    async def execute(
        self,
        commands: Iterable[Command],
        *,
        validate_only: bool = False,
        timeout_s: float | None = None,
    ) -> list[Outcome]:
        """Decide up to 10,000 commands in their order; return one outcome for each.

        Not all-or-nothing: see each outcome, or `linked` for commands that belong together.
        Idempotent by the commands' ids, also after an error. Raises `CallError` only when the whole
        call failed, with the commands' ids in `ids`.
        """
        commands = list(commands)
        if not commands:
            return []
        request = convert.execute_request(self.id, commands, validate_only=validate_only)
        try:
            answer = await self._calls.send(EXECUTE, request, key=self.id, timeout_s=timeout_s)
        except CallError as error:
            error.ids = tuple(command.id for command in commands)
            raise
        return [convert.outcome(outcome) for outcome in answer.outcomes]

    async def account(
        self,
        account: str,
        *,
        at_least: str | None = None,
        eventual: bool = False,
        timeout_s: float | None = None,
    ) -> Account:
        """Return an account; raise `AccountNotFound` when it is not open."""
        found = await self.accounts(
            [account], at_least=at_least, eventual=eventual, timeout_s=timeout_s
        )
        if account not in found:
            facts = {"book": self.id, "account": account}
            raise AccountNotFound(
                f"{account} is not open in the book {self.id}: open it first",
                grpc.StatusCode.NOT_FOUND,
                ErrorDetails(Reason.ACCOUNT_NOT_FOUND, facts),
            )
        return found[account]

    async def accounts(
        self,
        accounts: Sequence[str],
        *,
        at_least: str | None = None,
        eventual: bool = False,
        timeout_s: float | None = None,
    ) -> dict[str, Account]:
        """Return up to 1,000 accounts by id, read at one moment. Those not open are absent."""
        if not accounts:
            return {}
        request = ledger.BatchGetAccountsRequest(
            book=self.id,
            accounts=dict.fromkeys(accounts),
            consistency=convert.consistency(at_least=at_least, eventual=eventual),
        )
        answer = await self._calls.send(
            BATCH_GET_ACCOUNTS, request, key=self.id, timeout_s=timeout_s
        )
        return {message.id: convert.account(message) for message in answer.accounts}

    async def list_accounts(
        self,
        *,
        prefix: str = "",
        at_least: str | None = None,
        eventual: bool = False,
        timeout_s: float | None = None,
    ) -> AsyncIterator[Account]:
        """Yield the accounts whose ids begin with the prefix, in the order of their ids."""
        request = ledger.ListAccountsRequest(
            book=self.id,
            prefix=prefix,
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
        """Return a transfer, posted or rejected; raise `TransferNotFound` when there is none."""
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
        at_least: str | None = None,
        eventual: bool = False,
        timeout_s: float | None = None,
    ) -> AsyncIterator[Transfer]:
        """Yield the transfers, the newest first.

        Of an account only those posted; else all, the rejected ones too.
        """
        request = ledger.ListTransfersRequest(
            book=self.id,
            account=account,
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
