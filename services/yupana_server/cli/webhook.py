"""`yupana webhook`: where the events of a book are posted to."""

from datetime import datetime, timedelta
from typing import Annotated, TypeAlias

import typer

from yupana import EntryKind, EventFilter, Reason, Webhook, WebhookOrder
from yupana_server.cli.arguments import BookArgument, SinceOption, reader
from yupana_server.cli.feed_connection import DEFAULT_FEED, FeedOption, ask_webhooks
from yupana_server.cli.output import JsonOption, print_json, stderr
from yupana_server.cli.terms import parse_length, parse_reason
from yupana_server.cli.webhook_display import print_webhook, webhook_json
from yupana_server.cli.webhook_reads import deliveries, list_webhooks, show

webhook_app = typer.Typer(
    help="Webhooks: endpoints that the events of a book are posted to, signed, at least once.",
    no_args_is_help=True,
)

OVERLAP = timedelta(hours=24)

EndpointArgument: TypeAlias = Annotated[
    str, typer.Argument(help="The id of the endpoint, such as crm.")
]
DescriptionOption: TypeAlias = Annotated[
    str | None, typer.Option(help="What it is, for people.", show_default=False)
]
PrefixesOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--prefix",
        help="Only events of accounts whose ids begin so: users:42:. May be repeated.",
        show_default=False,
    ),
]
KindsOption: TypeAlias = Annotated[
    list[EntryKind] | None,
    typer.Option(
        "--kind",
        metavar="KIND",
        help="Only this kind: transfer, hold, capture, … May be repeated.",
        show_default=False,
    ),
]
CodesOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--code", help="Only with this code. May be repeated.", show_default=False),
]
ReasonsOption: TypeAlias = Annotated[
    list[Reason] | None,
    typer.Option(
        "--reason",
        metavar="REASON",
        help="Only what was rejected for this: BELOW_MIN_BALANCE. May be repeated.",
        parser=reader(parse_reason),
        show_default=False,
    ),
]
RejectedOption: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--rejected/--done", help="Only what was rejected, or was done.", show_default=False
    ),
]
ConcurrencyOption: TypeAlias = Annotated[
    int | None,
    typer.Option(
        help="How many deliveries may be under way: 8 unless given.",
        min=1,
        max=64,
        show_default=False,
    ),
]
AfterOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--after",
        metavar="POSITION",
        help="Begin after the entry at this position.",
        show_default=False,
    ),
]
BeginningOption: TypeAlias = Annotated[
    bool, typer.Option("--from-beginning", help="Begin with the book's first entry.")
]


@webhook_app.command("create")
def create(
    book: BookArgument,
    endpoint: EndpointArgument,
    url: Annotated[str, typer.Argument(help="Where to post to: https://host/path.")],
    description: DescriptionOption = None,
    prefix: PrefixesOption = None,
    kind: KindsOption = None,
    code: CodesOption = None,
    reason: ReasonsOption = None,
    rejected: RejectedOption = None,
    order: Annotated[
        WebhookOrder,
        typer.Option(help="by_account: a failing event holds up later ones of its accounts."),
    ] = WebhookOrder.BY_ACCOUNT,
    concurrency: ConcurrencyOption = None,
    after: AfterOption = None,
    since: SinceOption = None,
    from_beginning: BeginningOption = False,
    feed: FeedOption = DEFAULT_FEED,
    as_json: JsonOption = False,
) -> None:
    """Creates an endpoint and shows its secret, this once. It begins with what comes from now on.

    Its owner verifies deliveries with the secret and a library of Standard Webhooks.

    Example: yupana webhook create shop crm https://crm.example.com/yupana --prefix users:
    """
    made = ask_webhooks(
        feed,
        book,
        lambda webhooks: webhooks.create(
            endpoint,
            url,
            description=description or "",
            wanted=_wanted(prefix, kind, code, reason, rejected),
            order=order,
            concurrency=concurrency or 0,
            position=after,
            since=since,
            from_beginning=from_beginning,
        ),
    )
    _print_secret(made, as_json)


@webhook_app.command("update")
def update(
    book: BookArgument,
    endpoint: EndpointArgument,
    url: Annotated[
        str | None, typer.Option(help="Where to post to from now on.", show_default=False)
    ] = None,
    description: DescriptionOption = None,
    prefix: PrefixesOption = None,
    kind: KindsOption = None,
    code: CodesOption = None,
    reason: ReasonsOption = None,
    rejected: RejectedOption = None,
    everything: Annotated[bool, typer.Option("--everything", help="Take its filter away.")] = False,
    order: Annotated[WebhookOrder | None, typer.Option(show_default=False)] = None,
    concurrency: ConcurrencyOption = None,
    feed: FeedOption = DEFAULT_FEED,
    as_json: JsonOption = False,
) -> None:
    """Changes what is given of an endpoint; options of the filter replace the whole filter.

    Example: yupana webhook update shop crm --url https://crm.example.com/new
    """
    wanted = _wanted(prefix, kind, code, reason, rejected)
    if everything and wanted is not None:
        raise typer.BadParameter("it takes the filter away", param_hint="--everything")
    changed = ask_webhooks(
        feed,
        book,
        lambda webhooks: webhooks.update(
            endpoint,
            url=url,
            description=description,
            wanted=EventFilter() if everything else wanted,
            order=order,
            concurrency=concurrency,
        ),
    )
    print_webhook(changed, as_json)


