from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from sklearn.decomposition import PCA
from torch import Tensor, nn
from torch.utils.data import DataLoader

from atelier.augment.corruption import Masking
from atelier.augment.none import NoAugment
from atelier.data.digits import Digits
from atelier.game.schedule import Constant, LinearDecay
from atelier.model.autoencoder import Autoencoder
from atelier.network.init import Xavier
from atelier.network.mlp_autoencoder import MLPAutoencoder
from atelier.objective.reconstruction import L2
from atelier.pixels import from_levels, to_levels, to_unit
from atelier.regularizer.kl_sparsity import KLSparsity
from atelier.regularizer.no_sparsity import NoSparsity
from atelier.types import Encoder, Filtered, ImageBatch, Mistake, Reconstructor, Sampler

SIDE = 4


def network(**options: Any) -> MLPAutoencoder:
    given = {"channels": 1, "image_size": SIDE, "units": 3, "hidden": [], "code": nn.Sigmoid(), "output": nn.Sigmoid()}
    return MLPAutoencoder(**{**given, **options})


def model(**options: Any) -> Autoencoder:
    given: dict[str, Any] = {
        "network": network(),
        "reconstruction": L2(0.5),
        "corruption": NoAugment(),
        "sparsity": NoSparsity(),
        "weight_decay": 0.0,
        "initialize": Xavier(1.0),
        "optimizer": partial(torch.optim.Adam, lr=1e-2),
        "schedule": Constant(),
        "seed": 0,
    }
    return Autoencoder(**{**given, **options})


def batches(images: Tensor, size: int) -> DataLoader[ImageBatch]:
    def rows() -> Iterator[ImageBatch]:
        for step, part in enumerate(torch.arange(len(images)).split(size)):
            yield ImageBatch(images[part], part, None, step, step * size / len(images))

    return DataLoader(list(rows()), batch_size=None)  # type: ignore[arg-type]  # a list is dataset enough


def fit(module: LightningModule, images: Tensor, tmp_path: Path, *, epochs: int = 1, size: int = 8) -> Trainer:
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        default_root_dir=tmp_path,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(does not have many workers|LeafSpec|no `val_dataloader`).*")
        warnings.filterwarnings("ignore", message=".*number of training batches.*")
        trainer.fit(module, batches(images, size))
    return trainer


def images(count: int = 16, seed: int = 0) -> Tensor:
    return torch.rand(count, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(seed)) * 2 - 1


