"""A run scored by a classifier of one's own can be scored again when the classifier's file is gone."""

from __future__ import annotations

import shutil
from pathlib import Path

from omegaconf import OmegaConf

from atelier.metric.classifier import SHIPPED, Classifier
from atelier.run_folder import RunFolder
from atelier.task.extractor_weights import NAME, keep_weights, kept_extractor

OWN = {"_target_": "atelier.metric.classifier.Classifier"}


def test_the_file_goes_with_the_run_and_stands_in_for_the_lost_one(tmp_path: Path) -> None:
    own, run = tmp_path / "apples.pt", tmp_path / "run"
    shutil.copyfile(SHIPPED / "digits.pt", own)
    run.mkdir()
    cfg = OmegaConf.create({"extractor": {**OWN, "weights": str(own)}, "run_dir": str(run)})
    before = Classifier(str(own)).identity

    keep_weights(cfg)
    assert kept_extractor(cfg.extractor, run / "checkpoints" / "last.ckpt") == cfg.extractor, "the file is still there"
    own.unlink()
    found = kept_extractor(cfg.extractor, run / "checkpoints" / "last.ckpt")

    assert found.weights == str(run / NAME)
    assert Classifier(found.weights).identity == before
    assert [path.name for path in run.iterdir()] == [NAME]


def test_a_checkpoint_beside_its_configuration_is_of_the_same_run(tmp_path: Path) -> None:
    """As in a folder that was put together for somebody else."""
    (tmp_path / NAME).touch()
    lost = OmegaConf.create({**OWN, "weights": str(tmp_path / "lost" / "apples.pt")})
    for place in (tmp_path / "last.ckpt", tmp_path / "checkpoints" / "last.ckpt"):
        assert RunFolder.of(place).path == tmp_path.resolve()
        assert kept_extractor(lost, place).weights == str(tmp_path.resolve() / NAME)


def test_shipped_ones_are_not_copied(tmp_path: Path) -> None:
    inception = {"_target_": "atelier.metric.inception.Inception", "weights": None}
    for extractor in ({**OWN, "weights": "digits"}, inception):
        cfg = OmegaConf.create({"extractor": extractor, "run_dir": str(tmp_path)})
        keep_weights(cfg)
        assert kept_extractor(cfg.extractor, tmp_path / "checkpoints" / "last.ckpt") == cfg.extractor
    assert not list(tmp_path.iterdir())
