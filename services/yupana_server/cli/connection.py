"""How the commands reach the ledger."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, TypeAlias, TypeVar

import typer

from yupana import (
    BookClient,
    Certificates,
    DeadlineExceeded,
    Unauthenticated,
    Unavailable,
    Yupana,
    YupanaError,
)
from yupana_server.cli.output import stderr
from yupana_server.runtime.config import DEFAULT_PORT, ConfigError, TlsConfig, caller_config

DEFAULT_SERVER = f"127.0.0.1:{DEFAULT_PORT}"
# A person waits; whoever wants to be patient repeats the command, which is safe.
TIMEOUT_S = 5.0
# Longer than it takes to connect, shorter than it takes to wonder.
SILENCE_S = 0.5
ADVICE = "is it running? start one with `yupana dev`, or name another with {option}"

Answer = TypeVar("Answer")
ServerOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--server",
        envvar="YUPANA_SERVER",
        help="The ledger, host:port; several separated by commas.",
    ),
]


def ask(server: str, book: str, question: Callable[[BookClient], Awaitable[Answer]]) -> Answer:
    """Return what one of a book's methods answers, over a connection of its own."""

    async def work() -> Answer:
        async with connect(server) as yupana:
            return await question(yupana.book(book))

    return asyncio.run(work())


@asynccontextmanager
async def connect(
    server: str,
    timeout_s: float = TIMEOUT_S,
    *,
    feed: str | None = None,
    access: str | None = None,
) -> AsyncIterator[Yupana]:
    """Give a client of the servers that an option or YUPANA_SERVER names, of a feed's, of access.

    Tells on stderr when it has to wait for a connection, and adds advice to the error when there
    never was one.

    Raises:
        ConfigError: It is not a list of host:port.
    """
    names = addresses(server)
    config = caller_config()
    async with Yupana(
        *names,
        feed=[] if feed is None else addresses(feed),
        access=[] if access is None else addresses(access),
        key=None if config.key is None else config.key.get_secret_value(),
        credentials=certificates(config),
        write_timeout_s=timeout_s,
        read_timeout_s=timeout_s,
    ) as yupana:
        telling = asyncio.create_task(_tell_of_waiting(yupana, names))
        try:
            yield yupana
        except YupanaError as error:
            if _is_silence(error) and not yupana.connected:
                option = "--access" if access else "--feed" if feed else "--server"
                error.add_note(ADVICE.format(option=option))
            if isinstance(error, Unauthenticated):
                error.add_note("name a token in YUPANA_KEY; `yupana key create` makes one")
            raise
        finally:
            telling.cancel()


def addresses(server: str) -> list[str]:
    """Return the servers that an option or YUPANA_SERVER names.

    Raises:
        ConfigError: It is not a list of host:port.
    """
    names = [name.strip() for name in server.split(",")]
    for name in names:
        host, _, port = name.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ConfigError(
                f"the server {name!r} is not host:port, such as {DEFAULT_SERVER}: "
                "check --server and YUPANA_SERVER"
            )
    return list(dict.fromkeys(names))


def certificates(config: TlsConfig) -> Certificates | None:
    """Return what to call services with; None for plain text.

    Raises:
        ConfigError: The files cannot be read, or do not belong together.
    """
    files = (config.tls_ca, config.tls_certificate, config.tls_key)
    if not any(files):
        return None
    found = Certificates(*files)
    try:
        found.credentials()
    except OSError as error:  # An ssl.SSLError is one.
        names = ", ".join(str(path) for path in files if path is not None)
        raise ConfigError(f"the certificates cannot be used ({error}): {names}") from error
    return found


async def _tell_of_waiting(yupana: Yupana, names: list[str]) -> None:
    await asyncio.sleep(SILENCE_S)
    if not yupana.connected:
        stderr().print(f"waiting for {' or '.join(names)} …", markup=False, soft_wrap=True)


def _is_silence(error: BaseException | None) -> bool:
    """Tell whether it says, or was caused by, that no server answered."""
    if isinstance(error, (DeadlineExceeded, Unavailable)):
        return error.reason is None
    return isinstance(error, YupanaError) and _is_silence(error.__cause__)
