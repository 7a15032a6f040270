"""Positions and page tokens: opaque outside, (epoch, seq) and (epoch, cursor) inside."""

import base64
import binascii
import json
import re
import string
import struct
import zlib
from functools import lru_cache
from typing import NamedTuple

from yupana_server.book.bounds import ID_PATTERN
from yupana_server.journal.points import BookRow
from yupana_server.runtime.errors import CallError

_POSITION = struct.Struct(">BIQI")
TOKEN_VERSION = 1
SEQ_MAX = 2**63 - 1
_ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
_PAIRS = [one + other for one in _ALPHABET for other in _ALPHABET]
_NUMBER = re.compile("-?[0-9]{1,60}", re.ASCII)


class Position(NamedTuple):
    """A point of a book's history."""

    epoch: int
    seq: int


class Positions:
    """Writes the positions of one book.

    Six bits are a character. The first 12 of the 23 characters stand for the epoch and the upper
    half of a seq: they stay the same for long. The last two bits share a character with the check,
    which fills the rest.
    """

    def __init__(self, book: str):
        self._check = zlib.crc32(book.encode())
        self._epoch = self._upper = -1
        self._head = ""
        self._ends = [self._write(0, low)[17:] for low in range(4)]

    def at(self, epoch: int, seq: int) -> str:
        """Write a position."""
        upper = seq >> 32
        if upper != self._upper or epoch != self._epoch:
            self._head, self._upper, self._epoch = self._write(epoch, seq)[:12], upper, epoch
        high, low = _PAIRS[seq >> 20 & 0xFFF], _PAIRS[seq >> 8 & 0xFFF]
        return f"{self._head}{high}{low}{_ALPHABET[seq >> 2 & 0x3F]}{self._ends[seq & 3]}"

    def _write(self, epoch: int, seq: int) -> str:
        packed = _POSITION.pack(TOKEN_VERSION, epoch, seq, self._check)
        return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


@lru_cache(maxsize=4_096)
def positions(book: str) -> Positions:
    """Return what writes the positions of a book."""
    return Positions(book)


def encode_position(book: str, epoch: int, seq: int) -> str:
    """Write a position; it is good for this book only."""
    return positions(book).at(epoch, seq)


def decode_position(book: str, token: str) -> Position:
    """Read a position.

    Raises:
        CallError: INVALID_POSITION.
    """
    try:
        version, epoch, seq, check = _POSITION.unpack(_base64(token))
    except (ValueError, struct.error):
        raise _invalid_position() from None
    if version != TOKEN_VERSION or check != zlib.crc32(book.encode()):
        raise _invalid_position()
    return Position(epoch, seq)


def encode_page_token(scope: str, epoch: int, cursor: str) -> str:
    """Write a page token; `scope` is everything else that the next call must repeat."""
    text = json.dumps([TOKEN_VERSION, zlib.crc32(scope.encode()), epoch, cursor])
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode_page_token(scope: str, token: str) -> tuple[int, str]:
    """Read a page token as its epoch and cursor.

    Raises:
        CallError: INVALID_PAGE_TOKEN.
    """
    try:
        version, check, epoch, cursor = json.loads(_base64(token))
        if version == TOKEN_VERSION and check == zlib.crc32(scope.encode()):
            return int(epoch), str(cursor)
    except (ValueError, TypeError, OverflowError, RecursionError):
        pass
    raise _invalid_page_token()


class PageScope:
    """The list that a page belongs to: everything that the call for the next page must repeat."""

    def __init__(self, scope: str, book: BookRow | None):
        """Take what else the call repeats, and the book; lists of books have none."""
        self._scope = scope if book is None else f"{book.id} {scope}"
        self._book = book

    def write(self, cursor: str) -> str:
        """Write the token of the page that follows the cursor."""
        return encode_page_token(self._scope, self._epoch, cursor)

    @property
    def _epoch(self) -> int:
        return 0 if self._book is None else self._book.epoch

    def read_id(self, token: str) -> str:
        """Return the id that the page follows; the first page follows the empty one.

        Raises:
            CallError: INVALID_PAGE_TOKEN or EPOCH_CHANGED.
        """
        cursor = self._read(token) if token else ""
        if token and ID_PATTERN.fullmatch(cursor) is None:
            raise _invalid_page_token()
        return cursor

    def read_seq(self, token: str) -> int:
        """Return the seq that the page comes before; the first page comes before none.

        Raises:
            CallError: INVALID_PAGE_TOKEN or EPOCH_CHANGED.
        """
        if not token:
            return SEQ_MAX
        cursor = self._read(token)
        if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 19):
            raise _invalid_page_token()
        return min(int(cursor), SEQ_MAX)

    def read_numbers(self, token: str, count: int) -> list[int]:
        """Return the whole numbers that make the cursor, written with commas between.

        Raises:
            CallError: INVALID_PAGE_TOKEN or EPOCH_CHANGED.
        """
        numbers = self._read(token).split(",")
        if len(numbers) != count or not all(map(_NUMBER.fullmatch, numbers)):
            raise _invalid_page_token()
        return [int(number) for number in numbers]

    def _read(self, token: str) -> str:
        epoch, cursor = decode_page_token(self._scope, token)
        if self._book is not None and epoch != self._epoch:
            raise epoch_changed("page_token", epoch, self._book)
        return cursor


def epoch_changed(what: str, epoch: int, book: BookRow, *, seq: int = SEQ_MAX) -> CallError:
    """R9: return the error of a token of another epoch than the book's.

    What follows the journal has read up to `seq`: it goes on from there at the latest.
    """
    metadata = {"epoch": str(book.epoch)}
    common = book.last_common(epoch)
    if common is not None:
        common = min(common, seq)
        metadata["last_common_position"] = encode_position(book.id, book.epoch, common)
    return CallError(
        "EPOCH_CHANGED",
        f"{what} is of epoch {epoch}, the book is in epoch {book.epoch}: its history was cut; what "
        "came after last_common_position may be gone: begin again without it",
        metadata=metadata,
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


def _invalid_page_token() -> CallError:
    return CallError(
        "INVALID_PAGE_TOKEN",
        "page_token is not one that this method gave out for the same arguments: "
        "begin again without one",
    )
