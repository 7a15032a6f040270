"""Who may do what, and how much: what every process shares that lets callers in."""
