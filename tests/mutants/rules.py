"""The rules R1 to R14, each broken in one place or several.

A mutant replaces `old` by `new` in one file of the services; one of the tests that `tests` selects
has to fail then. tests/unit/test_mutants.py sees to it that every `old` is still there.
"""

from typing import NamedTuple

MEMORY = "tests/integration/test_memory.py"
WRITER = "tests/integration/test_writer.py"
IDS = "tests/integration/test_ids.py"
BRIEF = "tests/integration/test_brief.py"
RULES = "tests/faults/test_rules.py"
UNKNOWN = "tests/faults/test_unknown_commits.py"
EPOCHS = "tests/faults/test_epochs.py"
GOLDEN = "tests/unit/test_golden.py"
VIEW = "tests/integration/view/test_reads.py"
SHAKEN_VIEW = "tests/integration/view/test_shaken.py"


class Mutant(NamedTuple):
    """A rule that is broken."""

    rule: str
    what: str
    """What the services no longer do."""
    file: str
    """Below services/yupana_server."""
    old: str
    """Stands there exactly once."""
    new: str
    tests: str
    """A file of tests."""


MUTANTS = (
    Mutant(
        "r1",
        "hold the tail against memory before an append",
        "ledger/recorder.py",
        "if not others or _link(others[0]) != asked:",
        "if not others:",
        RULES,
    ),
    Mutant(
        "r1",
        "notice a journal that became shorter when they load",
        "ledger/memory.py",
        "if loaded_seq < seen.seq:",
        "if False:",
        WRITER,
    ),
    Mutant(
        "r1",
        "look up again what was looked up in another history",
        "ledger/memory.py",
        "if submission.checked_in not in (None, self.history):",
        "if False:",
        WRITER,
    ),
    Mutant(
        "r1",
        "hold entries of others against the chain of hashes",
        "ledger/memory.py",
        "if chain_hash(self.link.hash, text) != digest:",
        "if False:",
        MEMORY,
    ),
    Mutant(
        "r1",
        "hold a projection against the journal",
        "journal/marks.py",
        "WHERE j.book = p.book AND j.seq = p.seq AND j.hash = p.hash",
        "WHERE j.book = p.book",
        "tests/integration/projections/test_exactness.py",
    ),
    Mutant(
        "r2",
        "wait for the tail when what they load is ahead",
        "ledger/memory.py",
        "return loaded_seq <= self.base.seq",
        "return True",
        WRITER,
    ),
    Mutant(
        "r2",
        "leave out what was loaded before others wrote",
        "ledger/memory.py",
        "        if loaded.seq >= self._loads_valid_from:\n            kept =",
        "        if True:\n            kept =",
        MEMORY,
    ),
    Mutant(
        "r3",
        "take a warning at commit for an unknown outcome",
        "journal/append.py",
        "        if self._warnings:\n",
        "        if False:\n",
        UNKNOWN,
    ),
    Mutant(
        "r3",
        "say that an outcome is unknown",
        "ledger/recorder.py",
        "submission.unknown = True",
        "submission.unknown = False",
        UNKNOWN,
    ),
    Mutant(
        "r3",
        "prove that entries of others have reached the standby",
        "ledger/recorder.py",
        "elif self._memory.confirmed_seq < batch.layer.seq:",
        "elif False:",
        UNKNOWN,
    ),
    Mutant(
        "r3",
        "know their own entry after a lost answer",
        "ledger/batch.py",
        "return self._unanswered.pop(entry.id, None) == entry",
        "return False",
        UNKNOWN,
    ),
    Mutant(
        "r4",
        "take a broken key for a conflict",
        "journal/append.py",
        '_TRY_AGAIN = {"23505", "40P01", "40001"}',
        '_TRY_AGAIN = {"40P01", "40001"}',
        RULES,
    ),
    Mutant(
        "r1",
        "hold the entry before against memory in a brief append",
        "journal/brief.py",
        "AND hash = {_place('previous')})",
        ")",
        BRIEF,
    ),
    Mutant(
        "r3",
        "wait for a brief append that may come late before they answer without an entry",
        "ledger/recorder.py",
        "if not batch.entries and asyncio.get_running_loop().time() < self._stray_until:",
        "if False:",
        BRIEF,
    ),
    Mutant(
        "r4",
        "record nothing by a brief append when others were first",
        "journal/brief.py",
        "AND seq = {_place('seq')}) ",
        "AND seq = 0) ",
        BRIEF,
    ),
    Mutant(
        "r8",
        "look in a brief append how long ago it was decided",
        "journal/brief.py",
        "AND clock_timestamp() BETWEEN {decided} - {skew} AND {decided} + {age} ",
        "AND {decided} <= {sent} + {age} ",
        BRIEF,
    ),
    Mutant(
        "r8",
        "compare the clocks in a brief append",
        "journal/brief.py",
        "AND statement_timestamp() BETWEEN {sent} - {skew} AND {sent} + {skew}",
        "AND {sent} IS NOT NULL",
        BRIEF,
    ),
    Mutant(
        "r9",
        "look at the epoch in a brief append",
        "journal/brief.py",
        "AND epoch = {_place('epoch')}) ",
        ") ",
        BRIEF,
    ),
    Mutant(
        "r4",
        "decide again on entries of others",
        "ledger/recorder.py",
        "if batch.obsolete or self._misdated(batch) or not batch.continues(memory.base):",
        "if self._misdated(batch):",
        WRITER,
    ),
    Mutant(
        "r5",
        "end the append of a writer that hangs",
        "journal/upkeep.py",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity",
        "SELECT pid FROM pg_stat_activity",
        RULES,
    ),
    Mutant(
        "r6",
        "bisect a batch that the database refuses",
        "ledger/recorder.py",
        "if len(waiting) <= 1:",
        "if True:",
        RULES,
    ),
    Mutant(
        "r7",
        "look up ids that are not provably new",
        "ledger/memory.py",
        "if submission.checked_seq >= self._horizon:",
        "if True:",
        RULES,
    ),
    Mutant(
        "r7",
        "look up an id that is in memory as a hold",
        "ledger/memory.py",
        "return CreateHold not in kinds or not any(",
        "return True or not any(",
        IDS,
    ),
    Mutant(
        "r7",
        "look up an id before something is answered that is not recorded",
        "ledger/batch.py",
        "if submission.taken_for_new and _rests_on_absence(outcomes):",
        "if False:",
        IDS,
    ),
    Mutant(
        "r7",
        "look up the ids of what is only validated",
        "ledger/memory.py",
        "if submission.validate_only or asyncio",
        "if asyncio",
        IDS,
    ),
    Mutant(
        "r8",
        "refuse to decide when the clocks differ",
        "ledger/recorder.py",
        "if skew > DATABASE_SKEW_MAX_US:",
        "if False:",
        WRITER,
    ),
    Mutant(
        "r8",
        "decide again what was decided long ago",
        "ledger/recorder.py",
        "return not -DATABASE_SKEW_MAX_US <= self._age_us(batch) <= DECISION_AGE_MAX_US",
        "return self._age_us(batch) < -DATABASE_SKEW_MAX_US",
        WRITER,
    ),
    Mutant(
        "r8",
        "decide again what was decided by a clock that was ahead",
        "ledger/recorder.py",
        "return not -DATABASE_SKEW_MAX_US <= self._age_us(batch) <= DECISION_AGE_MAX_US",
        "return self._age_us(batch) > DECISION_AGE_MAX_US",
        WRITER,
    ),
    Mutant(
        "r8",
        "ask the database's clock whether a hold is due",
        "journal/points.py",
        "self.hold.expires_at <= self.read_at",
        "False",
        "tests/faults/test_clock.py",
    ),
    Mutant(
        "r9",
        "begin a new epoch when the tail is gone",
        "ledger/memory.py",
        "if common_seq < seqs[-1]:",
        "if False:",
        EPOCHS,
    ),
    Mutant(
        "r9",
        "notice a cut of a book that nobody writes",
        "ledger/service.py",
        "await self._books.look_at_histories()",
        "pass",
        EPOCHS,
    ),
    Mutant(
        "r9",
        "know that another server has raised the epoch",
        "journal/migrations/versions/0005_epochs.py",
        "e.epoch > known_epoch AND e.common_seq < known_seq",
        "false",
        EPOCHS,
    ),
    Mutant(
        "r9",
        "refuse page tokens of another epoch",
        "ledger/books.py",
        'pages_on = bool(getattr(request, "page_token", ""))',
        "pages_on = False",
        EPOCHS,
    ),
    Mutant(
        "r9",
        "notice a cut before a strong read is answered",
        "ledger/shared_reads.py",
        "if known.seq and newest.known_hash != known.hash:",
        "if False:",
        "tests/integration/test_shared_reads.py",
    ),
    Mutant(
        "r10",
        "refuse versions that they do not know",
        "journal/rows.py",
        "if (version, rules) not in _READABLE:",
        "if False:",
        GOLDEN,
    ),
    Mutant(
        "r10",
        "write what earlier formats wrote",
        "journal/rows.py",
        "return effective, chain, rest if entry.format == 1 else",
        "return effective, chain, rest if False else",
        GOLDEN,
    ),
    Mutant(
        "r11",
        "compare before they set the view's watermark",
        "view/scripts.py",
        "or mark[3] ~= ARGV[3] or mark[4] ~= ARGV[4] then",
        "then",
        SHAKEN_VIEW,
    ),
    Mutant(
        "r11",
        "end the lease of an account that is folded",
        "view/scripts.py",
        "    redis.call('DEL', KEYS[i])",
        "    redis.call('EXISTS', KEYS[i])",
        VIEW,
    ),
    Mutant(
        "r11",
        "fill by a live lease only",
        "view/scripts.py",
        "if redis.pcall('HGET', KEYS[i], 'l') == mark[1] .. ARGV[3] then",
        "if true then",
        VIEW,
    ),
    Mutant(
        "r11",
        "pass over values of another generation",
        "view/scripts.py",
        "if value[1] == mark[1] then",
        "if value[1] then",
        VIEW,
    ),
    Mutant(
        "r11",
        "leave a view of a later epoch alone",
        "view/scripts.py",
        "if tonumber(mark[2]) > tonumber(ARGV[4]) then return mark end",
        "",
        VIEW,
    ),
    Mutant(
        "r11",
        "hold the view against the journal before a fold",
        "feed/view_steps.py",
        "if page.epoch == mark.epoch and is_same(mark.link, page.follows):",
        "if True:",
        VIEW,
    ),
    Mutant(
        "r11",
        "hold the view against the journal before a fill",
        "journal/view_rows.py",
        "if found_epoch != epoch or not is_same(link, _bytes(digest)):",
        "if False:",
        VIEW,
    ),
    Mutant(
        "r11",
        "look whether the view has got to the position",
        "ledger/view_reads.py",
        "if seen.mark.epoch != book.epoch or seen.mark.link.seq < least_seq:",
        "if seen.mark.epoch != book.epoch:",
        VIEW,
    ),
    Mutant(
        "r11",
        "look whether the view is of the book's epoch",
        "ledger/view_reads.py",
        "if seen.mark.epoch != book.epoch or seen.mark.link.seq < least_seq:",
        "if seen.mark.link.seq < least_seq:",
        VIEW,
    ),
    Mutant(
        "r11",
        "ask somebody else for what the view lacks",
        "view/store.py",
        "elif given == _LEASED_ELSEWHERE:",
        "elif found.setdefault(account) is not None:",
        VIEW,
    ),
    Mutant(
        "r12",
        "say so when the conditions are not kept",
        "ledger/service.py",
        "return {name: settings[name] for name in good if settings.get(name) not in good[name]}",
        "return {}",
        RULES,
    ),
    Mutant(
        "r12",
        "talk only to a server that takes writes",
        "journal/connect.py",
        '"target_session_attrs": "read-write",',
        "",
        "tests/faults/test_failover.py",
    ),
    Mutant(
        "r12",
        "let the ledger only append to the journal",
        "journal/migrations/versions/0001_journal.py",
        "GRANT SELECT, INSERT ON yupana.books, yupana.journal,",
        "GRANT SELECT, INSERT, UPDATE ON yupana.books, yupana.journal,",
        RULES,
    ),
    Mutant(
        "r13",
        "keep readiness while the database is away",
        "ledger/service.py",
        "await self._server.report(POSTGRES_HEALTH, good=False)",
        'await self._server.report("", good=False)',
        RULES,
    ),
    Mutant(
        "r13",
        "let readiness fall before calls end",
        "runtime/server.py",
        "await self._health.enter_graceful_shutdown()",
        "pass",
        RULES,
    ),
    Mutant(
        "r14",
        "bound what is rejected",
        "ledger/batch.py",
        "if not rejected or self._quota.take(len(rejected)):",
        "if True:",
        WRITER,
    ),
    Mutant(
        "r14",
        "keep rejections out of the account indexes",
        "journal/migrations/versions/0001_journal.py",
        "CREATE INDEX journal_debits ON yupana.journal (book, debit_account, seq)\n"
        "        WHERE reason IS NULL AND debit_account IS NOT NULL",
        "CREATE INDEX journal_debits ON yupana.journal (book, debit_account, seq)\n"
        "        WHERE debit_account IS NOT NULL",
        WRITER,
    ),
)
