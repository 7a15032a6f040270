"""`yupana key`: who may call, what they may do, and how much."""

from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from yupana import Grant, Key, Quota
from yupana_server.cli.access_connection import (
    DEFAULT_ACCESS,
    AccessOption,
    KeyArgument,
    ask_keys,
)
from yupana_server.cli.arguments import reader
from yupana_server.cli.database import DatabaseUrl, use_journal
from yupana_server.cli.import_lines import parse_time
from yupana_server.cli.key_display import key_json, print_key, shown_quota
from yupana_server.cli.key_reads import changes, list_keys, show
from yupana_server.cli.output import JsonOption, print_json, stderr
from yupana_server.cli.terms import parse_grant, parse_length
from yupana_server.runtime.config import ConfigError, access_config

if TYPE_CHECKING:
    from yupana_server.journal.reads import JournalReader

OVERLAP = timedelta(hours=24)

key_app = typer.Typer(
    help="""Keys: who may call, what they may do, and how much.

    A service that runs with YUPANA_ACCESS=keys asks every caller for one. All commands send the
    token in YUPANA_KEY; the first key is made by `yupana key bootstrap`.
    """,
    no_args_is_help=True,
)

AllowOption: TypeAlias = Annotated[
    list[Grant] | None,
    typer.Option(
        "--allow",
        metavar="BOOK[/PREFIX]=ACTION,…",
        help="What it may do: shop=read,write or shop/users:42:=read; * for all books, all for all "
        "actions (read, write, hold, limits, force, admin). May be repeated.",
        parser=reader(parse_grant),
        show_default=False,
    ),
]
DescriptionOption: TypeAlias = Annotated[
    str | None, typer.Option(help="What it is for, for people.", show_default=False)
]
RequestsOption: TypeAlias = Annotated[
    float | None, typer.Option(help="Calls a second; 0 for no limit.", min=0, show_default=False)
]
RequestBurstOption: TypeAlias = Annotated[
    int | None,
    typer.Option(help="Calls at once; one second's worth unless given.", min=0, show_default=False),
]
TransfersOption: TypeAlias = Annotated[
    float | None, typer.Option(help="Commands a second; 0 for no limit.", min=0, show_default=False)
]
TransferBurstOption: TypeAlias = Annotated[
    int | None,
    typer.Option(
        help="Commands at once; one second's worth unless given.", min=0, show_default=False
    ),
]
ExpiresOption: TypeAlias = Annotated[
    datetime | None,
    typer.Option(
        "--expires",
        metavar="TIME",
        help="When it stops to work: 2027-01-31T00:00:00Z. Never unless given.",
        parser=reader(parse_time),
        show_default=False,
    ),
]


@key_app.command()
def bootstrap(
    key: Annotated[str, typer.Option(help="Its id.")] = "root", database_url: DatabaseUrl = None
) -> None:
    """Makes the first key, which may do everything, and prints its token, this once.

    Works on the database directly: log in as yupana_access or as its owner. Needs the
    YUPANA_ACCESS_HASH_KEY of the services.

    Example: export YUPANA_KEY=$(yupana key bootstrap --database-url postgresql://…)
    """
    from yupana_server.access.bootstrap import bootstrap as make

    config = access_config(database_url=database_url)

    def work(journal: "JournalReader") -> Awaitable[str | None]:
        return make(journal, config.hash_keys[0], key)

    token = use_journal(config, work)
    if token is None:
        raise ConfigError(
            f"there is a key {key} already: make others with it (`yupana key create`), or choose "
            "another --key"
        )
    print(token)
    stderr().print("the token is shown this once: keep it secret, and safe")


