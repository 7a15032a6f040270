"""The bounds of the contract: what an id, an amount and a batch can be at most."""

import re

AMOUNT_MAX = 2**128 - 1
"""The largest amount, and the largest that any total of an account can get."""

ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@+~-]{0,127}", re.ASCII)
"""What ids and label keys look like. Ids of our own begin with `_`, so they can never collide."""

ACCOUNT_PREFIX_PATTERN = re.compile(r"[A-Za-z0-9_.:@+~-]{0,128}", re.ASCII)

COMMANDS_PER_REQUEST_MAX = 10_000
CHAIN_LENGTH_MAX = 1_000
ACCOUNTS_PER_READ_MAX = 1_000

LABELS_MAX = 16
LABEL_VALUE_BYTES_MAX = 512

SCALE_MAX = 38
"""A scale of 39 would leave no digit before the point of the largest amount."""

EFFECTIVE_AT_MIN = -62_135_596_800_000_000
"""The first moment of year 1, where the Protobuf timestamp begins."""
