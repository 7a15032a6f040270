"""The Redis view: accounts of each book as they were at the view's watermark.

The feed folds the journal into it, the ledger reads it and fills what is missing. Rule R11, and
why no value is ever newer or older than its watermark: docs/decisions/010-view.md.
"""
