from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics.cluster import contingency_matrix

from atelier.metric.activity import Activity
from atelier.metric.clustering import Clustering, purity
from atelier.metric.code_splits import Coded
from atelier.metric.distortion import Distortion
from atelier.metric.principal import Principal, PrincipalError
from atelier.metric.probe import FewLabelProbe, LinearProbe
from atelier.types import Mistake

EXAMINERS = [Activity(0.1), PrincipalError(), LinearProbe(), FewLabelProbe(3, 2, 0), Clustering(2, 0)]


def coded(count: int, seed: int, *, told: float = 4.0, classes: int = 3) -> Coded:
    """Codes that tell the class (if ``told`` > 0), pixels that do not."""
    chance = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    codes = chance.normal(size=(count, 5)) + told * np.eye(5)[labels]
    return Coded(chance.random((count, 16)).astype(np.float32), codes.astype(np.float32), labels)


# --- distortion ---------------------------------------------------------------------------------------------


def pair(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return (
        torch.rand(count, 1, 12, 12, generator=generator) * 2 - 1,
        torch.rand(count, 1, 12, 12, generator=generator) * 2 - 1,
    )


@pytest.mark.parametrize("size", [1, 7, 20])
def test_distortion_of_levels_for_any_batch_size(size: int) -> None:
    real, made = pair(20)
    distortion = Distortion()
    for one, other in zip(real.split(size), made.split(size), strict=True):
        distortion.update(one, other)
    figures = distortion.compute()
    mse = ((real - made) / 2).double().square().mean().item()
    assert figures["mse"] == pytest.approx(mse, rel=1e-6)
    assert figures["psnr"] == pytest.approx(-10 * np.log10(mse), rel=1e-6)
    assert -0.1 < figures["ssim"] < 0.1
    assert not distortion.state_dict()


def test_nothing_lost_and_images_too_small_for_a_window() -> None:
    perfect, tiny = Distortion(), Distortion()
    perfect.update(*2 * [pair(3)[0]])
    tiny.update(torch.zeros(2, 1, 3, 3), torch.ones(2, 1, 3, 3))
    assert perfect.compute() == {"mse": 0.0, "psnr": float("inf"), "ssim": pytest.approx(1.0)}
    assert tiny.compute() == {"mse": pytest.approx(0.25), "psnr": pytest.approx(6.0206, rel=1e-4)}


# --- examiners ----------------------------------------------------------------------------------------------


def test_activity_by_hand() -> None:
    codes = np.array([[0.0, 1.0, 0.05, 0.9], [0.0, 0.0, 0.05, 0.2]], np.float32)
    figures = Activity(0.1)(coded(2, 0), Coded(codes, codes, None))
    assert figures["activation"] == pytest.approx((0.0 + 0.5 + 0.05 + 0.55) / 4, rel=1e-6)
    assert figures["activation_std"] == pytest.approx(np.std([0.0, 0.5, 0.05, 0.55]), rel=1e-6)
    assert (figures["dead"], figures["always_on"]) == (0.5, 0.25)
    with pytest.raises(Mistake, match="share=1"):
        Activity(1.0)


def test_principal_error_is_what_the_singular_values_leave() -> None:
    data = np.random.default_rng(0).normal(0.5, 0.02, size=(50, 6)).astype(np.float32)
    values = np.linalg.svd(data - data.mean(0), compute_uv=False)
    assert Principal(data, 2).error(data) == pytest.approx(np.square(values[2:]).sum() / data.size, rel=1e-4)
    assert Principal(data, 99).error(data) == pytest.approx(0.0, abs=1e-10)


def test_principal_error_is_that_of_levels_between_black_and_white() -> None:
    """As every model's reconstructions are: a linear autoencoder that is PCA has its error and no other."""
    data = np.random.default_rng(0).integers(0, 2, size=(60, 6)).astype(np.float32)
    mean = data.mean(0)
    first = np.linalg.svd(data - mean, full_matrices=False)[2][:2]
    kept = (data - mean) @ first.T @ first + mean
    assert kept.min() < 0 and kept.max() > 1
    assert Principal(data, 2).error(data) == pytest.approx(np.square(kept.clip(0, 1) - data).mean(), rel=1e-5)


def test_a_code_that_tells_the_class_beats_pixels_that_do_not() -> None:
    train, test = coded(300, 1), coded(150, 2)
    probe, few, groups = LinearProbe()(train, test), FewLabelProbe(10, 3, 0)(train, test), Clustering(4, 0)(train, test)
    assert probe["probe"] > 0.95
    assert max(probe["probe_pixels"], probe["probe_pca"]) < 0.6
    assert few["few_labels"] > 0.9
    assert max(few["few_labels_pixels"], few["few_labels_pca"]) < 0.6
    assert min(groups.values()) > 0.9


def test_chance_is_chance() -> None:
    train, test = coded(300, 1, told=0.0), coded(600, 2, told=0.0)
    assert LinearProbe()(train, test)["probe"] == pytest.approx(1 / 3, abs=0.08)
    assert abs(Clustering(2, 0)(train, test)["ari"]) < 0.03


def test_purity_against_the_contingency_table() -> None:
    chance = np.random.default_rng(0)
    labels, clusters = chance.integers(0, 4, 200), chance.integers(0, 6, 200)
    expected = contingency_matrix(labels, clusters).max(axis=0).sum() / 200
    assert purity(labels, clusters) == pytest.approx(expected)


def test_what_does_not_depend_on_the_code_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = coded(60, 1), coded(30, 2)
    for examiner in (PrincipalError(), LinearProbe(), FewLabelProbe(5, 2, 0)):
        before = examiner(train, test)
        with monkeypatch.context() as patch:
            patch.setattr("atelier.metric.probe.Principal", None)
            patch.setattr("atelier.metric.principal.Principal", None)
            after = examiner(train._replace(codes=-train.codes), test._replace(codes=-test.codes))
        assert after == pytest.approx(before)


@pytest.mark.parametrize("examiner", EXAMINERS, ids=lambda examiner: type(examiner).__name__)
def test_every_figure_is_named_and_repeats(examiner) -> None:
    train, test = coded(60, 1), coded(30, 2)
    figures = examiner(train, test)
    assert figures.keys() == examiner.names.keys()
    assert type(examiner)(**{k: v for k, v in vars(examiner).items() if not k.startswith("_")})(train, test) == figures
    assert all(isinstance(value, str | int | float) for value in examiner.protocol().values())


@pytest.mark.parametrize("examiner", EXAMINERS, ids=lambda examiner: type(examiner).__name__)
@pytest.mark.parametrize("kind", ["no labels", "one class", "one image", "constant images", "constant codes"])
def test_odd_data_gives_no_nan(examiner, kind: str) -> None:
    train, test = coded(30, 1), coded(12, 2)
    if kind == "no labels":
        train, test = train._replace(labels=None), test._replace(labels=None)
    elif kind == "one class":
        train, test = train._replace(labels=train.labels * 0), test._replace(labels=test.labels * 0)
    elif kind == "one image":
        train, test = (Coded(*(part[:1] for part in split)) for split in (train, test))
    elif kind == "constant images":
        train, test = (split._replace(levels=np.zeros_like(split.levels)) for split in (train, test))
    else:
        train, test = (split._replace(codes=np.full_like(split.codes, 0.5)) for split in (train, test))
    figures = examiner(train, test)
    assert np.isfinite(list(figures.values())).all()
    if kind in ("no labels", "one class") and not isinstance(examiner, Activity | PrincipalError):
        assert figures == {}


def test_impossible_counts_are_refused_by_name() -> None:
    for make in (lambda: FewLabelProbe(0, 1, 0), lambda: FewLabelProbe(1, 0, 0), lambda: Clustering(0, 0)):
        with pytest.raises(Mistake, match=r"callback\.appraisal\.examiners"):
            make()
