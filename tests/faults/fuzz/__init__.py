"""What is sent to a ledger to see whether it stays upright, and how its answers are judged."""
