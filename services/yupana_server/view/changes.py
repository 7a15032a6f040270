"""What a page of entries changes in a view."""

from yupana_server.book.commands import Kind
from yupana_server.book.entries import Entry
from yupana_server.book.evolve import facts_of, read_usage, usage_of
from yupana_server.journal.view_rows import Movement, ViewPage
from yupana_server.view.values import NO_TOTALS, Value, write_facts, write_usage


def changes_of(page: ViewPage) -> dict[str, Value]:
    """Return what changed of each account that a page is about; what did not is left empty."""
    moved = {movement.account: movement for movement in page.movements}
    told = {entry.account or "": entry for entry in page.facts}
    opened = {entry.account for entry in page.facts if entry.kind == Kind.OPEN_ACCOUNT}
    changes = {account: _moved(movement) for account, movement in moved.items()}
    for account, entry in told.items():
        change = changes.get(account, Value(0, "", NO_TOTALS if account in opened else "", ""))
        changes[account] = _told(entry, change)
    return changes


def _moved(movement: Movement) -> Value:
    usage = "" if movement.usage is None else write_usage(read_usage(movement.usage) or ())
    return Value(movement.seq, "", movement.totals, usage)


def _told(entry: Entry, change: Value) -> Value:
    """Add the facts that an entry sets. What is used of windows says whichever entry is newer."""
    newer = entry.seq > change.seq
    return Value(
        max(entry.seq, change.seq),
        write_facts(facts_of(entry)),
        change.totals,
        write_usage(usage_of(entry)) if newer or not change.usage else change.usage,
    )
