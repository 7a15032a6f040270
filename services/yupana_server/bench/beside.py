"""The baselines of a benchmark: what has to be there for them, and the jobs that measure them."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from yupana_server.bench.baselines.empty import EmptyServer
from yupana_server.bench.baselines.limit import Slice, run_limit
from yupana_server.bench.baselines.usual import UsualLoad, prepare_usual, run_usual
from yupana_server.bench.clients import Job
from yupana_server.bench.load_job import run_load
from yupana_server.bench.loads import Place
from yupana_server.bench.profiles import CONNECTIONS, USUAL_BATCH, WAYS, Baseline, Profile
from yupana_server.bench.results import LoadRun
from yupana_server.bench.stage import Stage


class Baselines:
    """The empty server and the database of the baselines, for as long as a benchmark runs."""

    def __init__(self, stage: Stage):
        self._stage = stage
        self._empty_address = ""
        self._database_url = ""

    def prepare(self, profiles: Sequence[Profile], stack: ExitStack) -> None:
        """Start and make what the profiles are compared with; the stack ends it."""
        wanted = {baseline for profile in profiles for baseline in self.of(profile)}
        if Baseline.EMPTY in wanted:
            server = EmptyServer(self._stage.folder / "empty", port=None)
            self._empty_address = stack.enter_context(server).address
        if any(baseline.needs_database for baseline in wanted):
            self._database_url = stack.enter_context(self._stage.baseline_database())
            accounts = max(each.books.accounts for each in profiles if self.of(each))
            prepare_usual(self._database_url, accounts)

    def of(self, profile: Profile) -> list[Baseline]:
        """Return those that can be measured here."""
        return [each for each in profile.baselines if not self._missing(each)]

    def left_out(self, profile: Profile) -> list[str]:
        """Return those that cannot, each with the reason."""
        missing = ((each, self._missing(each)) for each in profile.baselines)
        return [f"{baseline}: {reason}" for baseline, reason in missing if reason]

    def job(
        self, profile: Profile, baseline: Baseline, place: Place, wrote: Slice | None, seed: int
    ) -> Job[LoadRun]:
        """Return what measures a baseline right after a run of the profile.

        `place` is where the profile went to, `wrote` what it left in the journal.
        """
        load = profile.loads[0]
        if baseline is Baseline.EMPTY:
            empty = Place(self._empty_address, place.books, place.accounts, place.poor_accounts)
            return partial(run_load, load, empty, seed)
        if baseline is Baseline.LIMIT:
            if wrote is None or self._stage.database_url is None:
                raise RuntimeError("the limit needs the journal that the profile wrote")
            return partial(run_limit, self._stage.database_url, self._database_url, wrote)
        way = WAYS[baseline]
        usual = UsualLoad(
            way=way,
            size=USUAL_BATCH,
            connections=CONNECTIONS[way],
            accounts=place.accounts,
            spread=load.spread,
        )
        return partial(run_usual, usual, self._database_url, seed)

    def _missing(self, baseline: Baseline) -> str:
        if baseline.needs_database and self._stage.database_url is None:
            return "baselines in Postgres need --database-url"
        return ""
