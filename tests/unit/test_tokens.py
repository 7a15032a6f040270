"""Positions and page tokens."""

import base64
import json
import zlib

import pytest

from yupana_server.messages.tokens import (
    Position,
    decode_page_token,
    decode_position,
    encode_page_token,
    encode_position,
)
from yupana_server.runtime.errors import CallError

GARBAGE = [
    "",
    "A",
    "AA",
    "====",
    "not a token",
    "nulls\x00inside",
    "naïve",
    "٣",
    "\U0001f600",
    "*" * 23,
    "A" * 100_000,
    "-_-_-_-_-_-_-_-_-_-_-_-",
    base64.urlsafe_b64encode(b'[1,2,3,"x"]').decode(),
    base64.urlsafe_b64encode(b"null").decode(),
    base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    base64.urlsafe_b64encode(b"9" * 10_000).decode(),
    base64.urlsafe_b64encode(b'{"a":1,"b":2,"c":3,"d":4}').decode(),
    base64.urlsafe_b64encode(b"\xff\xfe\xfd").decode(),
]


@pytest.mark.parametrize(
    ("epoch", "seq"), [(1, 0), (1, 1), (7, 2**32), (2**31 - 1, 2**63 - 1), (1, 62), (1, 63)]
)
def test_position_when_decoded_for_its_book_then_is_what_it_was(epoch: int, seq: int) -> None:
    token = encode_position("shop", epoch, seq)
    assert decode_position("shop", token) == Position(epoch, seq)
    assert token.isascii()
    assert "=" not in token
    assert decode_position("shop", token + "=" * (-len(token) % 4)) == Position(epoch, seq)


def test_position_when_different_then_tokens_differ() -> None:
    tokens = {encode_position(b, e, s) for b in ("a", "b") for e in (1, 2) for s in (1, 2)}
    assert len(tokens) == 8


@pytest.mark.parametrize("token", GARBAGE)
def test_position_when_garbage_then_invalid_position(token: str) -> None:
    assert position_error("shop", token).reason == "INVALID_POSITION"


def test_position_when_cut_or_longer_then_invalid_position() -> None:
    token = encode_position("shop", 1, 42)
    for wrong in [token[:length] for length in range(len(token))] + [token + "A", token + "AAAA"]:
        assert position_error("shop", wrong).reason == "INVALID_POSITION"


def test_position_when_of_another_book_or_version_then_invalid_position() -> None:
    token = encode_position("shop", 1, 42)
    assert position_error("shop2", token).reason == "INVALID_POSITION"
    packed = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    packed[0] = 2
    newer = base64.urlsafe_b64encode(packed).decode()
    assert position_error("shop", newer).reason == "INVALID_POSITION"


@pytest.mark.parametrize("cursor", ["", "users:42", "9223372036854775807", 'quote " ☃'])
def test_page_token_when_decoded_for_its_scope_then_is_what_it_was(cursor: str) -> None:
    token = encode_page_token("accounts shop users:", 3, cursor)
    assert decode_page_token("accounts shop users:", token) == (3, cursor)
    assert token.isascii()


@pytest.mark.parametrize("token", [token for token in GARBAGE if token])
def test_page_token_when_garbage_then_invalid_page_token(token: str) -> None:
    assert page_token_error("scope", token).reason == "INVALID_PAGE_TOKEN"


def test_page_token_when_cut_or_of_another_scope_then_invalid_page_token() -> None:
    token = encode_page_token("accounts shop ", 1, "users:42")
    for length in range(1, len(token)):
        assert page_token_error("accounts shop ", token[:length]).reason == "INVALID_PAGE_TOKEN"
    for scope in ("accounts shop users:", "accounts shop2 ", "transfers shop ", ""):
        assert page_token_error(scope, token).reason == "INVALID_PAGE_TOKEN"


def test_tokens_when_taken_for_each_other_then_invalid() -> None:
    position, page = encode_position("shop", 1, 42), encode_page_token("shop", 1, "42")
    assert position_error("shop", page).reason == "INVALID_POSITION"
    assert page_token_error("shop", position).reason == "INVALID_PAGE_TOKEN"


@pytest.mark.parametrize(
    "content",
    [
        '[2,{check},1,"x"]',
        '[1,0,1,"x"]',
        '[1,{check},"one","x"]',
        '[1,{check},null,"x"]',
        '[1,{check},NaN,"x"]',
        "[1,{check},1]",
        '[1,{check},Infinity,"x"]',
    ],
)
def test_page_token_when_forged_then_invalid_page_token(content: str) -> None:
    text = content.replace("{check}", str(zlib.crc32(b"scope")))
    token = base64.urlsafe_b64encode(text.encode()).decode()
    assert page_token_error("scope", token).reason == "INVALID_PAGE_TOKEN"


def test_page_token_holds_no_more_than_json_of_small_size() -> None:
    token = encode_page_token("s" * 1000, 1, "a" * 128)
    padded = token + "=" * (-len(token) % 4)
    assert json.loads(base64.urlsafe_b64decode(padded))[3] == "a" * 128
    assert len(token) < 300


def position_error(book: str, token: str) -> CallError:
    with pytest.raises(CallError) as caught:
        decode_position(book, token)
    return caught.value


def page_token_error(scope: str, token: str) -> CallError:
    with pytest.raises(CallError) as caught:
        decode_page_token(scope, token)
    return caught.value
