"""Train a small classifier for scores of your own: python src/extractor.py data=fashion_mnist."""

from atelier.cli import main

main("extractor")
