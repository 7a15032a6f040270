"""Measures profiles in rounds, each beside what it is compared with, then verifies the books.

All profiles of a round are measured before the next round begins, and a comparison is made within
each round: machines drift, and what is compared is seconds apart.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence, Sized
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from yupana_server.bench.baselines.empty import EmptyServer
from yupana_server.bench.baselines.limit import Slice, run_limit
from yupana_server.bench.baselines.usual import UsualLoad, prepare_usual, run_usual
from yupana_server.bench.clients import Clients
from yupana_server.bench.filling import fill_book
from yupana_server.bench.journal import JournalWatch
from yupana_server.bench.load_job import run_load
from yupana_server.bench.loads import Books, Place
from yupana_server.bench.opening import book_ids, open_books
from yupana_server.bench.profiles import CONNECTIONS, USUAL_BATCH, WAYS, Baseline, Profile
from yupana_server.bench.results import OURS, LoadRun, ProfileResult, Run, Series, Verified
from yupana_server.bench.stage import Stage
from yupana_server.bench.verifying import verify_book


class Say(Protocol):
    """Tells people what happens now."""

    def __call__(self, what: str, detail: str = "") -> None:
        """Say it; the detail changes often."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How often and how long."""

    runs: int
    warmup_s: float
    duration_s: float


@dataclass(slots=True)
class Found:
    """What was measured and verified."""

    profiles: list[ProfileResult] = field(default_factory=list)
    verifications: list[Verified] = field(default_factory=list)
    not_verified: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def measure(
    stage: Stage, clients: Clients, profiles: Sequence[Profile], plan: Plan, say: Say
) -> Found:
    """Measure the profiles and verify what they wrote."""
    found = Found()
    usable: list[Profile] = []
    for profile in profiles:
        reason = _missing(stage, profile)
        if reason:
            found.left_out.append(f"{profile.name}: {reason}")
        else:
            usable.append(profile)
    with ExitStack() as stack:
        rounds = _Rounds(stage, clients, plan, say, stack)
        found.profiles = rounds.results(usable)
    if stage.database_url is None:
        found.not_verified.append("the books are not verified without --database-url")
    else:
        found.verifications = _verified(stage, clients, usable, say)
    return found


def _missing(stage: Stage, profile: Profile) -> str:
    """Return why the profile cannot be measured here, empty when it can."""
    if profile.books.filled and stage.database_url is None:
        return "its book is filled in the database: give --database-url"
    return next(filter(None, (stage.missing(key) for key in _keys(profile))), "")


def _keys(profile: Profile) -> list[str]:
    """Return which server each load goes to."""
    return [profile.name if profile.own_server else str(load.server) for load in profile.loads]


