"""Certificates by an authority of the test's own."""

import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import trustme

SCRIPT = Path(__file__).parents[2] / "services" / "certificates.sh"


@dataclass(frozen=True)
class Certificates:
    """A folder with an authority, a server's and a client's certificate."""

    folder: Path

    def make(self) -> "Certificates":
        """Make them; the server's and the client's anew where there is an authority already."""
        subprocess.run([SCRIPT, self.folder], check=True, capture_output=True, timeout=60)
        return self

    def make_expired(self, of: "Certificates") -> "Certificates":
        """Make a server's by the authority of others that was good until yesterday."""
        self.folder.mkdir()
        shutil.copy(of.file("ca.pem"), self.folder)
        authority = trustme.CA.from_pem(
            of.file("ca.pem").read_bytes(), of.file("ca.key").read_bytes()
        )
        now = datetime.now(UTC)
        made = authority.issue_cert(
            "localhost", not_before=now - timedelta(days=9), not_after=now - timedelta(days=1)
        )
        made.private_key_pem.write_to_path(self.file("server.key"))
        for part in made.cert_chain_pems:
            part.write_to_path(self.file("server.pem"), append=True)
        return self

    def become(self, other: "Certificates") -> None:
        """Replace all files by those of another authority, one at a time."""
        for path in other.folder.iterdir():
            shutil.copy(path, self.file(f"{path.name}.new"))
            self.file(f"{path.name}.new").rename(self.file(path.name))

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
