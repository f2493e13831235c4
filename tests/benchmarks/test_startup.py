from __future__ import annotations

from suite.startup import by_package

REPORT = """\
import time: self [us] | cumulative | imported package
import time:       250 |        250 |   zipimport
import time:      1000 |       1250 |     torch.cuda
import time:      2000 |       3250 |   torch
import time:       500 |       3750 | atelier.task
"""


def test_a_package_takes_what_its_own_modules_take() -> None:
    assert by_package(REPORT).most_common(2) == [("torch", 0.003), ("atelier", 0.0005)]
