"""Opens assets and accounts, and tells what is there when that is not what was asked for."""

from dataclasses import replace

from yupana import (
    AccountNotFound,
    BookClient,
    CommandError,
    OpenAccount,
    Outcome,
    Reason,
)
from yupana_server.cli.terms import shown_window

OPEN_ALREADY = frozenset({Reason.ID_REUSED, Reason.ASSET_EXISTS, Reason.ACCOUNT_EXISTS})


async def open_asset(
    book: BookClient, asset: str, scale: int, *, timeout_s: float | None = None
) -> Outcome:
    """Open an asset.

    Raises:
        CommandError: It was not opened; when it is open in another way, the message says how.
    """
    try:
        return await book.open_asset(asset, scale=scale, timeout_s=timeout_s)
    except CommandError as error:
        if error.reason not in OPEN_ALREADY:
            raise
        async for found in book.list_assets():
            if found.id == asset:
                message = f"{asset} is open already, with scale {found.scale}"
                raise _told(error, message) from error
        raise


async def open_account(book: BookClient, wanted: OpenAccount) -> Outcome:
    """Open an account under the id that is derived from its name.

    Raises:
        CommandError: It was not opened; when it is open in another way, the message says how.
    """
    try:
        return await book.open_account(
            wanted.account,
            asset=wanted.asset,
            normal_side=wanted.normal_side,
            min_balance=wanted.min_balance,
            max_balance=wanted.max_balance,
            windows=wanted.windows,
            code=wanted.code,
            labels=wanted.labels,
        )
    except CommandError as error:
        if error.reason is Reason.ASSET_NOT_FOUND:
            message = (
                f"the asset {wanted.asset} is not open in {book.id}: open the asset, then run this "
                f"again: yupana book open-asset {book.id} {wanted.asset} --scale 2"
            )
            raise _told(error, message) from error
        if error.reason not in OPEN_ALREADY:
            raise
        raise _told(error, await _facts(book, wanted.account, error.message)) from error


async def _facts(book: BookClient, account: str, otherwise: str) -> str:
    try:
        found = await book.account(account)
    except AccountNotFound:
        return otherwise  # The id was spent on something else.
    floor = "no floor" if found.min_balance is None else f"floor {found.min_balance}"
    ceiling = "no ceiling" if found.max_balance is None else f"ceiling {found.max_balance}"
    more = [shown_window(usage.limit) for usage in found.windows]
    if found.code:
        more.append(f"code {found.code}")
    facts = ", ".join((f"side {found.normal_side.value}", floor, ceiling, *more))
    return f"{account} is open already, with asset {found.asset}, {facts}"


def _told(error: CommandError, message: str) -> CommandError:
    return type(error)(replace(error.outcome, message=message))
