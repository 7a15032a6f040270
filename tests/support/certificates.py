"""Certificates by an authority of the test's own."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import grpc

SCRIPT = Path(__file__).parents[2] / "services" / "certificates.sh"


@dataclass(frozen=True)
class Certificates:
    """A folder with an authority, a server's and a client's certificate."""

    folder: Path

    def make(self) -> "Certificates":
        """Make them; the server's and the client's anew where there is an authority already."""
        subprocess.run([SCRIPT, self.folder], check=True, capture_output=True, timeout=60)
        return self

    def file(self, name: str) -> Path:
        return self.folder / name

    def environment(self, who: str) -> dict[str, str]:
        """Return who a process is."""
        return {
            "YUPANA_TLS_CERTIFICATE": str(self.file(f"{who}.pem")),
            "YUPANA_TLS_KEY": str(self.file(f"{who}.key")),
            "YUPANA_TLS_CA": str(self.file("ca.pem")),
        }

    def credentials(self, who: str | None) -> grpc.ChannelCredentials:
        """Return what a client calls with; None: without a certificate of its own."""
        return grpc.ssl_channel_credentials(
            self.file("ca.pem").read_bytes(),
            None if who is None else self.file(f"{who}.key").read_bytes(),
            None if who is None else self.file(f"{who}.pem").read_bytes(),
        )
