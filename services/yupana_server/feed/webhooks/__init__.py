"""Webhooks: carries the events of a book to endpoints outside, signed, in order, at least once."""
