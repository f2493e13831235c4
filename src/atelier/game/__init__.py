"""The machinery of alternating play: turns, critics, latents, averages, schedules."""