@webhook_app.command("delete")
def delete(book: BookArgument, endpoint: EndpointArgument, feed: FeedOption = DEFAULT_FEED) -> None:
    """Deletes an endpoint with its backlog and the list of its deliveries, for good.

    Example: yupana webhook delete shop crm
    """
    ask_webhooks(feed, book, lambda webhooks: webhooks.delete(endpoint))
    stderr().print("deleted")


@webhook_app.command("rotate")
def rotate(
    book: BookArgument,
    endpoint: EndpointArgument,
    overlap: Annotated[
        timedelta | None,
        typer.Option(
            metavar="LENGTH",
            help="For how long the old secret is signed with as well: 90s, 15m, 24h, 7d. "
            "0s when it became known to others.",
            parser=reader(parse_length),
            show_default="24h",
        ),
    ] = None,
    feed: FeedOption = DEFAULT_FEED,
    as_json: JsonOption = False,
) -> None:
    """Makes a new secret and shows it, this once.

    Example: yupana webhook rotate shop crm --overlap 7d
    """
    length = OVERLAP if overlap is None else overlap
    made = ask_webhooks(feed, book, lambda webhooks: webhooks.rotate(endpoint, overlap=length))
    _print_secret(made, as_json)


@webhook_app.command("pause")
def pause(
    book: BookArgument,
    endpoint: EndpointArgument,
    feed: FeedOption = DEFAULT_FEED,
    as_json: JsonOption = False,
) -> None:
    """Stops deliveries. What happens meanwhile is delivered after `yupana webhook resume`.

    Example: yupana webhook pause shop crm
    """
    print_webhook(ask_webhooks(feed, book, lambda webhooks: webhooks.pause(endpoint)), as_json)


@webhook_app.command("resume")
def resume(
    book: BookArgument,
    endpoint: EndpointArgument,
    feed: FeedOption = DEFAULT_FEED,
    as_json: JsonOption = False,
) -> None:
    """Goes on with deliveries, whatever had stopped them; what waits is tried at once.

    Example: yupana webhook resume shop crm
    """
    print_webhook(ask_webhooks(feed, book, lambda webhooks: webhooks.resume(endpoint)), as_json)


@webhook_app.command("replay")
def replay(
    book: BookArgument,
    endpoint: EndpointArgument,
    after: AfterOption = None,
    since: SinceOption = None,
    from_beginning: BeginningOption = False,
    feed: FeedOption = DEFAULT_FEED,
    as_json: JsonOption = False,
) -> None:
    """Delivers once more what follows a position or a time, with the same ids.

    A position ahead of where the endpoint is skips what is between.

    Example: yupana webhook replay shop crm --since 2026-11-21T09:30:00Z
    """
    _one_start(after, since, from_beginning)
    replayed = ask_webhooks(
        feed,
        book,
        lambda webhooks: webhooks.replay(
            endpoint, position=after, since=since, from_beginning=from_beginning
        ),
    )
    print_webhook(replayed, as_json)


@webhook_app.command("retry")
def retry(
    book: BookArgument,
    endpoint: EndpointArgument,
    delivery: Annotated[
        list[str] | None,
        typer.Argument(help="The ids of deliveries. Without them all dead letters.", metavar="ID"),
    ] = None,
    feed: FeedOption = DEFAULT_FEED,
    as_json: JsonOption = False,
) -> None:
    """Has dead letters, or deliveries that are named, delivered once more; at most 1,000.

    Example: yupana webhook retry shop crm 1-42
    """
    retried = ask_webhooks(feed, book, lambda webhooks: webhooks.retry(endpoint, delivery or ()))
    if as_json:
        print_json({"retried": retried})
    else:
        stderr().print(f"{retried} are delivered once more")


webhook_app.command("show")(show)
webhook_app.command("list")(list_webhooks)
webhook_app.command("deliveries")(deliveries)


def _wanted(
    prefixes: list[str] | None,
    kinds: list[EntryKind] | None,
    codes: list[str] | None,
    reasons: list[Reason] | None,
    rejected: bool | None,
) -> EventFilter | None:
    wanted = EventFilter(prefixes or (), kinds or (), codes or (), reasons or (), rejected)
    return None if wanted == EventFilter() else wanted


def _one_start(after: str | None, since: datetime | None, from_beginning: bool) -> None:
    if (after is not None) + (since is not None) + from_beginning != 1:
        hint = "--after, --since and --from-beginning"
        raise typer.BadParameter("give one of them", param_hint=hint)


def _print_secret(webhook: Webhook, as_json: bool) -> None:
    if as_json:
        print_json(webhook_json(webhook) | {"secret": webhook.secret or None})
        return
    print_webhook(webhook, as_json, secret=webhook.secret)
    if webhook.secret:
        stderr().print("the secret is shown this once: keep it where the receiver finds it")
