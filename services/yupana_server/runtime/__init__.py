"""What every process shares: configuration, telemetry, logs, the gRPC server, errors."""
