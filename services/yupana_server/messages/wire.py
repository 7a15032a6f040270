"""Pieces of serialized messages, put together as text: one character a byte.

For the few shapes that nearly everything has which leaves: made as messages and serialized, they
take three to five times as long. Ids and numbers are ASCII. A tag is the number of a field times 8,
plus 2 where a length follows.
"""


def _seven_bits(number: int) -> str:
    """Write seven bits a character, the lowest first."""
    pieces = []
    while number >= 0x80:
        pieces.append(chr(number & 0x7F | 0x80))
        number >>= 7
    return "".join(pieces) + chr(number)


SIZE = tuple(map(_seven_bits, range(1 << 14)))
"""Lengths of what is bounded: a dozen ids of 128 bytes and as many numbers of 39 digits."""

_LOW = tuple(chr(n & 0x7F | 0x80) + chr(n >> 7 | 0x80) for n in range(1 << 14))
"""The lowest 14 bits of a number that has more."""


def varint(number: int) -> str:
    """Write a number as Protobuf does."""
    if number < 1 << 14:
        return SIZE[number]
    if number < 1 << 28:
        return _LOW[number & 0x3FFF] + SIZE[number >> 14]
    return _LOW[number & 0x3FFF] + _LOW[number >> 14 & 0x3FFF] + varint(number >> 28)


def text(tag: str, value: str) -> str:
    """Write a field that has a length."""
    return f"{tag}{SIZE[len(value)]}{value}"


class Times:
    """Writes Timestamps; what follows each other is mostly of the same batch or second."""

    def __init__(self) -> None:
        self._micros = 0
        self._text = ""
        self._second = 0
        self._second_text = ""

    def write(self, micros: int) -> str:
        """Write microseconds since the Unix epoch."""
        if micros != self._micros:
            self._micros, self._text = micros, self._write(micros)
        return self._text

    def _write(self, micros: int) -> str:
        second, rest = divmod(micros, 1_000_000)
        if second != self._second:
            # A timestamp before 1970 is a negative number, which takes ten bytes.
            self._second, self._second_text = second, "\x08" + varint(second % 2**64)
        if not second:
            return f"\x10{varint(rest * 1000)}" if rest else ""
        return f"{self._second_text}\x10{varint(rest * 1000)}" if rest else self._second_text


def balances(debited: int, credited: int, debiting: int, crediting: int) -> str:
    """Write Balances from an account's totals: posted debits and credits, then pending ones."""
    out, into, reserved, expected = str(debited), str(credited), str(debiting), str(crediting)
    rest, free = str(credited - debited), str(credited - debited - debiting)
    return (
        f"\n{SIZE[len(out)]}{out}\x12{SIZE[len(into)]}{into}"
        f"\x1a{SIZE[len(reserved)]}{reserved}\x22{SIZE[len(expected)]}{expected}"
        f"*{SIZE[len(rest)]}{rest}2{SIZE[len(free)]}{free}"
    )


def posted_outcome(id_: str, amount: str, position: str, time: str) -> str:
    """Write the Outcome of a posted transfer."""
    return (
        f"\n{SIZE[len(id_)]}{id_}\x12{SIZE[len(amount) + 2]}\n{SIZE[len(amount)]}{amount}"
        f"B{SIZE[len(position)]}{position}J{SIZE[len(time)]}{time}"
    )