class Recorded:
    """A ledger that keeps every entry."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def enter(self, terms: dict[str, Tensor]) -> None:
        self.rows.append({name: value.item() for name, value in terms.items()})

    def close(self) -> dict[str, float]:
        return {}


# --- the loss -----------------------------------------------------------------------------------------------


def test_the_loss_of_the_notes_against_a_number_computed_by_hand(tmp_path: Path) -> None:
    """Two images of one pixel, one unit, all weights known: J of Ng 2011 with rho 0.05, beta 3, lambda 1e-4."""
    net = network(image_size=1, units=1)
    autoencoder = model(
        network=net,
        sparsity=KLSparsity(1, rho=0.05, weight=3.0, decay=0.9),
        weight_decay=1e-4,
        initialize=lambda _: None,
    )
    with torch.no_grad():
        for parameter, value in zip(net.parameters(), (2.0, -1.0, -3.0, 0.5), strict=True):
            parameter.fill_(value)
    autoencoder.ledger = Recorded()
    fit(autoencoder, from_levels(torch.tensor([0.25, 1.0])).view(2, 1, 1, 1), tmp_path, size=2)

    def sigmoid(x: float) -> float:
        return 1 / (1 + math.exp(-x))

    levels = (0.25, 1.0)
    codes = [sigmoid(2.0 * x - 1.0) for x in levels]  # 0.3775, 0.7311
    made = [sigmoid(-3.0 * a + 0.5) for a in codes]
    error = sum(0.5 * (m - x) ** 2 for m, x in zip(made, levels, strict=True)) / 2
    mean = sum(codes) / 2
    divergence = 0.05 * math.log(0.05 / mean) + 0.95 * math.log(0.95 / (1 - mean))
    row = autoencoder.ledger.rows[0]
    assert row["train/reconstruction"] == pytest.approx(error, rel=1e-5)
    assert row["train/sparsity"] == pytest.approx(3 * divergence, rel=1e-5)
    assert row["train/weight_decay"] == pytest.approx(1e-4 / 2 * (2.0**2 + 3.0**2), rel=1e-5)
    assert row["train/loss"] == pytest.approx(1.977424, abs=1e-5)


def test_logged_terms_sum_to_the_loss(tmp_path: Path) -> None:
    autoencoder = model(sparsity=KLSparsity(3, 0.1, 1.0, 0.9), weight_decay=1e-2)
    autoencoder.ledger = Recorded()
    fit(autoencoder, images(), tmp_path)
    assert len(autoencoder.ledger.rows) == 2
    for row in autoencoder.ledger.rows:
        total = row.pop("train/loss")
        assert total == pytest.approx(sum(row.values()), rel=1e-6) and len(row) == 3


def test_weight_decay_leaves_biases_alone(tmp_path: Path) -> None:
    """With nothing to learn but the decay, weights shrink and biases stay."""
    net = network()
    autoencoder = model(network=net, weight_decay=1.0, reconstruction=lambda made, target: 0.0 * made.sum())
    for name, parameter in net.named_parameters():
        nn.init.ones_(parameter) if name.endswith("bias") else None
    before = {name: parameter.detach().clone() for name, parameter in net.named_parameters()}
    fit(autoencoder, images(), tmp_path, epochs=3)
    for name, parameter in net.named_parameters():
        if name.endswith("bias"):
            assert torch.equal(parameter, before[name])
        else:
            assert parameter.norm() < before[name].norm()


def test_a_damaged_image_is_encoded_and_the_clean_one_is_the_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Tensor] = {}
    autoencoder = model(
        corruption=Masking(0.5), reconstruction=lambda made, target: seen.update(t=target) or made.mean()
    )
    encode = autoencoder.network.encode
    monkeypatch.setattr(autoencoder.network, "encode", lambda levels: seen.update(x=levels) or encode(levels))
    given = images(8)
    fit(autoencoder, given, tmp_path)
    assert torch.equal(seen["t"], to_levels(given))
    assert 0.2 < (seen["x"] == 0).float().mean() < 0.8
    kept = seen["x"] != 0
    assert torch.equal(seen["x"][kept], seen["t"][kept])


def test_the_schedule_sets_the_learning_rate(tmp_path: Path) -> None:
    autoencoder = model(schedule=LinearDecay(hold=1, decay=1))
    trainer = fit(autoencoder, images(), tmp_path, epochs=2)
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(1e-2)  # the epoch of these batches is below 1
    autoencoder.on_train_batch_start(ImageBatch(images(), torch.arange(16), None, 9, 1.5), 0)
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.5e-2)


# --- laws ---------------------------------------------------------------------------------------------------


def test_a_linear_autoencoder_reaches_the_principal_subspace(tmp_path: Path) -> None:
    """Baldi & Hornik 1989: its held-out error is PCA's, to 1 %."""
    source = Digits(image_size=8, channels=1)
    train, test = (to_unit(source.load(split).pixels) for split in ("train", "test"))
    linear = network(image_size=8, units=10, code=nn.Identity(), output=nn.Identity())
    torch.manual_seed(0)
    autoencoder = model(
        network=linear, reconstruction=L2(1.0), optimizer=partial(torch.optim.LBFGS, max_iter=60, history_size=30)
    )
    fit(autoencoder, train, tmp_path, epochs=6, size=len(train))
    with torch.no_grad():
        levels = to_levels(test)
        error = (linear.decode(linear.encode(levels)) - levels).square().mean().item()
    principal = PCA(10).fit(to_levels(train).flatten(1).numpy())
    flat = levels.flatten(1).numpy()
    best = float(np.square(principal.inverse_transform(principal.transform(flat)) - flat).mean())
    assert error == pytest.approx(best, rel=0.01)


