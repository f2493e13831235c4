"""The mark of a process that Lightning has started to follow another one of its run."""

LEADER = "ATELIER_LEADER"
"""The variable of the environment that holds the number of the process to follow."""
