"""Yupana's server: a ledger that counts exactly once, over Postgres."""
