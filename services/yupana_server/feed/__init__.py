"""The feed: follows every book's journal and folds what can be folded again from nothing."""
