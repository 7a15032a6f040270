"""What a server remembers of a book, and how it stays true to the journal.

Rules that live here: R1 (drop what does not match the journal), R2 (facts carry the entry that they
were read at), R7 (which ids have to be looked up), R9 (a cut history begins a new epoch).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

import structlog

from yupana_server.book.commands import CreateHold
from yupana_server.book.entries import Entry
from yupana_server.book.evolve import DivergedError, evolve
from yupana_server.book.state import Account, Hold, State
from yupana_server.journal.encoding import EncodedBatch
from yupana_server.journal.epochs import Epochs, Trail
from yupana_server.journal.errors import HistoryChangedError
from yupana_server.journal.points import BookRow, Loaded
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.rows import Link, chain_hash, encode
from yupana_server.journal.tail_lines import Linked, read_line
from yupana_server.ledger import measures
from yupana_server.ledger.clock import Clock
from yupana_server.ledger.needs import REFERRING, Needs, ids_of, needs
from yupana_server.ledger.recent import Recent
from yupana_server.ledger.submission import TO_BE_CHECKED, Submission


class MemoryBounds(NamedTuple):
    """How much of a book is kept in memory."""

    accounts_max: int = 200_000
    """At about 0.6 kB each."""
    outcomes_max: int = 50_000
    """Recently decided ids, at about 0.5 kB each; more where the names of callers are long."""
    assets_max: int = 10_000
    holds_max: int = 500_000
    """Holds, and what is known of groups and reversals."""


PAGE_ENTRIES = 5_000

DOUBT_S = 10.0
"""How long ids are looked up before they are decided, when one was not as new as it was taken for.

