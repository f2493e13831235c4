"""One verb per file: typed functions from a checked config to a result."""
