"""Measures profiles in rounds, each beside what it is compared with, then verifies the books.

All profiles of a round are measured before the next round begins, and a comparison is made within
each round: machines drift, and what is compared is seconds apart.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Sized
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from yupana_server.bench.baselines.limit import Slice
from yupana_server.bench.beside import Baselines
from yupana_server.bench.clients import Clients, Job
from yupana_server.bench.filling import fill_book
from yupana_server.bench.journal import JournalWatch
from yupana_server.bench.load_job import run_load
from yupana_server.bench.loads import Books, Place
from yupana_server.bench.opening import book_ids, open_books
from yupana_server.bench.profiles import Baseline, Profile
from yupana_server.bench.results import (
    OURS,
    Commits,
    LoadRun,
    ProfileResult,
    Run,
    Series,
    Verified,
)
from yupana_server.bench.stage import Stage
from yupana_server.bench.verifying import verify_book

Tails = Mapping[int, int]
"""The newest entry of books, by the books' numbers."""


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
    missing = {profile.name: _missing(stage, profile) for profile in profiles}
    usable = [profile for profile in profiles if not missing[profile.name]]
    found = Found(left_out=[f"{name}: {reason}" for name, reason in missing.items() if reason])
    with ExitStack() as stack:
        found.profiles = _Rounds(stage, clients, plan, say).results(usable, stack)
    if stage.database_url is None:
        found.not_verified.append("the books are not verified without --database-url")
    else:
        found.verifications = _verified(stage, clients, usable, say)
    return found


def _missing(stage: Stage, profile: Profile) -> str:
    """Return why the profile cannot be measured here, empty when it can."""
    if profile.books.filled and stage.database_url is None:
        return "its book is filled in the database: give --database-url"
    return next(filter(None, map(stage.missing, _keys(profile))), "")


def _keys(profile: Profile) -> list[str]:
    """Return which server each load goes to."""
    return [profile.name if profile.own_server else str(load.server) for load in profile.loads]


class _Rounds:
    """The rounds of one benchmark."""

    def __init__(self, stage: Stage, clients: Clients, plan: Plan, say: Say):
        self._stage = stage
        self._clients = clients
        self._plan = plan
        self._say = say
        self._baselines = Baselines(stage)
        self._journal: JournalWatch | None = None
        self._runs: defaultdict[tuple[str, str], list[Run]] = defaultdict(list)

    def results(self, profiles: Sequence[Profile], stack: ExitStack) -> list[ProfileResult]:
        """Prepare, measure all rounds, and return what was found in the profiles' order."""
        if self._stage.database_url is not None:
            self._journal = stack.enter_context(JournalWatch(self._stage.database_url))
        self._say("preparing the baselines")
        self._baselines.prepare(profiles, stack)
        self._measure_all([profile for profile in profiles if not profile.own_server])
        for profile in profiles:
            if profile.own_server:
                self._measure_all([profile])
                self._stage.end(profile.name)
        return [self._result(profile) for profile in profiles]

    def _measure_all(self, profiles: Sequence[Profile]) -> None:
        self._open_books(profiles)
        for number in range(1, self._plan.runs + 1):
            for profile in profiles:
                self._measure(profile, number)

    def _open_books(self, profiles: Sequence[Profile]) -> None:
        prefix, url = self._stage.prefix, self._stage.database_url or ""
        servers = {each.books: self._stage.address(_keys(each)[0]) for each in profiles}
        self._each(
            "opening accounts",
            [partial(open_books, prefix, books, server) for books, server in servers.items()],
        )
        self._each(
            "filling books",
            [
                partial(fill_book, url, book, books.accounts, books.filled)
                for books in servers
                if books.filled
                for book in book_ids(prefix, books)
            ],
        )

    def _each(self, what: str, jobs: Sequence[Job[None]]) -> None:
        if jobs:
            self._say(what)
            self._clients.each(jobs, _counted(jobs, partial(self._say, what)))

    def _measure(self, profile: Profile, number: int) -> None:
        what = f"round {number} of {self._plan.runs}: {profile.name}"
        self._say(what)
        before = self._tails(profile.books)
        keys = _keys(profile)
        places = [self._place(profile.books, self._stage.address(key)) for key in keys]
        loads = self._together(
            [
                partial(run_load, load, place, _seed(number, at))
                for at, (load, place) in enumerate(zip(profile.loads, places, strict=True))
            ]
        )
        after = self._tails(profile.books)
        self._runs[profile.name, OURS].append(
            Run(
                round=number,
                loads=loads,
                entries_before=sum(before.values()) if before else None,
                commits=self._commits(before, after, by_load=len(set(keys)) > 1),
                server_resident_bytes=self._stage.resident_bytes(keys[0]),
            )
        )
        wrote = [Slice(book, before[book], seq) for book, seq in after.items()]
        for baseline in self._baselines.of(profile):
            self._say(f"{what}, {baseline}")
            self._measure_baseline(profile, baseline, places[0], wrote, number)

    def _measure_baseline(
        self,
        profile: Profile,
        baseline: Baseline,
        place: Place,
        wrote: Sequence[Slice],
        number: int,
    ) -> None:
        first = wrote[0] if wrote else None
        job = self._baselines.job(profile, baseline, place, first, _seed(number))
        run = Run(round=number, loads=self._together([job]))
        self._runs[profile.name, baseline].append(run)

    def _together(self, jobs: Sequence[Job[LoadRun]]) -> list[LoadRun]:
        return self._clients.together(jobs, self._plan.warmup_s, self._plan.duration_s)

    def _tails(self, books: Books) -> Tails:
        """Return the newest entries, nothing where the journal cannot be looked at."""
        return self._journal.tails(book_ids(self._stage.prefix, books)) if self._journal else {}

    def _commits(self, before: Tails, after: Tails, *, by_load: bool) -> Commits | None:
        if self._journal is None:
            return None
        commits = self._journal.commits(before, after)
        return commits if by_load else replace(commits, shares=())

    def _place(self, books: Books, address: str) -> Place:
        ids = book_ids(self._stage.prefix, books)
        return Place(address, ids, books.accounts, books.poor_accounts)

    def _result(self, profile: Profile) -> ProfileResult:
        names = [OURS, *map(str, self._baselines.of(profile))]
        return ProfileResult(
            name=profile.name,
            about=profile.about,
            unit=profile.unit,
            series={name: Series(name, self._runs[profile.name, name]) for name in names},
            left_out=self._baselines.left_out(profile),
        )


def _seed(number: int, load: int = 0) -> int:
    """Return what a load's chance begins with: another one in every round."""
    return number * 100 + load


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
    """Return what is told how far each job is, and says how far they are together."""
    done = dict.fromkeys(range(len(jobs)), 0)

    def progress(at: int, count: int) -> None:
        done[at] = count
        say(f"{sum(done.values()):,}")

    return progress
