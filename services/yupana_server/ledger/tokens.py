"""Positions and page tokens: opaque outside, (epoch, seq) and (epoch, cursor) inside."""

import base64
import binascii
import json
import struct
import zlib
from typing import NamedTuple

from yupana_server.runtime.errors import CallError

_POSITION = struct.Struct(">BIQI")
_VERSION = 1


class Position(NamedTuple):
    """A point of a book's history."""

    epoch: int
    seq: int


def encode_position(book: str, epoch: int, seq: int) -> str:
    """Write a position; it is good for this book only."""
    packed = _POSITION.pack(_VERSION, epoch, seq, zlib.crc32(book.encode()))
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode_position(book: str, token: str) -> Position:
    """Read a position.

    Raises:
        CallError: INVALID_POSITION.
    """
    try:
        version, epoch, seq, check = _POSITION.unpack(_base64(token))
    except (ValueError, struct.error):
        raise _invalid_position() from None
    if version != _VERSION or check != zlib.crc32(book.encode()):
        raise _invalid_position()
    return Position(epoch, seq)


def encode_page_token(scope: str, epoch: int, cursor: str) -> str:
    """Write a page token; `scope` is everything else that the next call must repeat."""
    text = json.dumps([_VERSION, zlib.crc32(scope.encode()), epoch, cursor])
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode_page_token(scope: str, token: str) -> tuple[int, str]:
    """Read a page token as its epoch and cursor.

    Raises:
        CallError: INVALID_PAGE_TOKEN.
    """
    try:
        version, check, epoch, cursor = json.loads(_base64(token))
        if version == _VERSION and check == zlib.crc32(scope.encode()):
            return int(epoch), str(cursor)
    except (ValueError, TypeError, OverflowError, RecursionError):
        pass
    raise CallError(
        "INVALID_PAGE_TOKEN",
        "page_token is not one that this method gave out for the same arguments: "
        "begin again without one",
    )


def _base64(token: str) -> bytes:
    try:
        return base64.b64decode(
            token.encode("ascii") + b"=" * (-len(token) % 4), b"-_", validate=True
        )
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64") from error


def _invalid_position() -> CallError:
    return CallError("INVALID_POSITION", "this is not a position that was given out for this book")
