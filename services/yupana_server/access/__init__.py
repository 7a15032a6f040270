"""The `access` process: keys, quotas, and what the edge asks."""
