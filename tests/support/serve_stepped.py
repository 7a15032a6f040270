"""Serves a ledger whose clock is ahead of the machine's by what a file says."""

import asyncio
import sys
from pathlib import Path

from yupana_server.ledger.clock import wall_clock
from yupana_server.ledger.service import serve
from yupana_server.runtime.config import ledger_config
from yupana_server.runtime.logs import set_up_logs


def main() -> None:
    """Serve as `yupana serve ledger` does; the file holds microseconds."""
    step = Path(sys.argv[1])
    config = ledger_config()
    set_up_logs(config.log_level, config.log_format)
    asyncio.run(serve(config, clock=lambda: wall_clock() + int(step.read_text())))


if __name__ == "__main__":
    main()
