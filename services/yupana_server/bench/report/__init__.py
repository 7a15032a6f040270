"""A report as JSON, as a page, and in the terminal."""
