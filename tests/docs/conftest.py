from __future__ import annotations

import sys
from pathlib import Path

# The site's hooks are plain modules beside the pages.
sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "hooks"))
