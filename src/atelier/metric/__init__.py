"""Scores of generated images and the feature extractors behind them."""
