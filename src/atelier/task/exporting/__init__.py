"""The forms in which a model's networks leave this project, one per file."""
