"""`yupana key show`, `list` and `changes`."""

from typing import Annotated

import typer

from yupana import Key, KeyClient
from yupana_server.cli.access_connection import (
    DEFAULT_ACCESS,
    AccessOption,
    KeyArgument,
    ask_keys,
)
from yupana_server.cli.key_display import change_json, key_json, print_key, shown_quota
from yupana_server.cli.output import JsonOption, print_json, print_table, shown_time

CHANGE_FIELDS = ("time", "actor", "kind", "key", "book", "detail")


def show(
    key: KeyArgument, access: AccessOption = DEFAULT_ACCESS, as_json: JsonOption = False
) -> None:
    """Shows a key: what it may do, how much, until when, and when it was last used.

    Example: yupana key show till-7
    """
    print_key(ask_keys(access, lambda keys: keys.get(key)), as_json)


def list_keys(access: AccessOption = DEFAULT_ACCESS, as_json: JsonOption = False) -> None:
    """Lists the keys that you may manage.

    Example: yupana key list
    """

    async def all_of(keys: KeyClient) -> list[Key]:
        return [key async for key in keys.list()]

    found = ask_keys(access, all_of)
    if as_json:
        print_json([key_json(key) for key in found])
        return
    rows = [
        (
            key.id,
            key.description,
            str(len(key.grants)),
            shown_quota(key.quota),
            shown_time(key.last_used_at),
            "revoked" if key.revoked_at else shown_time(key.expires_at),
        )
        for key in found
    ]
    titles = ("key", "description", ">grants", "quota", "last used", "ends")
    print_table(titles, rows, "there are no keys")


def changes(
    key: Annotated[
        str, typer.Argument(help="Of this key only.", metavar="[KEY]", show_default=False)
    ] = "",
    access: AccessOption = DEFAULT_ACCESS,
    as_json: JsonOption = False,
) -> None:
    """Lists who changed which key or quota, the newest first.

    Example: yupana key changes till-7
    """

    async def all_of(keys: KeyClient) -> list[dict[str, object]]:
        return [change_json(change) async for change in keys.changes(key)]

    found = ask_keys(access, all_of)
    if as_json:
        print_json(found)
        return
    rows = [tuple(str(each[name]) for name in CHANGE_FIELDS) for each in found]
    print_table(CHANGE_FIELDS, rows, "nothing was changed")
