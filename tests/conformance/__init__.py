"""The contract as tables: cases that the pure heart and a real server must both pass."""
