"""One job of a sweep in a process of its own: ``python -m atelier.cli.job <words>``, started by hydra/launcher=process.

The verb stands in the environment, so that Lightning can start the further processes of a run with the same words.
"""

from __future__ import annotations

import os
import sys

from atelier.callback.sweep_parent import PARENT_SCRIPT, VERB, obey
from atelier.cli.verb import main

if __name__ == "__main__":
    sys.argv[0] = os.environ[PARENT_SCRIPT]  # commands that are printed begin as the user's did
    if "LOCAL_RANK" not in os.environ:
        obey()
    main(os.environ[VERB])
