"""The figures that `yupana top` shows, from two looks at the metrics pages of servers."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

BOOKS_SHOWN = 10

Labels = Mapping[str, str]
Sample = tuple[Labels, float]


class Page(NamedTuple):
    """What a server's metrics page said at a time."""

    at: float
    """By the monotonic clock, seconds."""
    samples: Mapping[str, tuple[Sample, ...]]
    """By name."""


class Spread(NamedTuple):
    """How values of a histogram were distributed between two looks."""

    per_s: float
    mean: float | None
    median: float | None
    p99: float | None


class Call(NamedTuple):
    """Calls of a method."""

    method: str
    took: Spread
    failed_per_s: float


class BookFigures(NamedTuple):
    """A book that is written."""

    book: str
    entries_per_s: float
    queued: float


class Pool(NamedTuple):
    """Connections to Postgres."""

    name: str
    used: float
    size_max: float
    waiting: float


class Figures(NamedTuple):
    """What happened between two looks, over all servers."""

    servers: int
    commands_per_s: float
    outcomes: Mapping[str, float]
    """A second, by what became of commands."""
    reasons: Mapping[str, float]
    """Rejections and refusals a second, by reason."""
    calls: tuple[Call, ...]
    in_flight: float
    queued: float
    waited: Spread
    appends: Spread
    """Appends that committed."""
    entries: Spread
    """Of batches."""
    failed_appends: Mapping[str, float]
    books: tuple[BookFigures, ...]
    """The busiest first."""
    books_count: int
    pools: tuple[Pool, ...]
    cpu_cores: float
    memory_bytes: float
    loop_lag: Spread


def read_page(text: str, at: float) -> Page:
    """Read a metrics page in the format of Prometheus."""
    samples: defaultdict[str, list[Sample]] = defaultdict(list)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            samples[sample.name].append((sample.labels, sample.value))
    return Page(at, {name: tuple(found) for name, found in samples.items()})


def figures_of(pairs: Iterable[tuple[Page, Page]]) -> Figures:
    """Return what happened between an earlier and a later page of each server."""
    look = _Looks(list(pairs))
    outcomes = look.rates("yupana_outcomes_total", "yupana_outcome")
    queued = look.now("yupana_queue_commands", "yupana_book")
    written = look.rates("yupana_journal_entries_total", "yupana_book")
    books = sorted(written.keys() | queued.keys(), key=lambda b: -written.get(b, 0.0))
    return Figures(
        servers=len(look.pairs),
        commands_per_s=sum(outcomes.values()),
        outcomes=_busy(outcomes),
        reasons=_busy(look.rates("yupana_outcomes_total", "yupana_reason")),
        calls=tuple(look.calls()),
        in_flight=look.total("yupana_rpc_in_flight"),
        queued=sum(queued.values()),
        waited=look.spread("yupana_queue_wait_seconds"),
        appends=look.spread("yupana_append_duration_seconds", error_type=""),
        entries=look.spread("yupana_batch_entries"),
        failed_appends=_busy(look.rates("yupana_append_duration_seconds_count", "error_type")),
        books=tuple(
            BookFigures(book, written.get(book, 0.0), queued.get(book, 0.0))
            for book in books[:BOOKS_SHOWN]
        ),
        books_count=len(books),
        pools=tuple(look.pools()),
        cpu_cores=sum(look.rates("process_cpu_time_seconds_total", "type").values()),
        memory_bytes=look.total("process_memory_usage_bytes"),
        loop_lag=look.spread("yupana_event_loop_lag_seconds"),
    )


def _busy(rates: Mapping[str, float]) -> dict[str, float]:
    """Leave out what did not happen, and what has no name; the most frequent first."""
    named = {name: rate for name, rate in rates.items() if name and rate}
    return dict(sorted(named.items(), key=lambda item: -item[1]))


class _Looks:
    """Pages of several servers, two of each."""

    def __init__(self, pairs: list[tuple[Page, Page]]):
        self.pairs = pairs

    def rates(self, name: str, key: str, **wanted: str) -> dict[str, float]:
        """Return by how much a counter grew a second, by the values of a label."""
        grown: defaultdict[str, float] = defaultdict(float)
        for before, after in self.pairs:
            past = {_key(labels): value for labels, value in before.samples.get(name, ())}
            took_s = max(after.at - before.at, 1e-9)
            for labels, value in after.samples.get(name, ()):
                if _matches(labels, wanted):
                    # A server that started anew counts from nothing.
                    growth = value - past.get(_key(labels), 0.0)
                    grown[labels.get(key, "")] += (growth if growth >= 0 else value) / took_s
        return dict(grown)

    def now(self, name: str, key: str) -> dict[str, float]:
        """Return the sums of a gauge over servers, by the values of a label."""
        found: defaultdict[str, float] = defaultdict(float)
        for _, after in self.pairs:
            for labels, value in after.samples.get(name, ()):
                found[labels.get(key, "")] += value
        return dict(found)

    def total(self, name: str) -> float:
        """Return the sum of a gauge over servers and labels."""
        return sum(self.now(name, "").values())

    def spread(self, name: str, **wanted: str) -> Spread:
        """Return how the values of a histogram were distributed."""
        count = sum(self.rates(f"{name}_count", "", **wanted).values())
        total = sum(self.rates(f"{name}_sum", "", **wanted).values())
        bounds = self.rates(f"{name}_bucket", "le", **wanted)
        buckets = sorted((float(bound), rate) for bound, rate in bounds.items())
        return Spread(
            per_s=count,
            mean=total / count if count else None,
            median=quantile(buckets, 0.5),
            p99=quantile(buckets, 0.99),
        )

    def calls(self) -> Iterable[Call]:
        """Return every method that was called, the most called first."""
        name = "rpc_server_call_duration_seconds"
        rates = _busy(self.rates(f"{name}_count", "rpc_method"))
        for method in rates:
            codes = self.rates(f"{name}_count", "rpc_response_status_code", rpc_method=method)
            failed = sum(rate for code, rate in codes.items() if code != "OK")
            yield Call(method.rpartition("/")[2], self.spread(name, rpc_method=method), failed)

    def pools(self) -> Iterable[Pool]:
        """Return the pools of connections."""
        key = "db_client_connection_pool_name"
        waiting = self.now("db_client_connection_pending_requests", key)
        for name, size_max in sorted(self.now("db_client_connection_max", key).items()):
            used = sum(
                value
                for _, after in self.pairs
                for labels, value in after.samples.get("db_client_connection_count", ())
                if labels.get(key) == name and labels.get("db_client_connection_state") == "used"
            )
            yield Pool(name, used, size_max, waiting.get(name, 0.0))


def quantile(buckets: list[tuple[float, float]], share: float) -> float | None:
    """Return a quantile of cumulative buckets (upper bound, count), as Prometheus estimates it.

    Within a bucket values count as evenly spread; beyond the last bound, that bound is returned.
    None when there is nothing.
    """
    if not buckets or not buckets[-1][1]:
        return None
    rank = share * buckets[-1][1]
    low, below = 0.0, 0.0
    for bound, count in buckets:
        if count >= rank:
            if bound == float("inf"):
                return low
            inside = count - below
            return low + (bound - low) * ((rank - below) / inside if inside else 1.0)
        low, below = bound, count
    return low


def _key(labels: Labels) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


def _matches(labels: Labels, wanted: Mapping[str, str]) -> bool:
    """Tell whether labels have these values; the empty one means that the label is absent."""
    return all(labels.get(name, "") == value for name, value in wanted.items())
