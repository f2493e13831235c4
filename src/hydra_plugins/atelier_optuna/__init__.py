"""A sweeper: trials drawn by Optuna, kept in a storage that many workers share."""