def test_tied_weights_are_tied_after_training_saving_and_loading(tmp_path: Path) -> None:
    first = model(network=network(tied=True, hidden=[5]))
    start = first.network.get_parameter("encoder.1.weight").detach().clone()
    fit(first, images(), tmp_path, epochs=2)
    torch.save(first.state_dict(), tmp_path / "state.pt")
    second = model(network=network(tied=True, hidden=[5]))
    second.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    for trained in (first, second):
        looks, draws = trained.network.filters().values()
        assert torch.equal(looks, draws) and not torch.equal(looks, start.view_as(looks))
    assert torch.equal(first.reconstruct(images(3)), second.reconstruct(images(3)))


# --- what others may ask ------------------------------------------------------------------------------------


def test_it_is_what_the_protocols_say() -> None:
    autoencoder = model()
    assert isinstance(autoencoder, Encoder) and isinstance(autoencoder, Reconstructor)
    assert isinstance(autoencoder, Filtered) and not isinstance(autoencoder, Sampler)


def test_codes_reconstructions_and_walks() -> None:
    autoencoder, given = model(), images(6)
    assert autoencoder.encode(given).shape == (6, 3)
    made = autoencoder.reconstruct(given)
    assert made.shape == given.shape and made.min() >= -1 and made.max() <= 1
    walk = autoencoder.between(given[:2], given[2:4], steps=5).view(2, 5, 1, SIDE, SIDE)
    torch.testing.assert_close(walk[:, 0], made[:2])
    torch.testing.assert_close(walk[:, -1], made[2:4])
    judged = autoencoder.validation_step(ImageBatch(given, torch.arange(6), None, 0, 0.0), 0)
    torch.testing.assert_close(judged.fake, made)


def test_a_linear_output_is_kept_within_what_pictures_can_show() -> None:
    autoencoder = model(network=network(output=nn.Identity(), code=nn.Identity()))
    assert autoencoder.decode(100 * torch.randn(4, 3)).abs().max() <= 1


def test_pixels_that_are_no_numbers_are_refused_by_name() -> None:
    given = images(4)
    given[2, 0, 1, 1] = math.nan
    with pytest.raises(Mistake, match=r"image 2 .* NaN"):
        model().encode(given)
    with pytest.raises(Mistake, match=r"\(1, 4, 4\)"):
        model().reconstruct(torch.zeros(2, 1, 5, 5))


@pytest.mark.parametrize(
    "given", [images(1), torch.full((8, 1, SIDE, SIDE), -1.0), torch.full((8, 1, SIDE, SIDE), 1.0)]
)
def test_one_image_or_constant_images_give_no_nan(given: Tensor, tmp_path: Path) -> None:
    autoencoder = model(sparsity=KLSparsity(3, 0.05, 3.0, 0.9), weight_decay=1e-4)
    autoencoder.ledger = Recorded()
    fit(autoencoder, given, tmp_path, epochs=20)
    assert all(math.isfinite(value) for row in autoencoder.ledger.rows for value in row.values())
    assert autoencoder.reconstruct(given).isfinite().all()


def test_a_code_wider_than_the_image_is_worth_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "atelier"):
        fit(model(network=network(units=SIDE * SIDE)), images(), tmp_path)
        assert not caplog.messages
        fit(model(network=network(units=SIDE * SIDE + 1)), images(), tmp_path)
    assert "network.units=17" in caplog.text and "16 numbers" in caplog.text


def test_negative_weight_decay_is_refused() -> None:
    with pytest.raises(Mistake, match=r"model\.weight_decay=-1"):
        model(weight_decay=-1.0)
