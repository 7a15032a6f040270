"""Signs deliveries as Standard Webhooks say, with every secret that is valid at the moment."""

import base64
import os
from collections.abc import Sequence
from datetime import datetime

from standardwebhooks import Webhook

SECRET_BYTES = 32
PREFIX = "whsec_"


def new_secret() -> bytes:
    """Make a secret."""
    return os.urandom(SECRET_BYTES)


def shown_secret(secret: bytes) -> str:
    """Write a secret as receivers configure it."""
    return PREFIX + base64.b64encode(secret).decode()


def signed_headers(
    secrets: Sequence[bytes], *, id_: str, at: datetime, body: str
) -> dict[str, str]:
    """Return the headers by which a receiver knows the delivery.

    There is a signature for each secret: while one replaces another, receivers that know either
    are content.
    """
    signatures = [Webhook(secret).sign(id_, at, body) for secret in secrets]
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
