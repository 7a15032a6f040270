"""What `yupana bench` does: choose, start, measure, verify, hold against the goals."""

import shlex
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from yupana_server.bench.clients import Clients
from yupana_server.bench.environment import environment
from yupana_server.bench.goals import hold_against
from yupana_server.bench.percentiles import CURVE
from yupana_server.bench.profiles import BY_NAME, PROFILES, Profile, When
from yupana_server.bench.results import Report
from yupana_server.bench.running import Plan, Say, measure
from yupana_server.bench.stage import EmbeddedStage, Stage, TargetStage
from yupana_server.bench.summing import BUCKET_S
from yupana_server.runtime.config import ConfigError

NORMAL = Plan(runs=3, warmup_s=0.5, duration_s=3.0)
QUICK = Plan(runs=2, warmup_s=0.15, duration_s=0.5)
CLIENTS = 2
"""No profile has more loads, and so many books are verified at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for on the command line."""

    names: Sequence[str] = ()
    quick: bool = False
    full: bool = False
    runs: int | None = None
    duration_s: float | None = None
    targets: Sequence[str] = ()
    database_url: str | None = None
    feed: bool = False


def run_benchmark(options: Options, say: Say) -> Report:
    """Measure and return the report.

    Raises:
        ConfigError: There is no such profile.
    """
    profiles, plan = chosen(options), plan_of(options)
    began_at, began = datetime.now(UTC), time.monotonic()
    say("starting")
    with Clients(CLIENTS) as clients, _stage(options) as stage, _cleaned_up_undisturbed():
        found_environment = environment(stage.database_url)
        found = measure(stage, clients, profiles, plan, say)
        say("stopping")
    report = Report(
        began_at=began_at.isoformat(timespec="seconds"),
        took_s=time.monotonic() - began,
        command=shlex.join(["yupana", *sys.argv[1:]]),
        environment=found_environment,
        runs=plan.runs,
        duration_s=plan.duration_s,
        bucket_s=BUCKET_S,
        curve_percentiles=CURVE,
        profiles=found.profiles,
        verifications=found.verifications,
        not_verified=found.not_verified,
        left_out=found.left_out,
    )
    return replace(report, goals=hold_against(report))


def chosen(options: Options) -> list[Profile]:
    """Return the profiles to measure, in the order of the table.

    Raises:
        ConfigError: There is no profile of a name.
    """
    unknown = [name for name in options.names if name not in BY_NAME]
    if unknown:
        raise ConfigError(f"there is no profile {unknown[0]}: see `yupana bench --list`")
    if options.names:
        return [profile for profile in PROFILES if profile.name in options.names]
    wanted = {When.QUICK}
    if not options.quick:
        wanted.add(When.ALWAYS)
    if options.full:
        wanted.add(When.FULL)
    return [profile for profile in PROFILES if profile.when in wanted]


def plan_of(options: Options) -> Plan:
    """Return how often and how long: what was asked for, else what is usual."""
    usual = QUICK if options.quick else NORMAL
    return replace(
        usual,
        runs=options.runs or usual.runs,
        duration_s=options.duration_s or usual.duration_s,
    )


@contextmanager
def _cleaned_up_undisturbed() -> Iterator[None]:
    """Ignore signals once we are ending: a second Ctrl-C would only leave things behind."""
    try:
        yield
    except BaseException:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise


def _stage(options: Options) -> Stage:
    if options.targets:
        return TargetStage(options.targets, options.database_url)
    return EmbeddedStage(feed=options.feed)
