"""The bounds of the contract: what an id, an amount and a batch can be at most."""

import re

AMOUNT_MAX = 2**128 - 1
"""The largest amount, and the largest that any total of an account can get."""

ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@+~-]{0,127}", re.ASCII)
"""What ids and label keys look like. Ids of our own begin with `_`, so they can never collide."""

ACCOUNT_PREFIX_PATTERN = re.compile(r"[A-Za-z0-9_.:@+~-]{0,128}", re.ASCII)

INTERNAL_ID_PATTERN = re.compile(
    r"_(?:(?:leg|member):[0-9]{1,4}|expiry):[A-Za-z0-9_.:@+~-]{1,128}", re.ASCII
)
"""What the ledger calls entries of its own that a caller may name."""

COMMANDS_PER_REQUEST_MAX = 10_000
"""Legs of payments count as one each, the resolution of a group as GROUP_HOLDS_MAX."""

CHAIN_LENGTH_MAX = 1_000
ACCOUNTS_PER_READ_MAX = 1_000

LABELS_MAX = 16
LABEL_VALUE_BYTES_MAX = 512
DESCRIPTION_BYTES_MAX = 1_024
REFERENCE_BYTES_MAX = 256

CONDITIONS_MAX = 16
LEGS_MAX = 256
GROUP_HOLDS_MAX = 1_000

TIMEOUT_MAX_US = 3_660 * 86_400 * 1_000_000
"""Ten years: a hold for longer than that needs no deadline."""

WINDOWS_MAX = 8
WINDOW_SLOTS = 60
"""Into how many slots the length of a window is cut."""
WINDOW_LENGTH_MIN_S = 60
WINDOW_LENGTH_MAX_S = 366 * 86_400

RATE_PATTERN = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII)
RATE_CHARS_MAX = 65

SCALE_MAX = 38
"""A scale of 39 would leave no digit before the point of the largest amount."""

EFFECTIVE_AT_MIN = -62_135_596_800_000_000
"""The first moment of year 1, where the Protobuf timestamp begins."""
