"""The smallest DCGAN, in the words of the command line."""

from __future__ import annotations

SMALL = ("model=dcgan", "data=digits", "trainer=cpu", "model.generator.width=4", "model.critic.network.width=4")
"""Trains in a second or two; on how many images and for how long is the test's to say."""
