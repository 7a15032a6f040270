"""How endpoints and deliveries are shown, to people and as JSON."""

from datetime import datetime

from yupana import EventFilter, Webhook, WebhookDelivery
from yupana_server.cli.output import print_facts, print_json, shown_time

Document = dict[str, object]


def print_webhook(webhook: Webhook, as_json: bool, *, secret: str = "") -> None:
    """Print an endpoint as it stands, with its secret where that was just made."""
    if as_json:
        print_json(webhook_json(webhook))
        return
    print_facts(
        (
            ("endpoint", webhook.id),
            ("url", webhook.url),
            ("description", webhook.description),
            ("secret", secret),
            ("events", shown_filter(webhook.wanted)),
            ("order", webhook.order.value),
            ("at a time", str(webhook.concurrency)),
            ("state", webhook.state.value),
            ("failures", shown_failures(webhook)),
            ("not looked through", f"{webhook.lag:,} entries"),
            ("waiting", f"{webhook.waiting:,}"),
            ("dead letters", f"{webhook.dead_letters:,}"),
            ("position", webhook.position),
            ("created", shown_time(webhook.created_at)),
        )
    )


def shown_failures(webhook: Webhook) -> str:
    """Return how often it failed in a row, and since when; nothing when it did not."""
    if not webhook.failures:
        return ""
    return f"{webhook.failures:,} since {shown_time(webhook.failing_since)}"


def shown_filter(wanted: EventFilter) -> str:
    """Return which events are wanted, in a few words."""
    parts = {
        "accounts": [f"{prefix}…" for prefix in wanted.account_prefixes],
        "kinds": [kind.value for kind in wanted.kinds],
        "codes": list(wanted.codes),
        "reasons": [reason.value for reason in wanted.reasons],
    }
    words = [f"{name} {', '.join(values)}" for name, values in parts.items() if values]
    if wanted.rejected is not None:
        words.append("rejected" if wanted.rejected else "done")
    return "; ".join(words) or "all"


def shown_error(delivery: WebhookDelivery) -> str:
    """Return what the last attempt said, in a few words."""
    last = delivery.last_attempt
    if last is None:
        return ""
    status = str(last.status) if last.status else ""
    return " ".join(filter(None, (status, last.error if last.error != "status" else "")))


def webhook_json(webhook: Webhook) -> Document:
    """Return an endpoint for JSON, without its secrets."""
    wanted = webhook.wanted
    return {
        "id": webhook.id,
        "url": webhook.url,
        "description": webhook.description,
        "filter": {
            "account_prefixes": list(wanted.account_prefixes),
            "kinds": [kind.value for kind in wanted.kinds],
            "codes": list(wanted.codes),
            "reasons": [reason.value for reason in wanted.reasons],
            "rejected": wanted.rejected,
        },
        "order": webhook.order.value,
        "concurrency": webhook.concurrency,
        "state": webhook.state.value,
        "failures": webhook.failures,
        "failing_since": _time(webhook.failing_since),
        "lag": webhook.lag,
        "waiting": webhook.waiting,
        "dead_letters": webhook.dead_letters,
        "position": webhook.position,
        "etag": webhook.etag,
        "create_time": _time(webhook.created_at),
        "update_time": _time(webhook.updated_at),
    }


def delivery_json(delivery: WebhookDelivery) -> Document:
    """Return a delivery for JSON."""
    last = delivery.last_attempt
    return {
        "id": delivery.id,
        "event_id": delivery.event_id,
        "type": delivery.type,
        "subject": delivery.subject,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "create_time": _time(delivery.created_at),
        "next_attempt_time": _time(delivery.next_attempt_at),
        "last_attempt": last
        and {
            "start_time": _time(last.began_at),
            "latency_s": last.latency.total_seconds(),
            "status": last.status or None,
            "error": last.error or None,
            "excerpt": last.excerpt,
        },
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