@key_app.command()
def create(
    key: Annotated[
        str, typer.Argument(help="Its id; a new one is made without.", show_default=False)
    ] = "",
    allow: AllowOption = None,
    description: DescriptionOption = None,
    requests_per_second: RequestsOption = None,
    request_burst: RequestBurstOption = None,
    transfers_per_second: TransfersOption = None,
    transfer_burst: TransferBurstOption = None,
    expires: ExpiresOption = None,
    certificate: Annotated[
        str,
        typer.Option(
            help="A name in the certificate of whoever calls (mutual TLS), instead of a token.",
            show_default=False,
        ),
    ] = "",
    access: AccessOption = DEFAULT_ACCESS,
    as_json: JsonOption = False,
) -> None:
    """Creates a key and shows its token, this once.

    Example: yupana key create till-7 --allow shop=read,write --transfers-per-second 50
    """
    quota = _quota(requests_per_second, request_burst, transfers_per_second, transfer_burst)
    made = ask_keys(
        access,
        lambda keys: keys.create(
            allow or (),
            id=key,
            description=description or "",
            quota=quota,
            expires_at=expires,
            certificate_name=certificate,
        ),
    )
    _print_token(made, as_json)


@key_app.command()
def update(
    key: KeyArgument,
    allow: AllowOption = None,
    description: DescriptionOption = None,
    requests_per_second: RequestsOption = None,
    request_burst: RequestBurstOption = None,
    transfers_per_second: TransfersOption = None,
    transfer_burst: TransferBurstOption = None,
    expires: ExpiresOption = None,
    access: AccessOption = DEFAULT_ACCESS,
    as_json: JsonOption = False,
) -> None:
    """Changes what is given of a key; --allow replaces all that it may do, limits all limits.

    Example: yupana key update till-7 --allow shop=read
    """
    quota = _quota(requests_per_second, request_burst, transfers_per_second, transfer_burst)
    changed = ask_keys(
        access,
        lambda keys: keys.update(
            key, grants=allow, description=description, quota=quota, expires_at=expires
        ),
    )
    print_key(changed, as_json)


@key_app.command()
def rotate(
    key: KeyArgument,
    overlap: Annotated[
        timedelta | None,
        typer.Option(
            metavar="LENGTH",
            help="For how long tokens from before go on to work: 90s, 15m, 24h, 7d. 0s when one "
            "became known to others.",
            parser=reader(parse_length),
            show_default="24h",
        ),
    ] = None,
    access: AccessOption = DEFAULT_ACCESS,
    as_json: JsonOption = False,
) -> None:
    """Makes another token and shows it, this once.

    Example: yupana key rotate till-7 --overlap 7d
    """
    length = OVERLAP if overlap is None else overlap
    _print_token(ask_keys(access, lambda keys: keys.rotate(key, overlap=length)), as_json)


@key_app.command()
def revoke(
    key: KeyArgument, access: AccessOption = DEFAULT_ACCESS, as_json: JsonOption = False
) -> None:
    """Ends a key, for good and everywhere within 5 seconds.

    Example: yupana key revoke till-7
    """
    print_key(ask_keys(access, lambda keys: keys.revoke(key)), as_json)


@key_app.command()
def quota(
    book: Annotated[str, typer.Argument(help="The id of the book.")],
    requests_per_second: RequestsOption = None,
    request_burst: RequestBurstOption = None,
    transfers_per_second: TransfersOption = None,
    transfer_burst: TransferBurstOption = None,
    access: AccessOption = DEFAULT_ACCESS,
) -> None:
    """Shows how much all keys together may do in a book; sets it when limits are given.

    Example: yupana key quota shop --transfers-per-second 5000
    """
    wanted = _quota(requests_per_second, request_burst, transfers_per_second, transfer_burst)
    if wanted is None:
        found = ask_keys(access, lambda keys: keys.book_quota(book))
    else:
        found = ask_keys(access, lambda keys: keys.set_book_quota(book, wanted))
    print(shown_quota(found) or "no limit")


key_app.command("show")(show)
key_app.command("list")(list_keys)
key_app.command("changes")(changes)


def _quota(
    requests: float | None, request_burst: int | None, transfers: float | None, burst: int | None
) -> Quota | None:
    if requests is None and request_burst is None and transfers is None and burst is None:
        return None
    return Quota(requests or 0, request_burst or 0, transfers or 0, burst or 0)


def _print_token(key: Key, as_json: bool) -> None:
    if as_json:
        print_json(key_json(key) | {"token": key.token or None})
        return
    print_key(key, as_json, token=key.token)
    if key.token:
        stderr().print("the token is shown this once: send it as `authorization: Bearer TOKEN`")
