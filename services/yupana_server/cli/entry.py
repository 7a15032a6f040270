"""Where the script `yupana` begins: Ctrl-C ends it quietly, also while modules are imported."""

import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130


def main() -> None:
    """Import the command and run it."""
    # A KeyboardInterrupt inside an import can be caught, or printed, by whoever imports.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    try:
        from yupana_server.cli.main import main as run

        if signal.getsignal(signal.SIGINT) is _leave:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _leave(_number: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)  # Nothing was begun that would have to be cleaned up.


if __name__ == "__main__":
    main()
