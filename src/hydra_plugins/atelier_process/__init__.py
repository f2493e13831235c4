"""A launcher: a process per job."""
