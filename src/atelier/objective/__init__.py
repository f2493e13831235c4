"""What each player of an adversarial game wants of the logits: one objective per file."""
