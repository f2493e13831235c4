"""A sweeper: every combination of the listed values."""
