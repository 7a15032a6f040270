"""Client of Yupana, the ledger that counts exactly once."""
