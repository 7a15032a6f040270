"""The pure heart of the ledger: what a book is and how it decides.

`decide(state, commands, now)` gives outcomes, `evolve(state, entry)` gives the next state.
Standard library only: no I/O, no clock, nothing of the other packages.

Times are whole microseconds since the Unix epoch, UTC (`int`), as the journal has them: arithmetic
on them is exact and knows no zones. Amounts are `int`, in the smallest unit of their asset.
"""