class _Rounds:
    """The rounds of one benchmark, and what has to be there for them."""

    def __init__(self, stage: Stage, clients: Clients, plan: Plan, say: Say, stack: ExitStack):
        self._stage = stage
        self._clients = clients
        self._plan = plan
        self._say = say
        self._stack = stack
        self._empty_address = ""
        self._limit_url = ""
        self._journal: JournalWatch | None = None
        self._runs: defaultdict[tuple[str, str], list[Run]] = defaultdict(list)

    def results(self, profiles: Sequence[Profile]) -> list[ProfileResult]:
        """Prepare, measure all rounds, and return what was found in the profiles' order."""
        if self._stage.database_url is not None:
            self._journal = self._stack.enter_context(JournalWatch(self._stage.database_url))
        self._prepare_baselines(profiles)
        shared = [profile for profile in profiles if not profile.own_server]
        self._open_books(shared)
        self._measure_rounds(shared)
        for profile in profiles:
            if profile.own_server:
                self._open_books([profile])
                self._measure_rounds([profile])
                self._stage.end(profile.name)
        return [self._result(profile) for profile in profiles]

    def _prepare_baselines(self, profiles: Sequence[Profile]) -> None:
        wanted = {baseline for profile in profiles for baseline in profile.baselines}
        server = None
        if Baseline.EMPTY in wanted:
            server = EmptyServer(self._stage.folder / "empty", port=None)
            self._stack.push(server)
            server.begin()
            self._empty_address = server.address
        if self._stage.database_url is not None and any(each.needs_database for each in wanted):
            self._say("preparing the baselines")
            self._limit_url = self._stack.enter_context(self._stage.baseline_database())
            accounts = max(each.books.accounts for each in profiles if each.baselines)
            prepare_usual(self._limit_url, accounts)
        if server is not None:
            server.start()

    def _open_books(self, profiles: Sequence[Profile]) -> None:
        jobs = {
            profile.books: partial(
                open_books, self._stage.prefix, profile.books, self._address(_keys(profile)[0])
            )
            for profile in profiles
        }
        accounts = sum((each.accounts + each.poor_accounts) * each.count for each in jobs)
        if jobs:
            what = f"opening {accounts:,} accounts"
            self._say(what)
            self._clients.each(list(jobs.values()), _counted(jobs, partial(self._say, what)))
        for books in jobs:
            if books.filled:
                self._fill(books)

    def _fill(self, books: Books) -> None:
        what = f"filling a book with {books.filled:,} entries"
        self._say(what)
        url = self._stage.database_url or ""
        ids = book_ids(self._stage.prefix, books)
        jobs = [partial(fill_book, url, book, books.accounts, books.filled) for book in ids]
        self._clients.each(jobs, _counted(jobs, partial(self._say, what)))

    def _measure_rounds(self, profiles: Sequence[Profile]) -> None:
        for number in range(1, self._plan.runs + 1):
            for profile in profiles:
                self._measure(profile, number)

    def _measure(self, profile: Profile, number: int) -> None:
        self._say(f"round {number} of {self._plan.runs}: {profile.name}")
        ids = book_ids(self._stage.prefix, profile.books)
        before = self._journal.tails(ids) if self._journal else None
        keys = _keys(profile)
        loads = self._run(profile, [self._address(key) for key in keys], number)
        after = self._journal.tails(ids) if self._journal else None
        commits = None
        if self._journal and before and after:
            commits = self._journal.commits(before, after)
            if len(set(keys)) == 1:
                commits = replace(commits, shares=())
        self._runs[profile.name, OURS].append(
            Run(
                round=number,
                loads=loads,
                entries_before=sum(before.values()) if before else None,
                commits=commits,
                server_resident_bytes=self._stage.resident_bytes(keys[0]),
            )
        )
        for baseline in profile.baselines:
            if self._can(baseline):
                self._say(f"round {number} of {self._plan.runs}: {profile.name}, {baseline}")
                wrote = None
                if before and after:
                    book = next(iter(before))
                    wrote = Slice(book, before[book], after[book])
                run = self._run_baseline(profile, baseline, number, wrote)
                self._runs[profile.name, baseline].append(Run(round=number, loads=[run]))

    def _run(self, profile: Profile, addresses: Sequence[str], number: int) -> list[LoadRun]:
        jobs = [
            partial(run_load, load, self._place(profile.books, address), number * 100 + at)
            for at, (load, address) in enumerate(zip(profile.loads, addresses, strict=True))
        ]
        return self._together(jobs)

    def _run_baseline(
        self, profile: Profile, baseline: Baseline, number: int, wrote: Slice | None
    ) -> LoadRun:
        if baseline is Baseline.EMPTY:
            return self._run(profile, [self._empty_address] * len(profile.loads), number)[0]
        if baseline is Baseline.LIMIT:
            url = self._stage.database_url
            if url is None or wrote is None:
                raise RuntimeError("the limit needs the journal that the profile wrote")
            return self._together([partial(run_limit, url, self._limit_url, wrote)])[0]
        way = WAYS[baseline]
        load = UsualLoad(
            way=way,
            size=USUAL_BATCH,
            connections=CONNECTIONS[way],
            accounts=profile.books.accounts,
            spread=profile.loads[0].spread,
        )
        return self._together([partial(run_usual, load, self._limit_url, number)])[0]

    def _together(self, jobs: Sequence[Callable[..., LoadRun]]) -> list[LoadRun]:
        return self._clients.together(jobs, self._plan.warmup_s, self._plan.duration_s)

    def _can(self, baseline: Baseline) -> bool:
        return not baseline.needs_database or bool(self._limit_url)

    def _address(self, key: str) -> str:
        return self._stage.address(key)

    def _place(self, books: Books, address: str) -> Place:
        ids = book_ids(self._stage.prefix, books)
        return Place(address, ids, books.accounts, books.poor_accounts)

    def _result(self, profile: Profile) -> ProfileResult:
        measured = [OURS, *(each for each in profile.baselines if self._can(each))]
        return ProfileResult(
            name=profile.name,
            about=profile.about,
            unit=profile.unit,
            series={
                str(name): Series(str(name), self._runs[profile.name, name]) for name in measured
            },
            left_out=[
                f"{each}: baselines in Postgres need --database-url"
                for each in profile.baselines
                if not self._can(each)
            ],
        )


def _verified(
    stage: Stage, clients: Clients, profiles: Sequence[Profile], say: Say
) -> list[Verified]:
    say("verifying the books")
    wrote: defaultdict[str, list[str]] = defaultdict(list)
    for profile in profiles:
        for book in book_ids(stage.prefix, profile.books):
            wrote[book].append(profile.name)
    # Those that most was written to first, so that the processes end at about the same time.
    books = sorted(wrote, key=lambda book: len(wrote[book]), reverse=True)
    jobs = [partial(verify_book, stage.database_url or "", book, wrote[book]) for book in books]
    return clients.each(jobs, _counted(jobs, partial(say, "verifying the books")))


def _counted(jobs: Sized, say: Callable[[str], None]) -> Callable[[int, int], None]:
    done = dict.fromkeys(range(len(jobs)), 0)

    def progress(at: int, entries: int) -> None:
        done[at] = entries
        say(f"{sum(done.values()):,}")

    return progress
