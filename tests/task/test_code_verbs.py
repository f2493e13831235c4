"""An autoencoder's verbs from end to end, in one process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image

import made_up
from atelier import load
from atelier.checkpoint import read
from atelier.cli import run
from atelier.config.build import build
from atelier.pixels import to_unit

TINY = [
    "trainer=cpu",
    "data.image_size=8",
    "network.units=6",
    "trainer.max_epochs=1",
    "trainer.check_val_every_n_epoch=1",
]


@pytest.fixture(scope="module")
def coder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("coder") / "run"
    assert run("train", ["model=sparse_autoencoder", *TINY, f"hydra.run.dir={folder}"]) == 0
    return folder


def codes(folder: Path) -> dict[str, Any]:
    with np.load(folder / "codes.npz") as content:
        return dict(content)


def test_a_run_is_judged_by_its_reconstructions_and_its_code(coder: Path) -> None:
    results = json.loads((coder / "results.json").read_text())
    assert next(iter(results["scores"])) == "val/mse"
    names = ["mse", "psnr", "ssim", "activation", "dead", "always_on", "mse_pca", "probe", "probe_pixels", "probe_pca"]
    names += ["few_labels", "nmi", "ari", "purity", "fd_digits"]
    for name in names:
        assert results["scores"][f"val/{name}"]["protocol"], name
    assert {"sparsity.total", "sparsity.count"} <= read(coder)["state_dict"].keys()
    page = (coder / "report.html").read_text()
    assert "Reconstructions through time" in page and "wanted 0.05" in page


def test_encode_writes_codes_labels_and_names(coder: Path, here: Path) -> None:
    assert run("encode", [f"ckpt={coder}", "batch_size=100", "hydra.run.dir=made"]) == 0
    made = codes(here / "made")
    assert made["codes"].shape == (355, 6) and made["codes"].dtype == np.float32
    assert np.unique(made["labels"]).tolist() == list(range(10)) and made["names"][0] == "0033"
    assert run("encode", [f"ckpt={coder}", "split=train", "hydra.run.dir=train"]) == 0
    assert len(codes(here / "train")["codes"]) == 1442


def test_reconstruct_and_encode_ones_own_pictures(coder: Path, here: Path) -> None:
    (here / "own" / "deep").mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    Image.fromarray(pixels).save(here / "own" / "deep" / "one.png")
    Image.fromarray(255 - pixels).save(here / "own" / "two.jpg")
    assert run("reconstruct", [f"ckpt={coder}", "input=own", "hydra.run.dir=made"]) == 0
    assert run("encode", [f"ckpt={coder}", "input=own/deep/one.png", "hydra.run.dir=coded"]) == 0
    found = sorted(str(path.relative_to(here / "made")) for path in (here / "made").rglob("*.png"))
    assert found == ["images/deep/one.png", "images/two.png", "pairs.png"]
    model: Any = load(coder)
    image = to_unit(torch.from_numpy(pixels)[None, None])
    with Image.open(here / "made" / "images" / "deep" / "one.png") as made:
        kept = to_unit(torch.tensor(list(made.get_flattened_data())).view(1, 1, 8, 8))
    assert (kept - model.reconstruct(image)).abs().max() <= 1.01 / 255
    coded = codes(here / "coded")
    torch.testing.assert_close(torch.from_numpy(coded["codes"]), model.encode(image))
    assert coded["labels"].tolist() == [-1] and coded["names"].tolist() == ["one.png"]


def test_pictures_that_differ_in_their_endings_alone_are_all_reconstructed(coder: Path, here: Path) -> None:
    (here / "own").mkdir()
    for name in ("a.jpg", "a.png", "b.png"):
        Image.new("L", (8, 8)).save(here / "own" / name)
    assert run("reconstruct", [f"ckpt={coder}", "input=own", "hydra.run.dir=made"]) == 0
    found = sorted(path.name for path in (here / "made" / "images").iterdir())
    assert found == ["a.jpg.png", "a.png.png", "b.png.png"]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The words for pictures in shards: 128 to train on and 32 to test."""
    folder = made_up.shards(tmp_path_factory.mktemp("shards") / "here")
    urls = [f"data.urls={folder}/train-*.tar", f"data.eval_urls={folder}/test-*.tar"]
    return ["data=webdataset", *urls, "data.channels=1", "data.image_size=16", "data.workers=0"]


