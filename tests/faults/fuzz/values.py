"""Values for the fields of requests: good ones by the field's name, and absurd ones."""

import random
import time
from collections import deque
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

BOOKS = ["fuzz-1", "fuzz-2"]
ACCOUNTS = ["world", "till", "users:1", "users:2", "users:2:savings", "stock:sku-7"]
GROUPS = ["g1", "g2", "g3"]
EPOCH_S = 1_700_000_000

HARSH = ("FreezeAccount", "CloseAccount", "ReopenAccount", "SetLimits")
"""Kinds that would soon have everything rejected, if they came to the accounts that all use."""

ABSURD_STRINGS = [
    *("", " ", "\x00", "a\x00b", "\n", "é", "٣", "\U0010ffff", "\ufeffa", "\u202eabc", "a" * 129),
    *("_leg:1:t", "_expiry:t", "_member:9999:t", "_leg:", "_", "-1", "+1", "007", "1e3", "0x1"),
    *(str(2**128 - 1), str(2**128), f"-{2**128}", "9" * 5_000, "1.5", "0." + "1" * 80, "nan"),
    *("'; DROP TABLE books; --", "%s%n", "{0}", "{x}", "$1", "\\", "a/b", "../x", "a" * 20_000),
    *("AAAA", "AQAAAAEAAAAAAAAAAQAAAAA", "W10", "bnVsbA", "W1tbW1tbW1tbW1s", "=", "_" * 300),
]
ABSURD_INTS = [0, 1, -1, 1_000, 1_001, 10**6, 2**31 - 1, -(2**31), 2**62, 2**63 - 1, -(2**63)]


class Values:
    """Makes values; remembers what the ledger gave out, so that later requests can refer to it."""

    def __init__(self, chance: random.Random, name: str):
        self.chance = chance
        self._name = name
        self._count = 0
        self.ids: deque[str] = deque(maxlen=400)
        self.holds: deque[str] = deque(maxlen=100)
        self.transfers: deque[str] = deque(maxlen=100)
        self.tokens: deque[str] = deque(maxlen=100)
        self.positions: deque[str] = deque(maxlen=100)

    def maybe(self, probability: float) -> bool:
        """Toss a coin."""
        return self.chance.random() < probability

    def good(self, field: FieldDescriptor) -> Any:
        """Return what a caller who means well could send in a field that is no message."""
        if field.enum_type is not None:
            return self.chance.choice([value.number for value in field.enum_type.values])
        if field.type == field.TYPE_BOOL:
            return self.maybe(0.3 if field.name == "linked" else 0.5)
        if field.type == field.TYPE_STRING:
            return self._good_string(field)
        return self.chance.choice([0, 1, 2, 2, 8, 50])

    def absurd(self, field: FieldDescriptor) -> Any:
        """Return what nobody should send."""
        if field.enum_type is not None:
            return self.chance.choice([-1, 99, 2**31 - 1, -(2**31), 0])
        if field.type == field.TYPE_BOOL:
            return self.maybe(0.5)
        if field.type == field.TYPE_STRING:
            return self._absurd_string()
        if field.type in (field.TYPE_INT32, field.TYPE_SINT32, field.TYPE_SFIXED32):
            return self.chance.choice([each for each in ABSURD_INTS if -(2**31) <= each < 2**31])
        return self.chance.choice(ABSURD_INTS)

    def seconds(self, *, past: bool) -> int:
        """Return a moment in seconds since the epoch, or a duration when it is small."""
        now = int(time.time())
        if past:
            return self.chance.choice([EPOCH_S, now - 86_400, now - 60, now - 1])
        return now + self.chance.choice([1, 2, 60, 86_400])

    def _good_string(self, field: FieldDescriptor) -> str:
        name, inside = field.name, field.containing_type.name
        if inside == "Command" and name == "id":
            return self._new_id()
        own = inside == "OpenAsset" or (inside == "OpenAccount" and name == "account")
        if own or (inside in HARSH and name == "account" and not self.maybe(0.02)):
            return f"{self._name}-{self.chance.randint(0, 40)}"
        return str(self.chance.choice(self._choices(name)))

    def _choices(self, name: str) -> Any:
        amounts = ["0", "1", "2", "5", "10", "250", str(10**20)]
        by_name: dict[str, Any] = {
            "book": BOOKS,
            "asset": ["USD", "USD", "USD", "EUR"],
            "group": GROUPS,
            "code": ["refund", "sale"],
            "key": ["k", "order"],
            "value": ["1", "0", "-20", "v"],
            "prefix": ["", "users:", "users:2", "w", "nothing"],
            "rate": ["1.5", "0.25", "3"],
            "min_balance": ["0", "-100", "-100000"],
            "max_balance": ["1000000", "500"],
            "max": ["50", "100000"],
            "page_token": self.tokens or [""],
        }
        if name.endswith("amount"):
            return amounts
        if name.endswith(("account", "accounts")):
            return ACCOUNTS
        if name in ("position", "last_position", "at_least"):
            return self.positions or [""]
        if name == "hold":
            return self.holds or ["nothing"]
        if name in ("transfer", "command", "reverses") and self.transfers:
            return self.transfers
        if name in ("id", "transfer", "command", "reverses"):
            return self.ids or ["t"]
        return by_name.get(name, ["some words"])

    def _new_id(self) -> str:
        if self.ids and self.maybe(0.1):
            return self.chance.choice(self.ids)
        self._count += 1
        id_ = f"{self._name}-{self._count}"
        self.ids.append(id_)
        return id_

    def _absurd_string(self) -> str:
        if self.maybe(0.7):
            return self.chance.choice(ABSURD_STRINGS)
        length = self.chance.choice([1, 3, 20, 127, 128])
        return "".join(chr(self._any_character()) for _ in range(length))

    def _any_character(self) -> int:
        highest = self.chance.choice([0x7F, 0x7F, 0xFF, 0xFFFF, 0x10FFFF])
        point = self.chance.randint(0, highest)
        return 0xFFFD if 0xD800 <= point <= 0xDFFF else point
