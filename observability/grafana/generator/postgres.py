"""Postgres, its replicas and the Redis view, as ledgers and feeds see them."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from generator.pages import INSTANCE, page
from generator.panels import Panel, Query, lines, number, quantiles, words

APPENDS = "yupana_append_duration_seconds"
POOL = "db_client_connection_pool_name"
HERE = 'instance=~"$instance"'

NOTE = """
What Postgres and Redis themselves measure (disk, locks, vacuum, replication, memory, evictions) is
for exporters of your own; this page shows what reaches the ledgers and feeds.
"""


def dashboard() -> Dashboard:
    """Return the dashboard."""
    return page(
        "yupana-postgres",
        "Yupana / Postgres and Redis",
        "The database, its replicas and the view, as ledgers and feeds see them.",
        [
            *_overview(),
            *_appends(),
            *_connections(),
            *_growth(),
            *_view(),
            *_replicas(),
        ],
        variables=[INSTANCE],
    )


def _rate(metric: str, labels: str, by: str = "") -> str:
    group = f" by ({by})" if by else ""
    return f"sum{group} (rate({metric}{{{labels}}}[$__rate_interval]))"


def _overview() -> list[Panel]:
    done = f'{HERE},error_type=""'
    return [
        number(
            "Commits",
            "Batches a second that committed.",
            "ops",
            _rate(f"{APPENDS}_count", done),
        ),
        number(
            "Commit p99",
            "From asking for the book's lock to the commit: 99 of 100 batches are faster.",
            "s",
            "histogram_quantile(0.99, " + _rate(f"{APPENDS}_bucket", done, "le") + ")",
            bad_above=0.25,
            runbooks=["YupanaLatencyBurnsFast"],
        ),
        number(
            "Failed appends",
            "Appends a second that went wrong and were tried again.",
            "ops",
            _rate(f"{APPENDS}_count", f'{HERE},error_type!=""') + " or on () vector(0)",
            runbooks=["YupanaBookStandsStill"],
        ),
        number(
            "Unknown commits",
            "Commits in the last hour whose answer was lost (R3).",
            "none",
            f'sum(increase({APPENDS}_count{{{HERE},error_type="UnknownCommitError"}}[1h])) '
            "or on () vector(0)",
            bad_above=1,
            runbooks=["YupanaBookStandsStill"],
        ),
        number(
            "Pools in use",
            "Connections in use, as a share of what the fullest pool may have.",
            "percentunit",
            f"max(sum by (instance, {POOL}) (db_client_connection_count{{{HERE},"
            'db_client_connection_state="used"}) '
            f"/ sum by (instance, {POOL}) (db_client_connection_max{{{HERE}}}))",
            bad_above=0.9,
            runbooks=["YupanaPoolExhausted"],
        ),
        number(
            "Waiting",
            "Requests that wait for a connection now.",
            "none",
            f"sum(db_client_connection_pending_requests{{{HERE}}})",
            bad_above=1,
            runbooks=["YupanaPoolExhausted"],
        ),
    ]


def _appends() -> list[Panel]:
    failed = _rate(f"{APPENDS}_count", f'{HERE},error_type!=""', "error_type")
    busy = _rate(f"{APPENDS}_sum", HERE, "yupana_book")
    return [
        lines(
            "Append",
            "From asking for the book's lock to the commit: lock, tail, COPY, disk and standby. "
            "Points lead to the batch's trace, which tells them apart.",
            "s",
            quantiles(APPENDS, f'{HERE},error_type=""'),
            runbooks=["YupanaLatencyBurnsFast", "YupanaBookStandsStill"],
            traces="&operation=batch",
        ),
        lines(
            "What went wrong",
            "Appends a second by what stopped them: ConflictError an id was known after all, "
            "or another server is far ahead, "
            "StuckError the lock was not to be had, UnavailableError no database, "
            "UnknownCommitError no answer.",
            "ops",
            [Query(f"{failed} or on () vector(0)", "{{error_type}}")],
            runbooks=["YupanaBookStandsStill", "YupanaHistoryCut", "YupanaPoison"],
            traces="&operation=batch",
        ),
        lines(
            "Time in appends",
            "Seconds a second that a book's appends take, over all servers. Near 1 the book writes "
            "all the time; above, servers wait for each other.",
            "none",
            [Query(f"topk(10, {busy})", "{{yupana_book}}")],
            runbooks=["YupanaConflictStorm"],
        ),
    ]


def _connections() -> list[Panel]:
    legend = "{{instance}} {{db_client_connection_pool_name}}"
    used = f'db_client_connection_count{{{HERE},db_client_connection_state="used"}}'
    idle = f'db_client_connection_count{{{HERE},db_client_connection_state="idle"}}'
    return [
        lines(
            "Connections",
            "Of the pools for reads and for look-ups of writers. Each book that is written has one "
            "more, which is not in a pool.",
            "none",
            [
                Query(used, f"{legend} used"),
                Query(idle, f"{legend} idle"),
                Query(f"db_client_connection_max{{{HERE}}}", f"{legend} at most"),
            ],
            runbooks=["YupanaPoolExhausted"],
        ),
        lines(
            "Waiting for a connection",
            "Requests that wait because all connections of the pool are in use.",
            "none",
            [Query(f"db_client_connection_pending_requests{{{HERE}}}", legend)],
            runbooks=["YupanaPoolExhausted"],
        ),
        lines(
            "Facts read before decisions",
            "What was not in memory and had to be read first.",
            "ops",
            [
                Query(
                    _rate("yupana_memory_misses_total", HERE, "yupana_fact"),
                    "{{yupana_fact}}",
                )
            ],
            runbooks=["YupanaPoolExhausted"],
        ),
    ]


def _growth() -> list[Panel]:
    return [
        lines(
            "Growth of the journal",
            "Entries a second, over all books.",
            "wps",
            [Query(_rate("yupana_journal_entries_total", HERE), "entries")],
        ),
        lines(
            "Partition in use",
            "How much of its newest partition of 16,777,216 entries each book has filled. Ledgers "
            "make the next one long before.",
            "percentunit",
            [
                Query(
                    "topk(10, (max by (yupana_book) (yupana_journal_seq) % 16777216) / 16777216)",
                    "{{yupana_book}}",
                )
            ],
        ),
    ]


def _view() -> list[Panel]:
    result = "yupana_view_result"
    return [
        lines(
            "Reads that the view could serve",
            "By what came of them. Hit, filled and awaited came from the view; the others went to "
            "a replica or the primary: behind, waited in vain, none (no view, or Redis is away).",
            "ops",
            [Query(_rate("yupana_view_reads_total", HERE, result), f"{{{{{result}}}}}")],
            runbooks=["YupanaViewLag"],
        ),
        lines(
            "Accounts filled",
            "Accounts that were missing and were read to be stored; refused when they changed "
            "meanwhile, or Redis is full.",
            "ops",
            [Query(_rate("yupana_view_fills_total", HERE, result), f"{{{{{result}}}}}")],
        ),
        lines(
            "Lag of the view",
            "From an entry's time to when the view shows it, of the oldest entry of each page.",
            "s",
            quantiles("yupana_view_lag_seconds", 'instance!=""'),
            runbooks=["YupanaViewLag"],
        ),
        lines(
            "Entries behind",
            "Of the view that is furthest behind, as each feed sees it.",
            "none",
            [Query("yupana_view_behind", "{{instance}}")],
            runbooks=["YupanaViewLag"],
        ),
        lines(
            "Accounts compared with the journal",
            "By the workers' audits of views, and how many of them differed.",
            "ops",
            [
                Query("sum(rate(yupana_audit_view_accounts_total[5m]))", "compared"),
                Query("sum(rate(yupana_audit_view_differences_total[5m]))", "different"),
            ],
            runbooks=["YupanaViewDifference"],
        ),
        lines(
            "Views begun anew",
            "In five minutes, by why. Each empties a book's view.",
            "none",
            [
                Query(
                    "sum by (yupana_view_cause) (increase(yupana_view_begun_total[5m]))",
                    "{{yupana_view_cause}}",
                )
            ],
        ),
    ]


def _replicas() -> list[Panel]:
    result = "yupana_replica_result"
    return [
        lines(
            "Reads that a replica could serve",
            "By what came of them; all but served went to the primary.",
            "ops",
            [Query(_rate("yupana_replica_reads_total", HERE, result), f"{{{{{result}}}}}")],
        ),
        lines(
            "Lag of replicas",
            "How much of the primary's log is not replayed, by place in YUPANA_REPLICA_URL.",
            "bytes",
            [Query("max by (yupana_replica) (yupana_replica_lag_bytes)", "{{yupana_replica}}")],
            runbooks=["YupanaReplicaLag"],
        ),
        words("Elsewhere", NOTE),
    ]
