"""A ledger that serves by mutual TLS."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from support.certificates import Certificates
from support.processes import LedgerProcess


class SecureLedger(LedgerProcess):
    """Wants to know who calls; is asked for its health by TLS."""

    def __init__(
        self,
        database_url: str,
        log_path: Path,
        certificates: Certificates,
        environment: Mapping[str, str] = {},
    ):
        self._certificates = certificates
        tls = {**certificates.environment("server"), "YUPANA_TLS_CLIENTS": "known"}
        super().__init__(database_url, log_path, environment={**tls, **environment})

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