def test_codes_and_reconstructions_of_pictures_in_shards(shards: list[str], here: Path) -> None:
    words = ["model=autoencoder", *shards, "trainer=cpu", "trainer.max_epochs=1", "network.units=6"]
    words += ["callback.scoreboard=null", "callback.appraisal=null", "callback.cabinet=null", "callback.report=null"]
    assert run("train", [*words, "hydra.run.dir=run"]) == 0
    for verb, folder in (("encode", "coded"), ("reconstruct", "made")):
        assert run(verb, ["ckpt=run", "batch_size=7", f"hydra.run.dir={folder}"]) == 0
    model: Any = load("run")
    (batch,) = build(OmegaConf.create(read("run")["atelier"]["config"]["data"])).reals("test")
    coded = codes(here / "coded")
    torch.testing.assert_close(torch.from_numpy(coded["codes"]), model.encode(to_unit(batch.images)))
    assert coded["labels"].tolist() == batch.labels.tolist()
    names = [f"{place:02d}" for place in range(32)]
    assert coded["names"].tolist() == names
    assert sorted(path.stem for path in (here / "made" / "images").iterdir()) == names


def test_an_extractor_of_pictures_in_shards(shards: list[str], here: Path) -> None:
    assert run("extractor", [*shards, "epochs=1", "hydra.run.dir=made"]) == 0
    assert [path.name.split("_")[0] for path in (here / "made").glob("*.pt")] == ["webdataset"]


def test_evaluate_agrees_with_training(coder: Path, here: Path) -> None:
    assert run("evaluate", [f"ckpt={coder}", "batch_size=100", "hydra.run.dir=scored"]) == 0
    scored = json.loads((here / "scored" / "results.json").read_text())["scores"]
    trained = json.loads((coder / "results.json").read_text())["scores"]
    for name in ("mse", "psnr", "ssim", "fd_digits"):
        (value,) = (score["value"] for key, score in scored.items() if key.removeprefix("val/") == name)
        assert value == pytest.approx(trained[f"val/{name}"]["last"], rel=1e-4), name
        before = trained[f"val/{name}"]["protocol"]
        assert {key: scored[name]["protocol"][key] for key in before} == before, name
    assert run("evaluate", [f"ckpt={coder}", "samples=100", "split=train", "hydra.run.dir=some"]) == 0


def test_more_reconstructions_than_there_are_images_is_a_mistake(coder: Path, here: Path, capsys) -> None:
    assert run("evaluate", [f"ckpt={coder}", "samples=1000", "hydra.run.dir=many"]) == 2
    assert "samples=1000: 1000 real images wanted of the test split, which has 355" in capsys.readouterr().err


def test_evaluate_without_an_extractor_takes_what_reconstructions_lose(coder: Path, here: Path) -> None:
    assert run("evaluate", [f"ckpt={coder}", "hydra.run.dir=all"]) == 0
    assert run("evaluate", [f"ckpt={coder}", "extractor=none", "hydra.run.dir=none"]) == 0
    whole, none = (json.loads((here / name / "results.json").read_text())["scores"] for name in ("all", "none"))
    assert none == {name: whole[name] for name in ("mse", "psnr", "ssim")}


def test_sample_says_what_an_autoencoder_can_do_instead(
    coder: Path, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("sample", [f"ckpt={coder}"]) == 2
    said = capfd.readouterr().err
    assert "src/reconstruct.py" in said and "src/encode.py" in said
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("verb", ["encode", "reconstruct"])
def test_verbs_for_codes_refuse_by_name(verb: str, coder: Path, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for words, fragment in (
        ([f"ckpt={coder}", "input=nowhere"], "input=nowhere"),
        ([f"ckpt={coder}", "split=val"], "split=val"),
        ([f"ckpt={coder}", "batch_size=0"], "batch_size=0"),
        (["ckpt=nowhere"], "ckpt=nowhere"),
    ):
        assert run(verb, words) == 2
        assert fragment in capfd.readouterr().err
    assert list(here.iterdir()) == []


@pytest.mark.thorough
@pytest.mark.parametrize(
    "words",
    [["data.subset=1"], ["data.classes=[3]"], ["data=patches", "data.subset=64", "callback.scoreboard=null"]],
)
def test_little_or_odd_data_trains_to_its_report(words: list[str], here: Path) -> None:
    given = [word for word in TINY if word != "data.image_size=8"]
    assert run("train", ["model=sparse_autoencoder", *given, *words, "hydra.run.dir=run"]) == 0
    scores = json.loads((here / "run" / "results.json").read_text())["scores"]
    assert scores["val/mse"]["last"] is not None
    assert (here / "run" / "report.html").is_file()
