"""`yupana bench`: how fast a ledger is, beside the limit and beside the usual way.

`profiles` is the table of what is measured, `goals` what must come out. `running` measures them in
rounds; loads and baselines run in client processes of their own (`clients`), never in the process
that waits for them.
"""
