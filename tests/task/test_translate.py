"""The verb from end to end, in one process, with generators of a few weights."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from PIL import Image
from translating import REST, checkpoint, generator, made, photo, pixels

from atelier import load
from atelier.cli import run
from atelier.config.build import build
from atelier.network.instance_norm import InstanceNorm
from atelier.network.patchgan import PatchGAN
from atelier.network.reference import to_reference
from atelier.pixels import to_bytes, to_unit
from atelier.task.tiles import Tiling, translate_image


def test_names_sizes_and_pixels(ckpt: Path, here: Path) -> None:
    photo(here / "in" / "a.png", 53, 37)
    photo(here / "in" / "a.jpg", 64, 40)
    photo(here / "in" / "deep" / "er" / "b.webp", 9, 31, lossless=True)
    assert run("translate", [f"ckpt={ckpt}", "input=in", "output=made"]) == 0
    assert made(here / "made") == ["a.jpg", "a.png", "deep/er/b.webp", *REST]
    assert sorted(file.name for file in here.iterdir()) == ["in", "made"]
    for name, size in {"a.jpg": (64, 40), "a.png": (53, 37), "deep/er/b.webp": (9, 31)}.items():
        with Image.open(here / "made" / name) as image:
            assert (image.size, image.format) == (
                size,
                {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP"}[Path(name).suffix],
            )
    network = generator(seed=1)
    whole = translate_image(network, pixels(here / "in" / "a.png"), network.sides, Tiling(None, 0))
    assert torch.equal(pixels(here / "made" / "a.png"), whole)


def test_directions_differ_and_the_first_is_the_default(ckpt: Path, here: Path) -> None:
    photo(here / "x.png", 32, 32)
    for folder, words in {"none": [], "ab": ["direction=a_to_b"], "ba": ["direction=b_to_a"]}.items():
        assert run("translate", [f"ckpt={ckpt}", "input=x.png", f"output={folder}", *words]) == 0
    none, ab, ba = (pixels(here / folder / "x.png") for folder in ("none", "ab", "ba"))
    assert torch.equal(none, ab) and not torch.equal(ab, ba)


@pytest.mark.parametrize("averaged", [False, True])
def test_the_verb_and_the_model_agree(averaged: bool, here: Path, composed: Callable[..., DictConfig]) -> None:
    words = ["generator=resnet_6blocks", "generator.width=2", "discriminator.width=2"]
    cfg = composed("model=cyclegan", "data=stripes", *words)
    if averaged:
        cfg.model.ema = {"_target_": "atelier.game.average.Average", "_partial_": True, "decay": 0.9}
    model = build(cfg.model)
    with torch.no_grad():
        for parameter in (*model.a_to_b.parameters(), *model.b_to_a.parameters()):
            parameter.add_(0.05)
    plain = OmegaConf.to_container(cfg, resolve=True)
    torch.save({"atelier": {"format": 1, "version": "0", "config": plain}, "state_dict": model.state_dict()}, "x.ckpt")
    photo(here / "x.png", 24, 16)
    assert run("translate", ["ckpt=x.ckpt", "input=x.png", "output=made", "direction=b_to_a"]) == 0
    expected = to_bytes(load("x.ckpt").translate(to_unit(pixels(here / "x.png")[None]), "b_to_a"))[0]
    assert torch.equal(pixels(here / "made" / "x.png"), expected)


def test_a_file_of_the_public_implementation(here: Path) -> None:
    network = generator(seed=3)
    torch.save(to_reference(network), here / "latest_net_G_A.pth")
    torch.save({key: value.half() for key, value in to_reference(network).items()}, here / "half.pth")
    photo(here / "x.png", 30, 22)
    assert run("translate", ["weights=latest_net_G_A.pth", "input=x.png", "output=made"]) == 0
    whole = translate_image(network, pixels(here / "x.png"), network.sides, Tiling(None, 0))
    assert torch.equal(pixels(here / "made" / "x.png"), whole)
    assert run("translate", ["weights=half.pth", "input=x.png", "output=half"]) == 0


def test_grey_generators_take_colour_and_the_other_way_round(ckpt: Path, here: Path) -> None:
    grey = checkpoint(here / "grey.ckpt", a_to_b=generator(channels=1))
    photo(here / "in" / "colour.png", 20, 20)
    photo(here / "in" / "grey.png", 20, 20, mode="L")
    assert run("translate", [f"ckpt={grey}", "input=in", "output=grey"]) == 0
    assert run("translate", [f"ckpt={ckpt}", "input=in", "output=colour"]) == 0
    for folder, mode in (("grey", "L"), ("colour", "RGB")):
        for name in ("colour.png", "grey.png"):
            with Image.open(here / folder / name) as image:
                assert (image.mode, image.size) == (mode, (20, 20))


def test_pictures_stand_upright(ckpt: Path, here: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo(here / "in" / "turned.png", 40, 24, exif=exif)
    photo(here / "in" / "cmyk.jpg", 40, 24, mode="CMYK")
    photo(here / "in" / "palette.png", 40, 24, mode="P")
    assert run("translate", [f"ckpt={ckpt}", "input=in", "output=made"]) == 0
    with Image.open(here / "made" / "turned.png") as image:
        assert image.size == (24, 40) and 0x0112 not in image.getexif()
    assert pixels(here / "made" / "cmyk.jpg").shape == pixels(here / "made" / "palette.png").shape == (3, 24, 40)


def test_size_tiles_and_side_by_side(ckpt: Path, here: Path, count: list[tuple[int, ...]]) -> None:
    photo(here / "in" / "x.png", 200, 100)
    assert run("translate", [f"ckpt={ckpt}", "input=in", "output=small", "size=50"]) == 0
    assert run("translate", [f"ckpt={ckpt}", "input=in", "output=tiles", "tile=64", "overlap=16"]) == 0
    assert run("translate", [f"ckpt={ckpt}", "input=in", "output=whole"]) == 0
    assert run("translate", [f"ckpt={ckpt}", "input=in", "output=both", "side_by_side=true"]) == 0
    assert count == [(3, 50, 100), *[(3, 100, 200)] * 3]
    assert pixels(here / "small" / "x.png").shape == (3, 50, 100)
    network, given = generator(seed=1), pixels(here / "in" / "x.png")
    tiled = translate_image(network, given, network.sides, Tiling(64, 16))
    assert torch.equal(pixels(here / "tiles" / "x.png"), tiled)
    whole = pixels(here / "whole" / "x.png")
    assert torch.equal(pixels(here / "both" / "x.png"), torch.cat([given, whole], dim=2))


def test_the_page_needs_no_other_file(ckpt: Path, here: Path) -> None:
    photo(here / "in" / "<b>&'\"#?.png", 20, 20)
    assert run("translate", [f"ckpt={ckpt}", "input=in", "output=made", "direction=b_to_a"]) == 0
    page = (here / "made" / "index.html").read_text()
    assert "1 translation<" in page and "b → a" in page
    assert "<b>&'" not in page and "&lt;b&gt;&amp;" in page
    assert re.findall(r'(?:src|url)="(?!data:)', page) == []
    assert re.findall(r'href="([^"]*)"', page) == ["%3Cb%3E%26%27%22%23%3F.png"]


def test_a_large_folder_is_shown_in_part(ckpt: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from atelier.task import gallery

    monkeypatch.setattr(gallery, "MOST", 3)
    for number in range(7):
        photo(here / "in" / f"{number}.png", 9, 9)
    assert run("translate", [f"ckpt={ckpt}", "input=in", "output=made"]) == 0
    page = (here / "made" / "index.html").read_text()
    assert re.findall(r'href="([^"]*)"', page) == ["0.png", "2.png", "4.png"]
    assert "7 translations" in page and "3 of 7 are shown" in page


def test_mistakes_come_together_and_leave_nothing(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("translate", ["direction=c", "size=0", "overlap=-1", "input=nowhere", "output=made"]) == 2
    said = capfd.readouterr().err
    for told in ("5 mistakes", "ckpt is missing", "direction=c", "size=0", "overlap=-1", "input=nowhere"):
        assert told in said, told
    assert list(here.iterdir()) == []


def test_each_mistake_is_named(ckpt: Path, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    photo(here / "x.png", 20, 20)
    (here / "file").touch()
    only = checkpoint(here / "one.ckpt", a_to_b=generator())
    torch.save(to_reference(generator()), here / "G.pth")
    torch.save(to_reference(PatchGAN(channels=3, width=4, layers=1, norm=InstanceNorm)), here / "D.pth")
    before = sorted(file.name for file in here.iterdir())
    for words, told in (
        ([f"ckpt={ckpt}", "weights=G.pth", "input=x.png"], "choose one"),
        (["input=x.png"], "ckpt is missing"),
        ([f"ckpt={ckpt}"], "input is missing"),
        (["ckpt=x.png", "input=x.png"], "ckpt=x.png: not a checkpoint"),
        (["ckpt=G.pth", "input=x.png"], "ckpt=G.pth"),
        ([f"weights={ckpt}", "input=x.png"], f"weights={ckpt}"),
        (["weights=D.pth", "input=x.png"], "a critic's weights"),
        (["weights=none.pth", "input=x.png"], "weights=none.pth"),
        (["weights=G.pth", "input=x.png", "direction=a_to_b"], "goes one way"),
        ([f"ckpt={only}", "input=x.png", "direction=b_to_a"], "has no b_to_a"),
        ([f"ckpt={ckpt}", "input=x.png", "output=."], "written over its source"),
        ([f"ckpt={ckpt}", "input=x.png", "output=file"], "output=file: cannot be written to"),
        ([f"ckpt={ckpt}", "input=x.png", "output="], "output="),
        ([f"ckpt={ckpt}", "input=x.png", "tile=128", "overlap=128"], "overlap=128"),
        ([f"ckpt={ckpt}", "input=x.png", "tile=8"], "tile=8"),
        ([f"ckpt={ckpt}", "input=x.png", "ouput=made"], "did you mean output?"),
    ):
        assert run("translate", words) == 2, words
        said = capfd.readouterr().err
        assert told in said and "Traceback" not in said, (words, said)
    assert sorted(file.name for file in here.iterdir()) == before


def test_a_run_folder_of_its_own_keeps_the_log(ckpt: Path, here: Path) -> None:
    photo(here / "x.png", 20, 20)
    assert run("translate", [f"ckpt={ckpt}", "input=x.png", "output=made", "hydra.run.dir=logs"]) == 0
    assert made(here / "made") == ["index.html", "translate.json", "x.png"] and made(here / "logs") == ["translate.log"]
    assert run("translate", [f"ckpt={ckpt}", "input=x.png", "hydra.run.dir=both"]) == 0
    assert made(here / "both") == sorted(["x.png", *REST])


def test_a_sweep_gives_every_job_its_folder(ckpt: Path, here: Path) -> None:
    photo(here / "x.png", 20, 20)
    words = ["-m", f"ckpt={ckpt}", "input=x.png", "direction=a_to_b,b_to_a", "hydra.sweep.dir=logs"]
    assert run("translate", [*words, "output=made/${direction}"]) == 0
    assert not torch.equal(pixels(here / "made" / "a_to_b" / "x.png"), pixels(here / "made" / "b_to_a" / "x.png"))
    assert json.loads((here / "made" / "b_to_a" / "translate.json").read_text())["direction"] == "b_to_a"
