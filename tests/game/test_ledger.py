from __future__ import annotations

import pytest
import torch

from atelier.game.ledger import Ledger


def test_parts_of_a_batch_weigh_what_they_are_of_it() -> None:
    """Ten images cut into 4, 4 and 2: the mean is the batch's, not that of its parts."""
    images = torch.tensor([1.0] * 8 + [11.0] * 2, dtype=torch.float64)
    whole, cut = Ledger(), Ledger()
    whole.enter({"loss": images.mean()})
    for part in images.split(4):
        cut.enter({"loss": part.mean()}, len(part) / len(images))
    for ledger in (whole, cut):
        ledger.enter({"loss": torch.tensor(5.0, dtype=torch.float64)})  # the next batch, in one piece
    assert cut.close() == pytest.approx(whole.close(), rel=1e-12)


def test_a_term_is_averaged_over_the_steps_in_which_it_acted() -> None:
    ledger = Ledger()
    for step in range(4):
        ledger.enter({"loss": torch.tensor(float(step))} | ({} if step % 2 else {"penalty": torch.tensor(step + 1.0)}))
    assert ledger.close() == {"loss": 1.5, "penalty": 2.0}
    assert ledger.close() == {}
