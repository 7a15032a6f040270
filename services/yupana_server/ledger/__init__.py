"""The ledger service: decides and records commands, answers reads."""
