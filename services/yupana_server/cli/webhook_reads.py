"""`yupana webhook show`, `list` and `deliveries`: how deliveries go."""

from typing import Annotated

import typer

from yupana import Webhook, WebhookClient, WebhookDelivery, WebhookDeliveryState
from yupana_server.cli.arguments import BookArgument, LimitOption
from yupana_server.cli.feed_connection import DEFAULT_FEED, FeedOption, ask_webhooks
from yupana_server.cli.output import JsonOption, print_json, print_table, shown_time
from yupana_server.cli.reading import first
from yupana_server.cli.webhook_display import (
    delivery_json,
    print_webhook,
    shown_error,
    shown_failures,
    webhook_json,
)


def show(
    book: BookArgument,
    endpoint: Annotated[str, typer.Argument(help="The id of the endpoint.")],
    feed: FeedOption = DEFAULT_FEED,
    as_json: JsonOption = False,
) -> None:
    """Shows an endpoint: what it wants, whether it is served, how far behind it is.

    Example: yupana webhook show shop crm
    """
    print_webhook(ask_webhooks(feed, book, lambda webhooks: webhooks.get(endpoint)), as_json)


def list_webhooks(
    book: BookArgument, feed: FeedOption = DEFAULT_FEED, as_json: JsonOption = False
) -> None:
    """Lists the endpoints of a book.

    Example: yupana webhook list shop
    """

    async def read(webhooks: WebhookClient) -> list[Webhook]:
        return [each async for each in webhooks.list()]

    found = ask_webhooks(feed, book, read)
    if as_json:
        print_json([webhook_json(each) for each in found])
        return
    columns = ("endpoint", "url", "state", "failures", ">behind", ">waiting", ">dead letters")
    rows = [
        (
            each.id,
            each.url,
            each.state.value,
            shown_failures(each),
            f"{each.lag:,}",
            f"{each.waiting:,}",
            f"{each.dead_letters:,}",
        )
        for each in found
    ]
    print_table(columns, rows, f"no webhooks: yupana webhook create {book} crm https://…")


def deliveries(
    book: BookArgument,
    endpoint: Annotated[str, typer.Argument(help="The id of the endpoint.")],
    state: Annotated[
        WebhookDeliveryState | None,
        typer.Option(help="Only these; dead are the dead letters.", show_default=False),
    ] = None,
    limit: LimitOption = 50,
    feed: FeedOption = DEFAULT_FEED,
    as_json: JsonOption = False,
) -> None:
    """Lists deliveries of an endpoint, the newest first, with what was answered last.

    Example: yupana webhook deliveries shop crm --state dead
    """

    async def read(webhooks: WebhookClient) -> list[WebhookDelivery]:
        return await first(webhooks.deliveries(endpoint, state=state), limit)

    found = ask_webhooks(feed, book, read)
    if as_json:
        print_json([delivery_json(each) for each in found])
        return
    columns = ("id", "event", "type", "state", ">attempts", "last", "answer", ">ms", "next")
    print_table((*columns, "excerpt"), map(_row, found), "no deliveries")


def _row(delivery: WebhookDelivery) -> tuple[str, ...]:
    last = delivery.last_attempt
    return (
        delivery.id,
        delivery.event_id,
        delivery.type,
        delivery.state.value,
        str(delivery.attempts),
        "" if last is None else shown_time(last.began_at),
        shown_error(delivery),
        "" if last is None else f"{last.latency.total_seconds() * 1000:.0f}",
        shown_time(delivery.next_attempt_at),
        "" if last is None else " ".join(last.excerpt.split())[:60],
    )
