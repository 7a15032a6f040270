"""What a subscriber is told, and from where on."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from support.feeds import Subscribe, failure, read_entries, subscribers
from support.processes import FeedProcess
from yupana import CommandError, Yupana
from yupana.book import BookClient
from yupana.feed.v1.event_filter_pb2 import DECIDED_DONE, DECIDED_REJECTED, EventFilter
from yupana.feed.v1.event_pb2 import ENTRY_KIND_OPEN_ACCOUNT, ENTRY_KIND_TRANSFER
from yupana.ledger.v1.error_reason_pb2 import ERROR_REASON_BELOW_MIN_BALANCE
from yupana_server.messages.tokens import encode_position

OPENED = 3
"""Entries that every book of the fixture begins with."""


@pytest.fixture
async def subscribe(feed: FeedProcess) -> AsyncIterator[Subscribe]:
    async with subscribers(feed.address) as make:
        yield make


@pytest.fixture
async def shop(book: BookClient) -> BookClient:
    """A book with two wallets, one of them poor."""
    await book.open_account("users:1:wallet", asset="USD")
    await book.open_account("users:2:wallet", asset="USD", min_balance=0, code="wallet")
    return book


async def _sell(book: BookClient, count: int, **options: object) -> None:
    for _ in range(count):
        await book.transfer(debit="world", credit="users:1:wallet", amount=5, **options)


async def _overdraw(book: BookClient) -> None:
    with pytest.raises(CommandError):
        await book.transfer(debit="users:2:wallet", credit="world", amount=5)


async def test_subscribe_from_the_beginning_when_entries_follow_then_all_come_in_order(
    shop: BookClient, subscribe: Subscribe
) -> None:
    await _sell(shop, 3)
    subscriber = subscribe(shop.id, from_beginning=True)
    events = await subscriber.count(OPENED + 5)
    await _sell(shop, 2)
    await subscriber.count(OPENED + 7)
    assert subscriber.seqs == list(range(1, OPENED + 8))
    last = events[-1]
    assert (last.type, last.kind) == ("yupana.transfer.posted", ENTRY_KIND_TRANSFER)
    assert last.position == subscriber.position
    assert last.transfer.credit_balances.balance == "25"
    assert last.transfer.debit_balances.balance == "-25"


async def test_subscribe_from_a_position_when_it_is_any_answers_then_goes_on_after_it(
    shop: BookClient, client: Yupana, subscribe: Subscribe
) -> None:
    before = await client.get_book(shop.id)
    await _sell(shop, 2)
    assert await subscribe(shop.id, position=before.position).seq(7) == [6, 7]
    first = subscribe(shop.id, from_beginning=True)
    await first.seq(7)
    again = subscribe(shop.id, position=first.events[5].position)
    assert await again.seq(7) == [7]


async def test_subscribe_when_no_start_is_given_then_only_what_is_new_comes(
    shop: BookClient, subscribe: Subscribe
) -> None:
    subscriber = subscribe(shop.id)
    await subscriber.read()  # Where it begins.
    assert (subscriber.events, subscriber.heartbeats) == ([], 1)
    await _sell(shop, 1)
    assert await subscriber.seq(6) == [6]


async def test_subscribe_from_a_time_when_entries_were_recorded_since_then_begins_with_them(
    shop: BookClient, feed: FeedProcess, subscribe: Subscribe
) -> None:
    every = (await read_entries(feed.address, shop.id)).events
    exactly = every[2].time
    assert await subscribe(shop.id, from_time=exactly).seq(5) == [3, 4, 5]
    later = every[2].time.ToDatetime(UTC) + timedelta(microseconds=1)
    page = await read_entries(feed.address, shop.id, from_time=later)
    assert [event.seq for event in page.events] == [4, 5]
    long_ago = await read_entries(feed.address, shop.id, from_time=datetime(2000, 1, 1, tzinfo=UTC))
    assert [event.seq for event in long_ago.events] == [1, 2, 3, 4, 5]


async def test_filters_when_given_then_only_what_fits_all_of_them_comes(
    shop: BookClient, feed: FeedProcess
) -> None:
    await _sell(shop, 2, code="sale")
    await _overdraw(shop)

    async def told(**conditions: object) -> list[int]:
        wanted = EventFilter(**conditions)  # type: ignore[arg-type]
        page = await read_entries(feed.address, shop.id, filter=wanted)
        return [event.seq for event in page.events]

    assert await told() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert await told(account_prefixes=["users:1"]) == [4, 6, 7]
    assert await told(account_prefixes=["users:2:", "nobody"]) == [5, 8]
    assert await told(account_prefixes=["world"]) == [3, 6, 7, 8]
    assert await told(kinds=[ENTRY_KIND_OPEN_ACCOUNT]) == [3, 4, 5]
    assert await told(codes=["sale", "wallet"]) == [5, 6, 7]
    assert await told(reasons=[ERROR_REASON_BELOW_MIN_BALANCE]) == [8]
    assert await told(decided=DECIDED_REJECTED) == [8]
    assert await told(decided=DECIDED_DONE, kinds=[ENTRY_KIND_TRANSFER]) == [6, 7]
    assert await told(account_prefixes=["users:1"], codes=["wallet"]) == []


async def test_heartbeats_when_nothing_fits_then_they_carry_the_position_onwards(
    shop: BookClient, subscribe: Subscribe
) -> None:
    none = EventFilter(codes=["never"])
    subscriber = subscribe(shop.id, filter=none, heartbeat=Duration(nanos=100_000_000))
    await subscriber.read()
    began = subscriber.position
    await _sell(shop, 2)
    await subscriber.until(lambda: subscriber.position != began)
    assert subscriber.events == []
    assert subscriber.position in {encode_position(shop.id, 1, seq) for seq in (6, 7)}
    await subscriber.until(lambda: subscriber.position == encode_position(shop.id, 1, 7))
    assert await subscribe(shop.id, position=began).seq(7) == [6, 7]


async def test_read_entries_when_paged_then_nothing_is_skipped_or_twice(
    shop: BookClient, feed: FeedProcess
) -> None:
    await _sell(shop, 6)
    seqs: list[int] = []
    page = await read_entries(feed.address, shop.id, page_size=4)
    while not page.caught_up:
        seqs += [event.seq for event in page.events]
        page = await read_entries(feed.address, shop.id, page_size=4, position=page.position)
    seqs += [event.seq for event in page.events]
    assert seqs == list(range(1, 12))
    end = await read_entries(feed.address, shop.id, position=page.position)
    assert (list(end.events), end.caught_up, end.position) == ([], True, page.position)
    await _sell(shop, 1)
    new = await read_entries(feed.address, shop.id, position=end.position)
    assert [event.seq for event in new.events] == [12]


async def test_requests_when_something_is_wrong_then_say_what(
    shop: BookClient, feed: FeedProcess, subscribe: Subscribe
) -> None:
    async def reason(**fields: object) -> tuple[grpc.StatusCode, str]:
        code, info = await subscribe(shop.id, **fields).error()
        assert info.domain == "yupana.dev"
        return code, info.reason.removeprefix("ERROR_REASON_")

    wrong = grpc.StatusCode.INVALID_ARGUMENT
    malformed = (wrong, "MALFORMED_REQUEST")
    assert await reason(position="nonsense") == (wrong, "INVALID_POSITION")
    beyond = encode_position(shop.id, 1, 1_000)
    assert await reason(position=beyond) == (wrong, "INVALID_POSITION")
    assert await reason(position=encode_position("other", 1, 1)) == (wrong, "INVALID_POSITION")
    changed = (grpc.StatusCode.FAILED_PRECONDITION, "EPOCH_CHANGED")
    assert await reason(position=encode_position(shop.id, 2, 1)) == changed
    assert await reason(from_beginning=False) == malformed
    assert await reason(heartbeat=Duration(seconds=61)) == malformed
    assert await reason(filter=EventFilter(account_prefixes=[""])) == malformed
    assert await reason(filter=EventFilter(kinds=[99])) == malformed  # type: ignore[list-item]
    assert await reason(filter=EventFilter(codes=["x"] * 101)) == malformed
    code, info = await failure(read_entries(feed.address, "no-such-book"))
    assert (code, info.reason) == (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_BOOK_NOT_FOUND")
    code, info = await failure(read_entries(feed.address, shop.id, page_size=-1))
    assert (code, info.reason) == (wrong, "ERROR_REASON_MALFORMED_REQUEST")


async def test_words_when_they_are_erased_then_no_event_tells_them_any_more(
    shop: BookClient, feed: FeedProcess, subscribe: Subscribe
) -> None:
    first = subscribe(shop.id, from_beginning=True)
    await first.seq(5)
    await _sell(shop, 1, id=f"{shop.id}-sale", description="a secret")
    told = (await first.count(6))[5]
    assert told.transfer.description == "a secret"
    page = await read_entries(feed.address, shop.id)
    assert page.events[5].transfer.description == "a secret"
    await shop.erase(f"{shop.id}-sale")
    assert await first.seq(7) == [1, 2, 3, 4, 5, 6, 7]
    again = subscribe(shop.id, from_beginning=True)
    assert await again.seq(7) == [1, 2, 3, 4, 5, 6, 7]
    assert again.events[5].transfer.description == ""
    page = await read_entries(feed.address, shop.id)
    assert page.events[5].transfer.description == ""
