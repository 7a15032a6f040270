"""Ledger: what is recorded, what becomes of commands, how books fare."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from generator.pages import BOOK, page
from generator.panels import Panel, Query, lines, number, quantiles

BOOKS = 'yupana_book=~"$book"'
APPENDS = "yupana_append_duration_seconds"


def dashboard() -> Dashboard:
    """Return the dashboard."""
    return page(
        "yupana-ledger",
        "Yupana / Ledger",
        "Commands and outcomes, batches and conflicts, the busiest books, holds, feed, webhooks.",
        [*_overview(), *_outcomes(), *_books(), *_batches(), *_memory(), *_feed(), *_webhooks()],
        variables=[BOOK],
    )


def _rate(metric: str, labels: str, by: str = "") -> str:
    group = f" by ({by})" if by else ""
    return f"sum{group} (rate({metric}{{{labels}}}[$__rate_interval]))"


def _share(outcome: str) -> str:
    part = _rate("yupana_outcomes_total", f'{BOOKS},yupana_outcome=~"{outcome}"')
    return f"{part} / ({_rate('yupana_outcomes_total', BOOKS)} > 0) or on () vector(0)"


def _overview() -> list[Panel]:
    return [
        number(
            "Commands",
            "Commands a second that were answered.",
            "cps",
            _rate("yupana_outcomes_total", BOOKS),
        ),
        number(
            "Entries",
            "Entries a second that were recorded.",
            "wps",
            _rate("yupana_journal_entries_total", BOOKS),
        ),
        number(
            "Rejected",
            "Share of commands that a business rule said no to.",
            "percentunit",
            _share("rejected|refused"),
        ),
        number(
            "Replayed",
            "Share of commands whose outcome was known already: callers that send again.",
            "percentunit",
            _share("replayed"),
        ),
        number(
            "Open holds",
            "Of all books, counted twice a minute, a million at most.",
            "none",
            "max(yupana_holds_open)",
        ),
        number(
            "Projection lag",
            "Entries that the projection lacks which is furthest behind.",
            "none",
            "max(yupana_projection_lag)",
            bad_above=20_000,
            runbooks=["YupanaProjectionLag"],
        ),
    ]


def _outcomes() -> list[Panel]:
    reasons = _rate("yupana_outcomes_total", f'{BOOKS},yupana_reason!=""', "yupana_reason")
    done = _rate("yupana_outcomes_total", f'{BOOKS},yupana_outcome="done"', "yupana_command")
    return [
        lines(
            "Outcomes",
            "What became of commands. Rejected and refused are answers, not failures.",
            "cps",
            [Query(_rate("yupana_outcomes_total", BOOKS, "yupana_outcome"), "{{yupana_outcome}}")],
            traces="",
        ),
        lines(
            "Rejected and refused, by reason",
            "Why commands were not done. REJECTION_QUOTA_EXCEEDED: too many rejections of one key.",
            "cps",
            [Query(f"{reasons} or on () vector(0)", "{{yupana_reason}}")],
        ),
        lines(
            "Done, by kind of command",
            "Commands that did what they asked for.",
            "cps",
            [Query(done, "{{yupana_command}}")],
        ),
    ]


def _books() -> list[Panel]:
    entries = _rate("yupana_journal_entries_total", BOOKS, "yupana_book")
    queue = f"sum by (yupana_book) (yupana_queue_commands{{{BOOKS}}})"
    return [
        lines(
            "Hot books",
            "The ten books with most entries a second.",
            "wps",
            [Query(f"topk(10, {entries})", "{{yupana_book}}")],
            traces="",
        ),
        lines(
            "Queue by book",
            "Commands that wait to be decided, over all servers; 65,536 of a server at most.",
            "none",
            [Query(f"topk(10, {queue})", "{{yupana_book}}")],
            runbooks=["YupanaQueueSaturated", "YupanaBookStandsStill"],
        ),
        lines(
            "Queue wait",
            "How long requests waited until they were decided. Points lead to their traces.",
            "s",
            quantiles("yupana_queue_wait_seconds", ""),
            runbooks=["YupanaQueueSaturated"],
            traces="",
        ),
        lines(
            "Journal",
            "The newest entry of each book. A partition holds 16,777,216 of a book.",
            "none",
            [
                Query(
                    f"topk(10, max by (yupana_book) (yupana_journal_seq{{{BOOKS}}}))",
                    "{{yupana_book}}",
                )
            ],
        ),
    ]


def _batches() -> list[Panel]:
    size = (
        "sum(rate(yupana_batch_{what}_sum[$__rate_interval])) "
        "/ (sum(rate(yupana_batch_{what}_count[$__rate_interval])) > 0) or on () vector(0)"
    )
    failed = _rate(f"{APPENDS}_count", f'{BOOKS},error_type!=""', "error_type")
    conflicts = _rate("yupana_batch_conflicts_total", BOOKS, "yupana_book")
    commits = _rate(f"{APPENDS}_count", f'{BOOKS},error_type=""')
    return [
        lines(
            "Batches",
            "Commits a second. The more a batch carries, the cheaper each entry.",
            "ops",
            [Query(commits, "commits"), Query(f"{failed} or on () vector(0)", "{{error_type}}")],
            runbooks=["YupanaBookStandsStill"],
            traces="&operation=batch",
        ),
        lines(
            "Size of a batch",
            "Entries and requests of a commit, on average.",
            "none",
            [
                Query(size.format(what="entries"), "entries"),
                Query(size.format(what="requests"), "requests"),
            ],
        ),
        lines(
            "Append",
            "From asking for the book's lock to the commit. Points lead to the batch's trace.",
            "s",
            quantiles(APPENDS, f'{BOOKS},error_type=""'),
            runbooks=["YupanaLatencyBurnsFast"],
            traces="&operation=batch",
        ),
        lines(
            "Conflicts by book",
            "Batches a second that found that another server had been first (R4), and were decided "
            "again.",
            "ops",
            [Query(f"topk(10, {conflicts})", "{{yupana_book}}")],
            runbooks=["YupanaConflictStorm"],
            traces="&operation=batch",
        ),
    ]


def _memory() -> list[Panel]:
    misses = "sum by (yupana_fact) (rate(yupana_memory_misses_total[$__rate_interval]))"
    per_command = (
        "1 - clamp_max(sum(rate(yupana_memory_misses_total[$__rate_interval])) "
        "/ (sum(rate(yupana_outcomes_total[$__rate_interval])) > 0), 1) or vector(1)"
    )
    return [
        lines(
            "Facts read before decisions",
            "What was not in memory: accounts, holds, ids that may have been used before.",
            "ops",
            [Query(misses, "{{yupana_fact}}")],
            runbooks=["YupanaPoolExhausted"],
        ),
        lines(
            "Memory hits",
            "Commands that were decided without reading anything, as a share: at least so many, "
            "since a command may need several facts.",
            "percentunit",
            [Query(per_command, "hits")],
        ),
        lines(
            "Accounts in memory",
            "Of each book, over all servers.",
            "none",
            [
                Query(
                    f"topk(10, sum by (yupana_book) (yupana_memory_accounts{{{BOOKS}}}))",
                    "{{yupana_book}}",
                )
            ],
        ),
        lines(
            "Open holds",
            "Of all books, counted twice a minute, a million at most.",
            "none",
            [Query("max(yupana_holds_open)", "open")],
        ),
        lines(
            "Holds that expired",
            "Holds a second that expired, because somebody came by or by the sweep.",
            "ops",
            [Query(_rate("yupana_holds_expired_total", BOOKS), "expired")],
        ),
    ]


def _feed() -> list[Panel]:
    ended = _rate("yupana_rpc_streams_ended_total", "", "rpc_response_status_code, yupana_reason")
    return [
        lines(
            "Subscribers' lag",
            "From an entry's time to when it is sent to a subscriber that is not behind.",
            "s",
            quantiles("yupana_feed_lag_seconds", ""),
            runbooks=["YupanaEventLoopLag"],
        ),
        lines(
            "Subscribers",
            "Subscriptions under way, and the books that they are about.",
            "none",
            [
                Query("sum(yupana_feed_subscribers)", "subscribers"),
                Query("sum(yupana_feed_followed)", "books"),
            ],
        ),
        lines(
            "Events",
            "Told to subscribers, added to Redis Streams, and read from the journal: live once for "
            "all subscribers of a book, backlog for those who lie further back.",
            "wps",
            [
                Query(_rate("yupana_feed_events_total", ""), "told"),
                Query(_rate("yupana_feed_published_total", ""), "published"),
                Query(_rate("yupana_feed_entries_total", "", "yupana_way"), "{{yupana_way}}"),
            ],
        ),
        lines(
            "Looks at the journal",
            "By what said that there is something new. Without announcements Redis is away.",
            "ops",
            [Query(_rate("yupana_feed_wake_ups_total", "", "yupana_source"), "{{yupana_source}}")],
        ),
        lines(
            "Subscriptions that ended",
            "By why: SLOW_CONSUMER was cut off, DRAINING sent to another feed.",
            "ops",
            [
                Query(
                    f"{ended} or on () vector(0)", "{{rpc_response_status_code}} {{yupana_reason}}"
                )
            ],
        ),
    ]


def _webhooks() -> list[Panel]:
    ended = (
        "sum by (yupana_webhook_result) (rate(yupana_webhook_deliveries_total[$__rate_interval]))"
    )
    behind = f"max by (yupana_book) (yupana_webhook_lag{{{BOOKS}}}) or on () vector(0)"
    return [
        lines(
            "Webhook endpoints",
            "By state. Failing and gone ones keep their backlog.",
            "none",
            [
                Query(
                    "sum by (yupana_webhook_state) (yupana_webhook_endpoints)",
                    "{{yupana_webhook_state}}",
                )
            ],
            runbooks=["YupanaWebhookFailing"],
        ),
        lines(
            "Webhook deliveries",
            "Deliveries a second that ended: made, or given up.",
            "cps",
            [Query(ended, "{{yupana_webhook_result}}")],
            runbooks=["YupanaWebhookDeadLetters"],
        ),
        lines(
            "Webhook backlog",
            "Entries that the endpoint of a book was not looked through which is furthest behind.",
            "none",
            [Query(behind, "{{yupana_book}}")],
        ),
    ]
