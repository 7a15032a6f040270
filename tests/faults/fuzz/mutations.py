"""Damages messages as bytes: what a broken or a hostile caller could put on the wire."""

import random
from collections.abc import Callable
from typing import TypeAlias

Way: TypeAlias = Callable[[bytes], bytes]

NO_TEXT = [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2"]
DEPTHS = [20, 99, 101, 1_000, 20_000]


def varint(value: int) -> bytes:
    """Encode a number as Protobuf does."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def delimited(number: int, payload: bytes) -> bytes:
    """Encode a field that says how long it is."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def fields_of(data: bytes) -> list[bytes]:
    """Cut a message into its fields; what cannot be read is the last piece."""
    pieces, at = [], 0
    while at < len(data):
        end = _end_of_field(data, at)
        pieces.append(data[at:end])
        at = end
    return pieces


def _end_of_field(data: bytes, at: int) -> int:
    tag, at = _read_varint(data, at)
    if tag & 7 == 0:
        at = _read_varint(data, at)[1]
    elif tag & 7 == 2:
        length, at = _read_varint(data, at)
        at += length
    else:
        at += {1: 8, 5: 4}.get(tag & 7, len(data))
    return min(at, len(data))


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    return value, at


class Mutations:
    """Damages messages, mostly at one place."""

    def __init__(self, chance: random.Random):
        self._chance = chance
        self._ways: list[Way] = [
            *(self._flip, self._truncate, self._insert, self._remove, self._splice),
            *(self._repeat, self._shuffle, self._huge_varint, self._nest, self._nest_groups),
            *(self._wrong_type, self._wrong_length, self._invalid_text, self._noise),
            *(self._unknown_field, self._twice, self._inside, self._inside, self._inside),
        ]
        self._last = b""

    def damage(self, data: bytes) -> bytes:
        """Return the message, damaged."""
        for _ in range(self._chance.choice([1, 1, 1, 2, 5])):
            data = self._chance.choice(self._ways)(data)
        self._last = data[:50_000]
        return data[:500_000]

    def _place(self, data: bytes) -> int:
        return self._chance.randint(0, len(data))

    def _flip(self, data: bytes) -> bytes:
        damaged = bytearray(data)
        for _ in range(self._chance.randint(1, 4)):
            if damaged:
                damaged[self._chance.randrange(len(damaged))] ^= 1 << self._chance.randrange(8)
        return bytes(damaged)

    def _truncate(self, data: bytes) -> bytes:
        return data[: self._place(data)]

    def _insert(self, data: bytes) -> bytes:
        place = self._place(data)
        return data[:place] + self._chance.randbytes(self._chance.randint(1, 9)) + data[place:]

    def _remove(self, data: bytes) -> bytes:
        place = self._place(data)
        return data[:place] + data[place + self._chance.randint(1, 9) :]

    def _splice(self, data: bytes) -> bytes:
        return data[: self._place(data)] + self._last[self._place(self._last) :]

    def _repeat(self, data: bytes) -> bytes:
        pieces = fields_of(data) or [b""]
        piece = self._chance.choice(pieces)
        return data + piece * self._chance.choice([1, 2, 100, 1_001, 10_001])

    def _shuffle(self, data: bytes) -> bytes:
        pieces = fields_of(data)
        self._chance.shuffle(pieces)
        return b"".join(pieces)

    def _huge_varint(self, data: bytes) -> bytes:
        number = self._chance.randint(1, 20)
        size = self._chance.choice([5, 9, 10, 11, 1_000])
        return data + varint(number << 3) + b"\xff" * size + b"\x01"

    def _nest(self, data: bytes) -> bytes:
        number = self._chance.randint(1, 20)
        for _ in range(self._chance.choice(DEPTHS[:3])):
            data = delimited(number, data)
        return data

    def _nest_groups(self, data: bytes) -> bytes:
        number, depth = self._chance.randint(1, 127), self._chance.choice(DEPTHS)
        ends = depth if self._chance.random() < 0.5 else depth // 2
        return data + varint(number << 3 | 3) * depth + varint(number << 3 | 4) * ends

    def _wrong_type(self, data: bytes) -> bytes:
        pieces = fields_of(data) or [b"\x08"]
        place = self._chance.randrange(len(pieces))
        piece = pieces[place] or b"\x08"
        pieces[place] = bytes([piece[0] & 0xF8 | self._chance.randrange(8)]) + piece[1:]
        return b"".join(pieces)

    def _wrong_length(self, data: bytes) -> bytes:
        length = self._chance.choice([2**31 - 1, 2**31, 2**32, 2**63, 2**64 - 1, len(data) + 1])
        return data + varint(self._chance.randint(1, 18) << 3 | 2) + varint(length) + b"x"

    def _invalid_text(self, data: bytes) -> bytes:
        text = self._chance.choice(
            [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2"]
        )
        return data + delimited(self._chance.randint(1, 14), text * self._chance.choice([1, 50]))

    def _noise(self, data: bytes) -> bytes:
        return self._chance.randbytes(self._chance.choice([0, 1, 2, 10, 100, 1_000]))

    def _unknown_field(self, data: bytes) -> bytes:
        number = self._chance.choice([19, 127, 19_000, 2**29 - 1])
        return data + delimited(number, self._chance.randbytes(self._chance.choice([0, 9, 5_000])))

    def _twice(self, data: bytes) -> bytes:
        return data + data

    def _inside(self, data: bytes) -> bytes:
        """Damage what is inside one of the fields, so that all around it stays in order."""
        pieces = fields_of(data)
        places = [place for place, piece in enumerate(pieces) if piece and piece[0] & 7 == 2]
        if not places:
            return self._flip(data)
        place = self._chance.choice(places)
        tag, at = _read_varint(pieces[place], 0)
        at = _read_varint(pieces[place], at)[1]
        inner = self._chance.choice(self._ways)(pieces[place][at:])
        pieces[place] = delimited(tag >> 3, inner)
        return b"".join(pieces)
