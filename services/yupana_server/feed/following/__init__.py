"""Follows the journals of books: each is read once, for all who want to know of it."""
