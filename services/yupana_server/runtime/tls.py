"""TLS: who a process is, and whom it trusts. Certificates are read anew when their files change."""

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import structlog

from yupana_server.runtime.config import ConfigError, TlsConfig

log = structlog.get_logger("yupana.tls")


class Identity(NamedTuple):
    """The files that say who a process is, and whom it trusts."""

    certificate: Path
    """With the certificates between it and the authority behind it, in PEM."""
    key: Path
    authority: Path | None
    """The certificates of authorities, in PEM; None: those of the system."""

    @property
    def files(self) -> Sequence[Path]:
        """All of them."""
        return [path for path in self if path is not None]

    def check(self) -> None:
        """Check that certificate and key belong together and that all can be read.

        Raises:
            OSError: A file cannot be read.
            ssl.SSLError: They do not belong together, or are no PEM.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if self.authority is not None:
            context.load_verify_locations(self.authority)


def server_credentials(config: TlsConfig) -> grpc.ServerCredentials | None:
    """Return what to serve with; None for plain text.

    Raises:
        ConfigError: The files cannot be read, or do not belong together.
    """
    identity = _identity(config)
    if identity is None:
        return None
    watched = _Watched(identity, mutual=config.tls_clients == "known")
    make: Any = grpc.dynamic_ssl_server_credentials  # The types know nothing of it.
    return make(  # type: ignore[no-any-return]
        watched.configuration(), watched.changed, config.tls_clients == "known"
    )


def _identity(config: TlsConfig) -> Identity | None:
    if config.tls_certificate is None or config.tls_key is None:
        return None
    identity = Identity(config.tls_certificate, config.tls_key, config.tls_ca)
    try:
        identity.check()
    except (OSError, ssl.SSLError) as error:
        names = ", ".join(map(str, identity.files))
        raise ConfigError(f"the certificates cannot be used ({error}): {names}") from error
    return identity


class _Watched:
    """Reads certificates again when their files have changed; gRPC asks at every handshake."""

    def __init__(self, identity: Identity, *, mutual: bool):
        self._identity = identity
        self._mutual = mutual
        self._seen = self._stamps()

    def configuration(self) -> Any:
        """Return the certificates as they are now."""
        authority = self._identity.authority if self._mutual else None
        make: Any = grpc.ssl_server_certificate_configuration
        return make(
            [(self._identity.key.read_bytes(), self._identity.certificate.read_bytes())],
            None if authority is None else authority.read_bytes(),
        )

    def changed(self) -> Any:
        """Return the certificates if they are others than before, else None.

        Files that cannot be used, such as while they are being replaced, change nothing.
        """
        try:
            stamps = self._stamps()
            if stamps == self._seen:
                return None
            self._identity.check()
            found = self.configuration()
        except (OSError, ssl.SSLError) as error:
            log.warning("certificates_unusable", error=str(error))
            return None
        self._seen = stamps
        log.info("certificates_changed")
        return found

    def _stamps(self) -> list[tuple[int, int]]:
        stats = [path.stat() for path in self._identity.files]
        return [(each.st_mtime_ns, each.st_ino) for each in stats]
