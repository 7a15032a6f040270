"""What a request begins with, and where its book belongs."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from yupana.ledger.v1 import ledger_service_pb2
from yupana_server.runtime.passed_on import CERTIFICATE_NAMES, PASSED_NAMES, headers
from yupana_server.runtime.passing import Passing, owner_of
from yupana_server.runtime.peeking import first_field
from yupana_server.runtime.place import Place


@pytest.mark.parametrize("length", [1, 127, 128, 129, 20_000])
def test_first_field_when_the_book_is_first_then_it_is_found(length: int) -> None:
    request = ledger_service_pb2.ExecuteRequest(book="b" * length)
    request.commands.add(id="t")
    assert first_field(request.SerializeToString()) == b"b" * length


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"\x12\x01b", b"\n\xff\xff\xff\xff\xff\xff", b"\n\x80"]
)
def test_first_field_when_there_is_none_then_none(data: bytes) -> None:
    assert not first_field(data)


def test_first_field_when_the_message_ends_early_then_what_there_is() -> None:
    assert first_field(b"\n\x05abc") == b"abc"


@pytest.mark.parametrize("count", [2, 4, 7])
def test_owner_when_there_are_many_books_then_they_are_spread_and_stay(count: int) -> None:
    books = [f"book-{number}".encode() for number in range(2_000)]
    owners = [owner_of(book, count=count) for book in books]
    assert owners == [owner_of(book, count=count) for book in books]
    found = Counter(owners)
    assert set(found) == set(range(count))
    assert max(found.values()) < 1.3 * len(books) / count


def test_owner_when_the_book_is_no_text_then_there_is_one() -> None:
    assert owner_of(b"\xff\xfe", count=3) in range(3)


@pytest.mark.parametrize("book", ["", "b" * 129, "b" * 1_000_000])
async def test_owner_when_it_cannot_be_a_book_then_whoever_gets_it_refuses_it(
    tmp_path: Path, book: str
) -> None:
    """Nothing is remembered of it, whatever callers send."""
    for index in range(3):
        passing = Passing(Place(index, 3, tmp_path, -1), calls_max=1, default_deadline_s=1.0)
        assert passing.owns(book)
        await passing.stop()


class Caller:
    """The context of a call with headers and a certificate."""

    def invocation_metadata(self) -> list[tuple[str, str | bytes]]:
        return [
            ("authorization", "Bearer t"),
            ("x-name", "é"),
            ("x-lines", "a\nb"),
            ("x-name-bin", b"\xe9"),
            ("user-agent", "grpc"),
            (PASSED_NAMES, b"spiffe://forged"),
        ]

    def auth_context(self) -> dict[str, list[bytes]]:
        return {CERTIFICATE_NAMES: [b"spiffe://own"]}


def test_headers_when_a_call_travels_on_then_those_that_grpc_sends_and_no_forged_name() -> None:
    context: Any = Caller()
    assert headers(context) == [
        ("authorization", "Bearer t"),
        ("x-name-bin", b"\xe9"),
        (PASSED_NAMES, b"spiffe://own"),
    ]
