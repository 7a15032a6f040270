"""Ids of commands: UUIDv7 for what happens once, derived ones for what is opened once."""

import os
import threading
import time
from collections.abc import Callable
from hashlib import blake2b

ID_SIZE_BYTES = 128  # the contract's bound

_RANDOM_BITS = 74
_SEED_BYTES = 10
# Seeds leave the highest bit free, so that counting up within a millisecond cannot overflow.
_SEED_MASK = (1 << (_RANDOM_BITS - 1)) - 1
_LOW_BITS = 62


def uuid7() -> str:
    """Return a new UUIDv7 in canonical text form, greater than all before it in this process.

    Source: RFC 9562, section 5.7, with the monotonic random counter of section 6.2, method 2.
    """
    return _source.next()


def derived_id(kind: str, name: str, place: int = 1) -> str:
    """Return the id that stands for opening `name`: the same for the same arguments.

    `open-asset:USD`; from the second place on `open-asset:USD:2`. A name that is too long for an id
    with what is added is replaced by its hash.
    """
    suffix = "" if place == 1 else f":{place}"
    plain = f"{kind}:{name}{suffix}"
    if len(plain) <= ID_SIZE_BYTES:
        return plain
    return f"{kind}:{blake2b(name.encode(), digest_size=16).hexdigest()}{suffix}"


class UuidSource:
    """Makes UUIDv7: 48 bits of milliseconds, then 74 random bits, counted up within one.

    Counting up instead of drawing again costs a system call a millisecond instead of one an id.
    """

    def __init__(self, now_ms: Callable[[], int], random_bytes: Callable[[int], bytes]) -> None:
        self._now_ms = now_ms
        self._random_bytes = random_bytes
        self._lock = threading.Lock()
        self._last_ms = -1
        self._counter = 0

    def next(self) -> str:
        """Return the next id, also when the clock stands still or steps back."""
        with self._lock:
            now_ms = self._now_ms()
            if now_ms > self._last_ms:
                self._last_ms = now_ms
                self._counter = int.from_bytes(self._random_bytes(_SEED_BYTES)) & _SEED_MASK
            else:
                self._counter += 1
            return _text(self._last_ms, self._counter)


def _text(now_ms: int, counter: int) -> str:
    high, low = counter >> _LOW_BITS, counter & ((1 << _LOW_BITS) - 1)
    digits = f"{now_ms:012x}{0x7000 | high:04x}{(0b10 << _LOW_BITS) | low:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _start_over() -> None:
    """Begin a sequence of its own: a forked child must not count on from its parent's last id."""
    global _source  # noqa: PLW0603 - one sequence a process is what makes it monotonic
    _source = _new_source()


def _new_source() -> UuidSource:
    return UuidSource(lambda: time.time_ns() // 1_000_000, os.urandom)


_source = _new_source()
os.register_at_fork(after_in_child=_start_over)
