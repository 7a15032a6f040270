"""A ledger that serves by mutual TLS."""

import os
import subprocess
import sys
from pathlib import Path

from support.certificates import Certificates
from support.processes import LedgerProcess


class SecureLedger(LedgerProcess):
    """Wants to know who calls; is asked for its health by TLS."""

    def __init__(self, database_url: str, log_path: Path, certificates: Certificates):
        self._certificates = certificates
        super().__init__(
            database_url,
            log_path,
            environment={**certificates.environment("server"), "YUPANA_TLS_CLIENTS": "known"},
        )

    def serving(self, service: str = "") -> bool:
        command = [sys.executable, "-m", "yupana_server.cli.main", "health"]
        done = subprocess.run(
            [*command, "--server", self.address],
            env={**os.environ, **self._certificates.environment("client")},
            capture_output=True,
            timeout=60,
            check=False,
        )
        return done.returncode == 0
