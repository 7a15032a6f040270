"""Rows of lists and statements: entries with their words, plain transfers each as one text.

See entry_lines.py for why: of 100 plain transfers this process reads a page in half the time.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from yupana_server.book.entries import Totals
from yupana_server.journal.entry_lines import COLUMNS, PLAIN, PLAIN_LINE, read_row
from yupana_server.journal.pieces import WORDS
from yupana_server.journal.points import TransferRow
from yupana_server.journal.rows import TEXTS

LISTED = f"""
    SELECT journal.seq, CASE WHEN {PLAIN} THEN {PLAIN_LINE} END,
        CASE WHEN NOT ({PLAIN}) THEN ARRAY[{", ".join(TEXTS)}] END, words.*
    FROM yupana.journal {WORDS} WHERE book = %(book)s
"""
"""Entries, each as its seq and a row as entry_lines.py has them; `read_listed` reads them."""

_AMOUNT, _CREDIT_ACCOUNT, _DEBIT_TOTALS, _CREDIT_TOTALS = map(
    COLUMNS.index,
    ("amount", "credit_account", "debit_debits_posted", "credit_debits_posted"),
)


class PlainRow(NamedTuple):
    """A plain posted transfer, which has no words."""

    columns: Sequence[str]
    """COLUMNS of entry_lines.py."""

    def change(self, account: str) -> int:
        """Return by how much it changed the balance of one of its accounts."""
        amount = int(self.columns[_AMOUNT])
        return amount if self.columns[_CREDIT_ACCOUNT] == account else -amount

    def totals(self, account: str) -> Totals:
        """Return the totals of one of its accounts after it."""
        credited = self.columns[_CREDIT_ACCOUNT] == account
        first = _CREDIT_TOTALS if credited else _DEBIT_TOTALS
        return Totals._make(map(int, self.columns[first : first + 4]))


ListedRow: TypeAlias = TransferRow | PlainRow


def read_listed(row: Sequence[Any]) -> ListedRow:
    """Read a row of LISTED."""
    line = row[1]
    return read_row(row[1:]).row if line is None else PlainRow(line.split("\t"))
