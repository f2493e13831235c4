from __future__ import annotations

from functools import partial

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from torch.utils.data import DataLoader

from suite.race import Race, apart
from suite.turns import timed


class Toy(LightningModule):
    """Writes down when it steps."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__()
        self.layer, self.seen = torch.nn.Linear(1, 1), seen

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        self.seen.append("ours")
        return self.layer(batch).mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.mark.filterwarnings("ignore:.*LeafSpec", "ignore:.*many workers", "ignore:.*training batches")
def test_contenders_take_turns_within_the_loop(tmp_path) -> None:
    seen: list[str] = []
    rivals = {name: timed(partial(seen.append, name), int) for name in "pc"}
    race = Race(lambda model: rivals, rounds=4, settle=int, block=2)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(accelerator="cpu", max_epochs=9, callbacks=[race], default_root_dir=tmp_path, **quiet)
    trainer.fit(Toy(seen), DataLoader(torch.zeros(40, 1), num_workers=0))
    turn = ["ours"] * 2
    theirs = ["p"] * 2 + ["c"] * 2 + ["c"] * 2 + ["p"] * 2
    assert seen == turn + theirs + turn + turn + theirs + turn + turn + theirs[:4]
    assert {name: len(seconds) for name, seconds in race.counted().items()} == {"atelier": 4, "p": 4, "c": 4}


def test_distance_of_gradients_is_that_of_the_worse_player() -> None:
    d, g = torch.tensor([3.0, 4.0]), torch.tensor([1.0])
    assert apart([[d], [g]], [[d], [g]]) == 0
    assert apart([[d], [1.5 * g]], [[d], [g]]) == 0.5
    assert apart([[d.view(1, 2) * 1.25], [1.1 * g]], [[d], [g]]) == 0.25
