"""Integrity: whether the journal is what it must be, and what threatens it."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from generator.pages import page
from generator.panels import Panel, Query, lines, number, words

APPENDS = "yupana_append_duration_seconds_count"

HELP = """
An **audit** follows every journal and folds it anew with nothing taken on trust: hash chain, gaps,
times, balances, ids, words. It goes on all the time, in the workers.

    yupana audit show            # where it stands, what it found
    yupana audit show BOOK

**Verify** decides a whole book again, on demand, and compares every outcome. It exits with 1 on any
difference.

    yupana verify BOOK

**Epochs** count how often a book's history was cut:

    yupana epoch show
"""


def dashboard() -> Dashboard:
    """Return the dashboard."""
    return page(
        "yupana-integrity",
        "Yupana / Integrity",
        "What the audit finds, how far it is, and what went wrong with histories and clocks.",
        [*_overview(), *_audit(), *_threats()],
    )


def _overview() -> list[Panel]:
    return [
        number(
            "Differences",
            "Found by the audit and not acknowledged, over all books. Above 0: look at once.",
            "none",
            "max(yupana_audit_differences)",
            bad_above=1,
            runbooks=["YupanaAuditDifference"],
        ),
        number(
            "Books with differences",
            "Books in which the audit found differences that nobody acknowledged.",
            "none",
            "max(yupana_audit_books)",
            bad_above=1,
            runbooks=["YupanaAuditDifference"],
        ),
        number(
            "Books not audited",
            "Books that a worker cannot audit at all.",
            "none",
            "max(yupana_audit_failing)",
            bad_above=1,
            runbooks=["YupanaAuditImpossible"],
        ),
        number(
            "Audit lag",
            "Entries that wait for their audit, of the book that is furthest behind.",
            "short",
            "max(yupana_audit_lag)",
            bad_above=1_000_000,
            runbooks=["YupanaAuditLag"],
        ),
        number(
            "Histories cut",
            "Servers that saw in the last hour that the database had lost entries which they knew.",
            "none",
            f'sum(increase({APPENDS}{{error_type="HistoryChangedError"}}[1h])) or on () vector(0)',
            bad_above=1,
            runbooks=["YupanaHistoryCut"],
        ),
        number(
            "Poison",
            "Rows in the last hour that Postgres refused although they were valid.",
            "none",
            f'sum(increase({APPENDS}{{error_type="PoisonError"}}[1h])) or on () vector(0)',
            bad_above=1,
            runbooks=["YupanaPoison"],
        ),
    ]


def _audit() -> list[Panel]:
    return [
        lines(
            "Recorded and audited",
            "Entries a second. While audited is below recorded, the lag grows; a second look "
            "over the past counts as audited too.",
            "wps",
            [
                Query("sum(rate(yupana_journal_entries_total[$__rate_interval]))", "recorded"),
                Query("sum(rate(yupana_audit_entries_total[$__rate_interval]))", "audited"),
            ],
            runbooks=["YupanaAuditLag"],
        ),
        lines(
            "Audit lag",
            "Entries that wait for their audit, of the book that is furthest behind.",
            "short",
            [
                Query("max(yupana_audit_lag)", "furthest behind"),
                Query(
                    "topk(5, clamp_min(max by (yupana_book) (yupana_journal_seq) "
                    "- max by (yupana_book) (yupana_audit_seq), 0))",
                    "{{yupana_book}}",
                ),
            ],
            runbooks=["YupanaAuditLag"],
        ),
        lines(
            "Differences",
            "Not acknowledged, over all books; and books that cannot be audited.",
            "none",
            [
                Query("max(yupana_audit_differences)", "differences"),
                Query("max(yupana_audit_failing)", "books that cannot be audited"),
            ],
            runbooks=["YupanaAuditDifference", "YupanaAuditImpossible"],
        ),
    ]


def _threats() -> list[Panel]:
    kinds = "HistoryChangedError|PoisonError|ClockSkewError|UnknownCommitError"
    return [
        lines(
            "What threatens a history",
            "Appends by what stopped them: HistoryChangedError the tail is gone (R1), PoisonError "
            "a valid row was refused (R6), ClockSkewError clocks differ (R8), UnknownCommitError "
            "the answer was lost (R3) and the end is looked up.",
            "none",
            [
                Query(
                    f'sum by (error_type, yupana_book) ({APPENDS}{{error_type=~"{kinds}"}}) '
                    "or on () vector(0)",
                    "{{error_type}} {{yupana_book}}",
                )
            ],
            runbooks=["YupanaHistoryCut", "YupanaPoison", "YupanaClockSkew"],
            traces="&operation=batch",
        ),
        lines(
            "Alerts",
            "Alerts that fire or are about to.",
            "none",
            [
                Query(
                    'count by (alertname, alertstate) (ALERTS{alertname=~"Yupana.*"}) '
                    "or on () vector(0)",
                    "{{alertname}} {{alertstate}}",
                )
            ],
        ),
        words("How to look yourself", HELP),
    ]
