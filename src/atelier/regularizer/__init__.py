"""Penalties on a critic."""
