"""Pieces of SQL that several statements share."""

from yupana_server.book.commands import Kind

TAIL = """
    coalesce((
        SELECT seq FROM yupana.journal WHERE book = %(book)s ORDER BY seq DESC LIMIT 1
    ), 0)
"""
"""The newest seq of a book; 0 when it has none."""


# OFFSET 0 keeps the words from being joined in another way than one look for each entry.
WORDS = """
    LEFT JOIN LATERAL (
        SELECT l.labels, l.description, l.reference FROM yupana.labels l
        WHERE l.book = journal.book AND l.seq = journal.seq AND journal.sealed_labels IS NOT NULL
        OFFSET 0
    ) words ON true
"""
"""Joins entries of the journal with their words, which `TransferRow.read` reads."""


def moment(parameter: str) -> str:
    """Return the timestamptz of a parameter in microseconds since the Unix epoch."""
    return f"('epoch'::timestamptz + %({parameter})s * interval '1 us')"


def micros(column: str) -> str:
    """Return a timestamptz in microseconds since the Unix epoch."""
    return f"(extract(epoch FROM {column}) * 1000000)::bigint"


def _kinds(*kinds: Kind) -> str:
    return ", ".join(str(int(kind)) for kind in kinds)


LISTED_KINDS = _kinds(
    Kind.TRANSFER,
    Kind.HOLD,
    Kind.CAPTURE,
    Kind.RELEASE,
    Kind.HOLD_UPDATE,
    Kind.EXPIRY,
    Kind.REVERSAL,
    Kind.PAYMENT,
    Kind.LEG,
)
"""What is listed as transfers. Indexes name the same kinds: see the migrations."""

POSTED_KINDS = _kinds(Kind.TRANSFER, Kind.CAPTURE, Kind.REVERSAL, Kind.LEG)
"""What changes posted totals, by its amount."""
