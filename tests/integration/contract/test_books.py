"""Books and assets, and that books keep apart."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from support.contract import open_accounts, seq
from support.databases import Database
from support.processes import LedgerProcess
from yupana import BookNotFound, CallError, OpenAsset, OutcomeKind, Reason, Yupana
from yupana.book import BookClient
from yupana.ledger.v1 import book_service_pb2 as books

# Books and assets


async def test_create_book_when_there_already_then_it_is_returned_as_it_is(
    client: Yupana, book: BookClient
) -> None:
    created = await client.get_book(book.id)
    assert created.epoch == 1
    assert await client.create_book(book.id) == created

    name = f"{book.id}:many"
    made = await asyncio.gather(*(client.create_book(name) for _ in range(20)))
    assert len(set(made)) == 1
    assert seq(client.book(name), made[0].position) == 0


async def test_get_book_when_there_is_none_then_book_not_found(client: Yupana) -> None:
    with pytest.raises(BookNotFound):
        await client.get_book("nowhere")
    with pytest.raises(BookNotFound):
        await client.book("nowhere").transfer("a", "b", 1)


async def test_book_when_others_have_the_same_ids_then_they_are_apart(
    client: Yupana, book: BookClient
) -> None:
    other = client.book((await client.create_book(f"{book.id}:other")).id)
    await other.open_asset("USD", scale=3)
    await other.open_account("world", asset="USD")
    await open_accounts(book, "a")
    await open_accounts(other, "a")
    assert not (await book.transfer("world", "a", 1, id="t")).replayed
    assert not (await other.transfer("world", "a", 2, id="t")).replayed
    assert (await book.account("a")).balance == 1
    assert (await other.account("a")).balance == 2
    assert (await other.get_transfer("t")).amount == 2


async def test_list_books_is_in_the_order_of_ids_with_pages(
    client: Yupana, book_stub: Any, book: BookClient
) -> None:
    names = [f"{book.id}:{place}" for place in range(5)]
    for name in reversed(names):
        await client.create_book(name)
    listed = [found.id async for found in client.list_books()]
    assert listed == sorted(set(listed))
    assert {book.id, *names} <= set(listed)

    request, paged = books.ListBooksRequest(page_size=3), []
    while True:
        answer = await book_stub.ListBooks(request)
        paged += [found.id for found in answer.books]
        request.page_token = answer.next_page_token
        if not answer.next_page_token:
            break
        assert len(answer.books) == 3
    assert paged == listed


async def test_list_assets_is_in_the_order_of_ids_with_pages(
    book_stub: Any, book: BookClient
) -> None:
    for name, scale in (("USDT", 6), ("BTC", 8), ("a", 0), ("Z", 38)):
        await book.open_asset(name, scale=scale)
    listed = [asset async for asset in book.list_assets()]
    assert [(asset.id, asset.scale) for asset in listed] == [
        ("BTC", 8),
        ("EUR", 2),
        ("USD", 2),
        ("USDT", 6),
        ("Z", 38),
        ("a", 0),
    ]
    assert all(asset.created_at.year > 2000 for asset in listed)
    request, paged = books.ListAssetsRequest(book=book.id, page_size=2), []
    while not paged or request.page_token:
        answer = await book_stub.ListAssets(request)
        assert len(answer.assets) == 2
        paged += [asset.id for asset in answer.assets]
        request.page_token = answer.next_page_token
    assert paged == [asset.id for asset in listed]


async def test_open_asset_when_open_then_rejected_and_when_replayed_not(book: BookClient) -> None:
    assert (await book.open_asset("USD", scale=2)).replayed
    [rejected] = await book.execute([OpenAsset("USD", scale=2, id="other")])
    assert (rejected.kind, rejected.reason) == (OutcomeKind.REJECTED, Reason.ASSET_EXISTS)


async def test_books_when_more_are_written_than_there_are_connections_then_all_get_their_turn(
    database: Database, start_ledger: Callable[..., LedgerProcess]
) -> None:
    ledger = start_ledger(database)
    failed: list[str] = []
    async with Yupana(ledger.address, write_timeout_s=1.5) as client:
        for place in range(210):
            name = f"b{place}"
            try:
                await client.create_book(name)
                await client.book(name).open_asset("USD", scale=2)
            except CallError as error:
                failed.append(f"{name}: {error}")
                if len(failed) == 2:
                    break
    assert failed == []
