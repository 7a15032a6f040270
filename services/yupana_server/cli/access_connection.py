"""How the commands reach access."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeAlias

import typer

from yupana import KeyClient
from yupana_server.cli.connection import Answer, connect
from yupana_server.runtime.config import DEFAULT_ACCESS_PORT

DEFAULT_ACCESS = f"127.0.0.1:{DEFAULT_ACCESS_PORT}"
AccessOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--access", envvar="YUPANA_ACCESS_SERVER", help="Access, host:port; several with commas."
    ),
]
KeyArgument: TypeAlias = Annotated[str, typer.Argument(help="The id of the key, such as till-7.")]


def ask_keys(access: str, question: Callable[[KeyClient], Awaitable[Answer]]) -> Answer:
    """Return what one of the methods about keys answers."""

    async def work() -> Answer:
        async with connect(access, access=access) as yupana:
            return await question(yupana.keys)

    return asyncio.run(work())