So retries that this server does not remember spoil a batch every ten seconds, and not each one.
"""

log = structlog.get_logger("yupana.memory")

T = TypeVar("T")
Load: TypeAlias = Callable[[int, Sequence[str]], Awaitable[Loaded[T]]]
"""Reads facts of a book by their names."""


class Seen(NamedTuple):
    """Where memory stood when a load began."""

    history: int
    seq: int


class Decided(Protocol):
    """What memory needs to know of a batch."""

    layer: State
    entries: list[Entry]
    generation: int

    def encode(self) -> EncodedBatch:
        """Write the entries as rows."""


class Memory:
    """The committed state of a book, as far as it is in memory.

    `generation` counts what makes decisions obsolete: entries of other servers, resets, and
    batches that were decided again.
    """

    def __init__(self, book: BookRow, reader: JournalReader, bounds: MemoryBounds):
        self.book = book
        self.generation = 0
        # R1: counts resets. What was looked up in another history says nothing about this one.
        self.history = 0
        self._recent = Recent()
        self.base = State(outcomes=self._recent)
        self.link = Link(0, b"")
        # R3: up to here a commit of our own has proved that everything has reached the standby.
        self.confirmed_seq = 0
        # The layer of the batch that is being written, on top of `base`.
        self._speculated: State | None = None
        self._speculated_link = self.link
        self._bounds = bounds
        self._reader = reader
        self._epochs = Epochs(reader)
        self._trail = Trail()
        # R7: outcomes of all entries after this one are in memory.
        self._horizon = 0
        # R7: until then, by the event loop's clock, no id is taken for new.
        self._doubts_until = 0.0
        # R2: accounts read at an earlier entry may have been changed since without our noticing.
        self._loads_valid_from = 0
        # Accounts whose open holds are in memory: all that had some when they were loaded.
        self._holders: set[str] = set()
        self._ready = False

    async def prepare(self) -> None:
        """Learn where the journal stands, unless that is known."""
        if self._ready:
            return
        await self._look_back()
        point = await self._reader.tail(self.book)
        if self._ready:
            return
        self._recent = Recent()
        self.base = State(
            outcomes=self._recent,
            seq=point.link.seq,
            recorded_at=point.recorded_at,
            epoch=self.book.epoch,
            closed_before=point.closed_before,
        )
        self._holders.clear()
        self.link = point.link
        self._trail.add(self.book.epoch, point.link)
        self._horizon = self._loads_valid_from = point.link.seq
        self.invalidate()
        self._ready = True

    async def _look_back(self) -> None:
        """R9: have a new epoch begin if the journal no longer holds what this server saw in it."""
        trail = self._trail
        if not (seqs := trail.seqs):
            return
        hashes = await self._epochs.hashes(self.book.number, seqs)
        common_seq = trail.common_seq(hashes)
        if common_seq < seqs[-1]:
            epoch = await self._epochs.begin(
                self.book.number,
                known_epoch=trail.epoch,
                known_seq=seqs[-1],
                common_seq=common_seq,
            )
            log.error(
                "history_cut",
                book=self.book.id,
                epoch=epoch,
                last_common_seq=common_seq,
                last_known_seq=seqs[-1],
            )
            self.book = self.book._replace(epoch=epoch)
        trail.clear()

    def remembered(self, accounts: Iterable[str]) -> Loaded[Account] | None:
        """Return accounts as committed, None for each that is not open, if all are in memory."""
        known = self.base.accounts
        if not self._ready or any(account not in known for account in accounts):
            return None
        facts = {account: known[account] for account in accounts}
        return Loaded(self.base.seq, facts, self.book.epoch)

    @property
    def top(self) -> State:
        """What the next batch is decided on: the state that the batch being written will leave."""
        return self.base if self._speculated is None else self._speculated

    @property
    def top_link(self) -> Link:
        """What the next batch's entries are chained to."""
        return self.link if self._speculated is None else self._speculated_link

    def enter(self, epoch: int) -> None:
        """R9: take note of the book's epoch."""
        if epoch != self.book.epoch:
            self.book = self.book._replace(epoch=epoch)
            self.base.epoch = epoch
            self.invalidate()

    def speculate(self, batch: Decided) -> None:
        """Have what follows decided on top of this batch, unless it changes nothing."""
        if batch.entries and batch.generation == self.generation:
            self._speculated = batch.layer
            self._speculated_link = batch.encode().end

    def invalidate(self) -> None:
        """Make all that is decided and not committed obsolete."""
        self._speculated = None
        self.generation += 1

    def reset(self) -> None:
        """R1: forget everything; `prepare` starts again from the journal."""
        self._ready = False
        self.history += 1
        self.confirmed_seq = 0
        self.invalidate()

    def absorb(self, batch: Decided, end: Link) -> None:
        """Take over what a batch of ours changed, now that it is committed."""
        if batch.generation != self.generation:
            return  # Memory was reset meanwhile; it will find the batch in the journal.
        accounts = self.base.accounts
        if len(accounts) * 2 > self._bounds.accounts_max:  # Eviction is near.
            for account_id in batch.layer.accounts:
                accounts.pop(account_id, None)  # So that the order is that of last use.
        self.base.absorb(batch.layer)
        self._keep_outcomes(batch)
        self._speculated = None
        self.link = end
        self.confirmed_seq = end.seq
        self._trail.add(self.book.epoch, end)

    def _keep_outcomes(self, batch: Decided) -> None:
        """Have what the base took over as entries be rows."""
        recorded = [entry.id for entry in batch.entries]
        if len(batch.layer.outcomes) > len(recorded):  # Others were found in the journal.
            found = batch.layer.outcomes
            for id_ in found.keys() - recorded:
                self._recent.keep_line(id_, encode(found[id_]))
        self._recent.keep(recorded, batch.encode().rows)

    def confirm(self, batch: Decided) -> None:
        """R3: take note that everything the batch rests on has reached the standby."""
        if batch.generation == self.generation:
            self.confirmed_seq = batch.layer.seq

    def read(self, lines: Iterable[str]) -> list[Linked]:
        """Read entries of others.

        Raises:
            HistoryChangedError: They are none; memory is forgotten.
        """
        try:
            return [read_line(line) for line in lines]
        except DivergedError as error:
            self.reset()
            raise HistoryChangedError(str(error)) from error

    def fold(self, entries: Iterable[Linked]) -> None:
        """Fold entries of other servers. Those already folded are passed over.

        Raises:
            HistoryChangedError: They do not continue what is in memory; it is forgotten.
        """
        for linked in entries:
            if linked.entry.seq <= self.base.seq:
                continue
            try:
                self._fold_one(linked)
            except DivergedError as error:
                self.reset()
                raise HistoryChangedError(str(error)) from error
        self._trail.add(self.book.epoch, self.link)
        self.base.forget_deadlines()
        self._loads_valid_from = self.base.seq
        self.invalidate()

    def _fold_one(self, linked: Linked) -> None:
        entry, text, digest = linked
        if chain_hash(self.link.hash, text) != digest:
            raise DivergedError(f"entry {entry.seq} is not chained to the one before it")
        evolve(self.base, entry)
        self._recent.keep_line(entry.id, text)
        self.link = Link(entry.seq, digest)

    async def catch_up(self) -> None:
        """Fold what others appended, by reads outside the lock.

        Only while nothing is being written, or by who writes it.
        """
        while True:
            lines = await self._reader.lines(
                self.book.number, after=self.base.seq, limit=PAGE_ENTRIES
            )
            if lines:
                self.fold(self.read(lines))
            if len(lines) < PAGE_ENTRIES:
                return

    async def load(self, submissions: Sequence[Submission], clock: Clock) -> bool:
        """Bring what the submissions need into memory, so that they can be decided on `top`.

        `clock` is the wall clock: what is due by then, or soon after, is needed as well. Returns
        False when facts were read that are ahead of the committed state: call `catch_up` (or wait
        for the batch that is being written) and call again.

        Raises:
            HistoryChangedError: The journal is shorter than it was.
            UnavailableError: The database cannot answer.
        """
        await self.prepare()
        while True:
            missing = needs(submissions, self.top, self._holders, clock())
            unchecked = [s for s in submissions if not self._checked(s)]
            if not (any(missing) or unchecked):
                return True
            seen = Seen(self.history, self.base.seq)
            loads = self._loads(missing, seen)
            if unchecked:
                loads.append(self._check_ids(unchecked, seen))
            if not all(await asyncio.gather(*loads)):
                return False

    def _loads(self, missing: Needs, seen: Seen) -> list[Coroutine[None, None, bool]]:
        """Return what loads, kind by kind, what is missing."""
        reader = self._reader
        kinds: list[tuple[set[str], Load[Any], str]] = [
            (missing.accounts, reader.accounts, "accounts"),
            (missing.assets, reader.assets, "assets"),
            (missing.groups, reader.groups, "groups"),
            (missing.targets, reader.reversed_amounts, "reversed"),
        ]
        for kind, wanted in zip(missing._fields, missing, strict=True):
            measures.note_misses(kind, len(wanted))
        loads = [
            self._load_kind(sorted(wanted), load, kind, seen)
            for wanted, load, kind in kinds
            if wanted
        ]
        if missing.holds:
            loads.append(self._load_holds(sorted(missing.holds), reader.holds, seen))
        if missing.holders:
            loads.append(self._load_holds_of(sorted(missing.holders), seen))
        return loads

    def _checked(self, submission: Submission) -> bool:
        """R7: tell whether the ids of a submission are known to be new, or may be taken for it.

        Whoever takes a known id for new meets its key, which the journal's entry holds, when it
        records (R4). To look each id up before would cost as much as deciding and folding.
        """
        if submission.checked_in not in (None, self.history):
            return False
        if submission.checked_seq >= self._horizon:
            return True
        submission.taken_for_new = self._takes_for_new(submission)
        return submission.taken_for_new

    def _takes_for_new(self, submission: Submission) -> bool:
        if submission.checked_in is not None or submission.checked_seq == TO_BE_CHECKED:
            return False
        if submission.validate_only or asyncio.get_running_loop().time() < self._doubts_until:
            return False
        # What refers to another command needs that one's entry, which has to be looked up.
        kinds = {command.__class__ for unit in submission.units for command in unit}
        if not kinds.isdisjoint(REFERRING):
            return False
        return CreateHold not in kinds or not any(
            self._is_hold(command.id) for unit in submission.units for command in unit
        )

    def _is_hold(self, command_id: str) -> bool:
        """Tell whether a command created a hold that is in memory, where its entry need not be."""
        return self.top.knows("holds", command_id) and self.top.hold(command_id) is not None

    def _in_step(self, loaded_seq: int, seen: Seen) -> bool:
        """R2: tell whether facts read at an entry fit the committed state, not ahead of it."""
        if self.history != seen.history:
            raise HistoryChangedError("the state was loaded anew meanwhile")
        if loaded_seq < seen.seq:
            # What is committed is visible to every later read: the tail was lost.
            self.reset()
            raise HistoryChangedError(f"the journal ends at {loaded_seq}, before {seen.seq}")
        return loaded_seq <= self.base.seq

    async def _load_kind(self, wanted: list[str], load: Load[Any], kind: str, seen: Seen) -> bool:
        """Load facts of one kind, named as the state names it."""
        loaded = await load(self.book.number, wanted)
        if not self._in_step(loaded.seq, seen):
            return False
        if loaded.seq >= self._loads_valid_from:
            kept = getattr(self.base, kind)
            for name, fact in loaded.facts.items():
                if not self.top.knows(kind, name):
                    kept[name] = fact
        return True

    async def _load_holds(self, wanted: list[str], load: Load[Hold], seen: Seen) -> bool:
        loaded = await load(self.book.number, wanted)
        if not self._in_step(loaded.seq, seen):
            return False
        if loaded.seq >= self._loads_valid_from:
            for hold_id, hold in loaded.facts.items():
                self._keep_hold(hold_id, hold)
        return True

    async def _load_holds_of(self, accounts: list[str], seen: Seen) -> bool:
        """Load the open holds of accounts, so that those that are due expire in time."""
        valid_from = self._loads_valid_from
        if not await self._load_holds(accounts, self._reader.open_holds, seen):
            return False
        if valid_from == self._loads_valid_from:
            self._holders.update(accounts)
        return True

    def _keep_hold(self, hold_id: str, hold: Hold | None) -> None:
        if hold_id in self.base.holds:
            return  # Not what is being written: that may be thrown away.
        if hold is None:
            self.base.holds[hold_id] = None
            return
        self.base.store_hold(hold)
        if hold.expires_at is not None:
            # Whoever was sure that nothing is due any more did not know of this one.
            layer: State | None = self.top
            while layer is not None:
                layer.expired_until = min(layer.expired_until, (hold.expires_at, ""))
                layer = layer.parent

    async def _check_ids(self, submissions: list[Submission], seen: Seen) -> bool:
        ids = {id_ for s in submissions for unit in s.units for c in unit for id_ in ids_of(c)}
        measures.note_misses("ids", len(ids))
        loaded = await self._reader.outcomes(self.book.number, ids)
        if not self._in_step(loaded.seq, seen):
            return False
        known = {command_id: entry for command_id, entry in loaded.facts.items() if entry}
        for submission in submissions:
            submission.checked_seq = loaded.seq
            submission.checked_in = seen.history
            submission.found = known
            submission.taken_for_new = False
        return True

    def doubt_ids(self, submissions: Iterable[Submission]) -> None:
        """R4: have every id looked up in the journal, and for a while those of others too."""
        self._doubts_until = asyncio.get_running_loop().time() + DOUBT_S
        for submission in submissions:
            submission.checked_seq = TO_BE_CHECKED

    def evict(self) -> None:
        """Keep within the bounds. Call it while nothing is between its load and its decision.

        What a batch that is being written has changed is in its own layer and stays.
        """
        for command_id in _spare(self._recent, self._bounds.outcomes_max):
            self._horizon = max(self._horizon, self._recent.forget(command_id))
        accounts, assets = self.base.accounts, self.base.assets
        for account_id in _spare(accounts, self._bounds.accounts_max):
            del accounts[account_id]
            self._holders.discard(account_id)
            self._loads_valid_from = self.base.seq
        if len(assets) > self._bounds.assets_max:
            assets.clear()
            self._loads_valid_from = self.base.seq
        self._evict_holds()

    def _evict_holds(self) -> None:
        base, most = self.base, self._bounds.holds_max
        if len(base.holds) + len(base.groups) + len(base.reversed) <= most:
            return
        base.groups.clear()
        base.reversed.clear()
        # Open holds must stay with their accounts, so that they expire in time; the others go.
        base.holds = {
            hold_id: hold for hold_id, hold in base.holds.items() if hold and hold.remaining
        }
        if len(base.holds) > most * 9 // 10:
            base.accounts.clear()
            base.holds.clear()
            self._holders.clear()
        base.deadlines = [each for each in base.deadlines if each[1] in base.holds]
        self._loads_valid_from = base.seq


def _spare(kept: Mapping[str, object], bound: int) -> list[str]:
    """Return what to evict: nothing within the bound, else the oldest tenth and what is over it.

    A tenth at a time, because looking for the oldest key of a dict passes over all deleted ones.
    """
    return [] if len(kept) <= bound else list(islice(kept, len(kept) - bound * 9 // 10))
