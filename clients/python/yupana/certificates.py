"""TLS by files that are read again when they change."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from os import PathLike

LOOK_EVERY_S = 1.0
"""How often it is looked whether files have changed, while calls are made."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Who the client trusts and who it is, in files of PEM that may be replaced at any time.

    What connects from then on uses the new ones; calls under way end on the connections that they
    have. Files that cannot be used, such as while they are being replaced, change nothing.
    """

    authority: str | PathLike[str] | None = None
    """The certificates of the authorities that are trusted. None: those that gRPC brings."""
    certificate: str | PathLike[str] | None = None
    """The client's own, with those between it and its authority, for mutual TLS."""
    key: str | PathLike[str] | None = None
    """Its private key, not encrypted."""

    def credentials(self) -> grpc.ChannelCredentials:
        """Read the files as they are now.

        Raises:
            OSError: A file cannot be read, is no PEM, or certificate and key do not belong
                together.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.authority is not None:
            context.load_verify_locations(self.authority)
        if self.certificate is not None:
            # An empty password, so that OpenSSL asks nobody for one.
            context.load_cert_chain(self.certificate, self.key, password="")
        files = (self.authority, self.key, self.certificate)
        return grpc.ssl_channel_credentials(*(_read(path) for path in files))

    def stamps(self) -> list[tuple[int, int]]:
        """Return what differs once a file has changed.

        Raises:
            OSError: A file is not there.
        """
        files = (self.authority, self.certificate, self.key)
        stats = [Path(path).stat() for path in files if path is not None]
        return [(each.st_mtime_ns, each.st_ino) for each in stats]


class Renewals:
    """Notices when certificates have changed."""

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates
        self._stamps = certificates.stamps()
        self._look_at_s = 0.0
        self._first: grpc.ChannelCredentials | None = certificates.credentials()

    def take(self) -> grpc.ChannelCredentials | None:
        """Return the credentials if they are others than at the last time, or it is the first."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        now_s = time.monotonic()
        if now_s < self._look_at_s:
            return None
        self._look_at_s = now_s + LOOK_EVERY_S
        try:
            stamps = self._certificates.stamps()
            if stamps == self._stamps:
                return None
            found = self._certificates.credentials()
        except OSError:
            return None
        self._stamps = stamps
        return found


def _read(path: str | PathLike[str] | None) -> bytes | None:
    return None if path is None else Path(path).read_bytes()
