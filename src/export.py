"""Networks for others: python src/export.py ckpt=<run folder> format=onnx|torch_export|safetensors|reference."""

from atelier.cli import main

main("export")
