"""What the benchmarks are made of: taking turns, plain renderings, ceilings, memory, tables."""

import sys
from pathlib import Path

# A checkout serves as it is, installed or not.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))
