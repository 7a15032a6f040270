"""The `yupana` command."""

import os

# Before gRPC is imported: its core writes log lines of its own, with bytes that callers sent.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
