from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from atelier.callback.appraisal import Appraisal
from atelier.callback.bookkeeping import Bookkeeping
from atelier.callback.cabinet import Cabinet
from atelier.callback.checkpoints import Checkpoints
from atelier.callback.frames import studies
from atelier.callback.picture import Pairs
from atelier.callback.pictures import read_caption
from atelier.callback.progress import ProgressLine
from atelier.callback.report import Report, write_report
from atelier.callback.results import Results
from atelier.callback.summary import next_commands
from atelier.game.ledger import Ledger
from atelier.metric.activity import Activity
from atelier.metric.code_splits import Coded
from atelier.metric.principal import PrincipalError
from atelier.types import ImageBatch, Judged, Mistake


class Halves(LightningModule):
    """A "model" whose code is the image's upper half, and whose reconstruction comes nearer by the epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.ledger, self.weight = Ledger(), nn.Parameter(torch.zeros(3))

    def training_step(self, batch: ImageBatch, batch_idx: int) -> None:
        self.ledger.enter({"train/loss": torch.tensor(2.0), "train/reconstruction": torch.tensor(2.0)})

    def validation_step(self, batch: ImageBatch, batch_idx: int) -> Judged:
        return Judged(batch.images, self.reconstruct(batch.images), batch.indices)

    def encode(self, images: Tensor) -> Tensor:
        return images[:, :, :4].flatten(1)

    def reconstruct(self, images: Tensor) -> Tensor:
        return images * (1 - 1 / (2 + self.current_epoch))

    def between(self, first: Tensor, second: Tensor, steps: int) -> Tensor:
        share = torch.linspace(0, 1, steps).view(1, -1, 1, 1, 1)
        return torch.lerp(first[:, None], second[:, None], share).flatten(0, 1)

    def filters(self) -> Mapping[str, Tensor]:
        return {"encoder": torch.randn(5, 1, 8, 8), "decoder": torch.zeros(5, 1, 8, 8)}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Means:
    """An examiner that keeps what it is given."""

    names: Mapping[str, bool | None] = {"means": None}

    def __init__(self) -> None:
        self.given: list[tuple[Coded, Coded]] = []

    def __call__(self, train: Coded, test: Coded) -> dict[str, float]:
        self.given.append((train, test))
        return {"means": float(test.codes.mean())}

    def protocol(self) -> dict[str, Any]:
        return {"kind": "mean"}


def appraisal(**examiners: Any) -> Appraisal:
    return Appraisal(train=30, test=1000, examiners={"activity": Activity(0.1), "left out": None, **examiners})


def cabinet(rho: float | None = 0.1) -> Cabinet:
    return Cabinet(Pairs(3, 2, 60), rho=rho, walks=2, steps=4)


def test_figures_equal_the_direct_computation(fit, pictures) -> None:
    data, board = pictures(), appraisal()
    fit(Halves(), board, data=data, epochs=2)
    levels = data.images["test"].double() / 255
    expected = ((levels - 0.5) / 3).square().mean().item()
    results = board.results()
    assert results["val/mse"]["last"] == pytest.approx(expected, rel=1e-5)
    assert results["val/mse"]["best_epoch"] == 2 and results["val/mse"]["higher_is_better"] is False
    assert results["val/psnr"]["last"] == pytest.approx(-10 * math.log10(expected), rel=1e-5)
    assert results["val/activation"]["last"] == pytest.approx((2 * levels - 1)[:, :, :4].mean().item(), abs=1e-6)


@pytest.mark.parametrize("size", [24, 5])
def test_figures_do_not_depend_on_the_batch_size(fit, pictures, size: int) -> None:
    whole, cut = appraisal(), appraisal()
    fit(Halves(), whole, data=pictures(), epochs=1)
    fit(Halves(), cut, data=pictures(eval_batch_size=size), epochs=1)
    for name, score in whole.results().items():
        assert cut.results()[name]["last"] == pytest.approx(score["last"], rel=1e-5)


def test_examiners_get_as_many_images_as_there_are_and_always_the_same(fit, pictures) -> None:
    examiner, data = Means(), pictures()
    fit(Halves(), appraisal(means=examiner), data=data, epochs=2)
    (train, test), (again, _) = examiner.given
    assert train.levels.shape == (30, 64) and test.codes.shape == (24, 32)
    assert train.labels is None and again.levels is train.levels
    assert test.levels == pytest.approx(data.images["test"].flatten(1).numpy() / 255, abs=1e-6)


def test_labels_that_some_images_lack_are_nobodys(fit, pictures, monkeypatch) -> None:
    """Whether an image has one is known batch by batch, and probes are asked about all images at once."""
    examiner, data = Means(), pictures()
    batches = data._batches

    def half_labelled(split: str, count: int | None = None, *, batch_size: int = 5) -> Iterator[ImageBatch]:
        for number, batch in enumerate(batches(split, batch_size)):
            yield batch._replace(labels=None if number else torch.zeros(len(batch.images), dtype=torch.int64))

    monkeypatch.setattr(data, "reals", half_labelled)
    fit(Halves(), appraisal(means=examiner), data=data, epochs=1)
    [(train, test)] = examiner.given
    assert train.labels is None and test.labels is None


def test_every_figure_carries_its_protocol(fit) -> None:
    board = appraisal(means=Means(), principal=PrincipalError())
    fit(Halves(), board, epochs=1)
    results = board.results()
    assert results["val/mse"]["protocol"] == {"split": "test", "images": 24, "levels": "[0, 1]"}
    assert results["val/means"]["protocol"] == {"split": "test", "train": 30, "test": 24, "kind": "mean"}
    assert "5 px" in results["val/ssim"]["protocol"]["window"]
    again = appraisal(means=Means(), principal=PrincipalError())
    again.load_state_dict(json.loads(json.dumps(board.state_dict())))
    assert again.results() == results


def test_the_first_board_decides_and_all_boards_are_told(fit, scoreboard, tmp_path: Path, caplog) -> None:
    board, results = appraisal(), Results("autoencoder", "pictures", seed=0)
    with caplog.at_level("INFO", "atelier"):
        watchers = (board, scoreboard, results, Checkpoints(), ProgressLine({"loss": "train/loss"}, 1.0))
        fit(Halves(), *watchers, epochs=2, enable_checkpointing=True)
    kept = json.loads((tmp_path / "run" / "results.json").read_text())["scores"]
    assert next(iter(kept)) == "val/mse" and "val/distance_pixels" in kept
    assert kept["val/distance_pixels"]["protocol"]["seed"] is None
    assert (tmp_path / "run" / "checkpoints" / "best.ckpt").exists()
    told = [record.getMessage() for record in caplog.records if record.name.startswith("atelier")]
    assert [message.partition(" (")[0][:20] for message in told] == ["epoch 1/2 · val/mse ", "epoch 2/2 · val/mse "]


def test_pictures_of_a_run(fit, tmp_path: Path) -> None:
    fit(Halves(), Bookkeeping(1), appraisal(), cabinet(), Report(), epochs=2)
    samples = tmp_path / "run" / "samples"
    found = sorted(path.stem for path in samples.iterdir())
    assert found == [
        *("activations", "codes", "epoch_0001", "epoch_0002"),
        *("filters_decoder", "filters_encoder", "interpolation"),
    ]
    assert [study.caption.title for study in studies(samples, budget=10**6)] == [
        *("Mean activations", "Map of codes", "Decoder's filters", "Encoder's filters"),
    ]
    page = write_report(tmp_path / "run").read_text()
    for words in ("Reconstructions through time", "Map of codes", "A closer look", "The loss", "straight line"):
        assert words in page


def test_a_pair_is_an_image_and_its_reconstruction(fit, pictures, tmp_path: Path) -> None:
    data = pictures()
    fit(Halves(), appraisal(), cabinet(), data=data, epochs=1)
    real = data.images["test"].float() / 127.5 - 1
    drawn = Pairs(3, 2, 60).draw(real[:6] / 2, real[:6])
    with Image.open(tmp_path / "run" / "samples" / "epoch_0001.png") as kept:
        assert (torch.tensor(list(kept.get_flattened_data())) == torch.from_numpy(drawn).reshape(-1, 3)).all()
    assert read_caption(tmp_path / "run" / "samples" / "epoch_0001.png").title == "Reconstructions through time"


def test_next_commands_are_those_for_codes(tmp_path: Path) -> None:
    (tmp_path / "overrides.yaml").write_text("- model=autoencoder\n- corruption=masking\n")
    l2 = {"_target_": "atelier.objective.reconstruction.L2", "factor": 1.0}
    OmegaConf.save({"reconstruction": l2, "model": {"reconstruction": l2}}, tmp_path / "config.yaml")
    told = " ".join(next_commands(tmp_path, "encode").values())
    assert "encode" in told and "sample" not in told and told.endswith("reconstruction=l1")


def test_impossible_numbers_are_refused_by_name() -> None:
    with pytest.raises(Mistake, match=r"callback\.appraisal\.train=0"):
        Appraisal(train=0, test=1, examiners={})
    with pytest.raises(Mistake, match=r"callback\.cabinet\.walks=0"):
        Cabinet(Pairs(1, 1, 8), rho=None, walks=0, steps=3)
