from __future__ import annotations

import torch

from atelier.callback.global_seed import GlobalSeed


def test_the_global_generator_is_a_function_of_seed_and_step(fit, toy) -> None:
    class Drawing(toy):
        def training_step(self, batch, batch_idx) -> None:
            drawn.append(torch.rand(1).item())

    runs = []
    for seed, disturbance in ((0, 1), (0, 2), (1, 1)):
        drawn: list[float] = []
        torch.manual_seed(disturbance)
        fit(Drawing(), GlobalSeed(seed), epochs=2)
        runs.append(drawn)
    assert runs[0] == runs[1]
    assert set(runs[0]).isdisjoint(runs[2])
    assert len(set(runs[0])) == 10
