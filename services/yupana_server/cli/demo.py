"""`yupana demo`: plays a ticket sale and prints what happened."""

import sys

from yupana_server.runtime.config import ConfigError


def demo() -> None:
    """Plays a ticket sale against an embedded stack and prints what happened.

    200 buyers race for 50 seats and pay from their wallets, each purchase one linked chain, with
    calls repeated and dropped on purpose. Ends by itself and leaves nothing behind. Exits with 1
    when one of its own claims does not hold.
    """
    try:
        from yupana_server.dev.demo import play_and_print
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"`yupana demo` needs packages that are not installed ({error.name}): "
            "pip install 'yupana-server[dev]'"
        ) from error
    if not play_and_print():
        sys.exit(1)
