"""Real Postgres and Valkey servers as child processes, for development, the demo and tests."""
