"""Differentiable augmentation of what a critic sees."""
