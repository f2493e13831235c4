"""The verb from end to end, in one process, with generators of a few weights."""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from PIL import Image
from torch import Tensor, nn

from atelier import load
from atelier.checkpoint import load_part
from atelier.cli import run
from atelier.config.build import build
from atelier.network.instance_norm import InstanceNorm
from atelier.network.patchgan import PatchGAN
from atelier.network.reference import to_reference
from atelier.network.resnet_generator import ResnetGenerator
from atelier.pixels import to_bytes, to_unit
from atelier.task import workshop
from atelier.task.canvas import to_picture, to_tensor
from atelier.task.tiles import Tiling, translate_image
from atelier.types import Mistake

Save = Callable[..., Path]

PART = {
    "_target_": "atelier.network.resnet_generator.ResnetGenerator",
    "in_channels": 3,
    "out_channels": 3,
    "width": 2,
    "blocks": 1,
    "norm": {"_target_": "atelier.network.instance_norm.InstanceNorm", "_partial_": True},
    "upsample": "transposed",
}


def generator(channels: int = 3, seed: int = 0) -> ResnetGenerator:
    chance = torch.Generator().manual_seed(seed)
    network = ResnetGenerator(
        in_channels=channels, out_channels=channels, width=2, blocks=1, norm=InstanceNorm, upsample="transposed"
    )
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3, generator=chance)
    return network.eval()


def checkpoint(file: Path, **parts: nn.Module) -> Path:
    """A checkpoint as training writes it, with critics that nothing can build."""
    model: dict[str, Any] = {"_target_": "atelier.nowhere.Nothing", "critic_a": {"_target_": "os.system"}}
    state: dict[str, Tensor] = {"critic_a.weight": torch.zeros(3)}
    for name, part in parts.items():
        channels = next(layer.in_channels for layer in part.modules() if isinstance(layer, nn.Conv2d))
        model[name] = PART | {"in_channels": channels, "out_channels": channels}
        state |= {f"{name}.{key}": value for key, value in part.state_dict().items()}
    torch.save({"atelier": {"format": 1, "version": "0", "config": {"model": model}}, "state_dict": state}, file)
    return file


def photo(file: Path, width: int, height: int, mode: str = "RGB", **saving: Any) -> Path:
    chance = np.random.default_rng(width * height)
    coarse = Image.fromarray(chance.integers(0, 256, (4, 4, 4), dtype=np.uint8), "RGBA")
    file.parent.mkdir(parents=True, exist_ok=True)
    coarse.resize((width, height)).convert("RGB").convert(mode).save(file, **saving)
    return file


def pixels(file: Path) -> Tensor:
    with Image.open(file) as opened:
        return to_tensor(opened.convert("RGB"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ckpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("ckpt") / "a.ckpt", a_to_b=generator(seed=1), b_to_a=generator(seed=2))


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The sizes of the images that were translated."""
    seen: list[tuple[int, ...]] = []

    def counted(network: nn.Module, image: Tensor, *rest: Any) -> Tensor:
        seen.append(tuple(image.shape))
        return translate_image(network, image, *rest)

    monkeypatch.setattr(workshop, "translate_image", counted)
    return seen


def made(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


REST = ["index.html", "translate.json", "translate.log"]


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


# --- taking up again


def test_what_is_there_and_whole_is_left_alone(ckpt: Path, here: Path, count: list[tuple[int, ...]]) -> None:
    for number in range(4):
        photo(here / "in" / f"{number}.png", 20 + number, 20)
    words = [f"ckpt={ckpt}", "input=in", "output=in/made"]
    assert run("translate", words) == 0
    assert len(count) == 4
    (here / "in" / "made" / "1.png").unlink()
    torn = here / "in" / "made" / "2.png"
    torn.write_bytes(torn.read_bytes()[:-40])
    os.utime(here / "in" / "3.png", (2e9, 2e9))
    before = (here / "in" / "made" / "0.png").stat().st_mtime_ns
    assert run("translate", words) == 0
    assert [size[2] for size in count[4:]] == [21, 22, 23]
    assert (here / "in" / "made" / "0.png").stat().st_mtime_ns == before
    assert made(here / "in" / "made") == [f"{number}.png" for number in range(4)] + REST
    page = (here / "in" / "made" / "index.html").read_text()
    assert "4 translations" in page and page.count("data:image/jpeg") == 8
    assert run("translate", [*words, "overwrite=true"]) == 0
    assert len(count) == 11


def test_a_stop_in_the_middle_of_making_again(ckpt: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        photo(here / "in" / f"{number}.png", 20, 20 + number)
    assert run("translate", [f"ckpt={ckpt}", "input=in", "output=made"]) == 0
    first = pixels(here / "made" / "2.png")
    os.utime(here / "made" / "2.png", (1e9, 1e9))
    write, calls = workshop.write, []

    def stopping(picture: Image.Image, path: Path) -> str | None:
        calls.append(path)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return write(picture, path)

    other = [f"ckpt={ckpt}", "input=in", "output=made", "direction=b_to_a"]
    monkeypatch.setattr(workshop, "write", stopping)
    assert run("translate", [*other, "overwrite=true"]) == 130
    monkeypatch.setattr(workshop, "write", write)
    os.utime(here / "made" / "1.png", (1e9, 1e9))
    assert run("translate", other) == 0
    assert run("translate", [f"ckpt={ckpt}", "input=in", "output=fresh", "direction=b_to_a"]) == 0
    for number in range(3):
        assert torch.equal(pixels(here / "made" / f"{number}.png"), pixels(here / "fresh" / f"{number}.png"))
    assert not torch.equal(pixels(here / "made" / "2.png"), first)


def test_translations_of_another_kind_are_not_mixed(ckpt: Path, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    photo(here / "x.png", 20, 20)
    words = [f"ckpt={ckpt}", "input=x.png", "output=made"]
    assert run("translate", words) == 0
    for other, told in (("direction=b_to_a", 'direction="a_to_b"'), ("size=8", "size=null"), ("tile=100", "tile=1024")):
        capfd.readouterr()
        assert run("translate", [*words, other]) == 2
        assert told in capfd.readouterr().err
    photo(here / "own" / "x.png", 5, 5)
    assert run("translate", [f"ckpt={ckpt}", "input=x.png", "output=own"]) == 2
    assert "overwrite=true" in capfd.readouterr().err
    assert made(here / "own") == ["x.png"] and pixels(here / "own" / "x.png").shape == (3, 5, 5)


# --- what cannot be read


def hostile(folder: Path) -> None:
    photo(folder / "cut.jpg", 60, 60)
    (folder / "cut.jpg").write_bytes((folder / "cut.jpg").read_bytes()[:400])
    (folder / "empty.png").touch()
    (folder / "text.png").write_text("not a picture")
    (folder / "drawing.png").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "nowhere.png").symlink_to("/nowhere/at/all.png")
    small = photo(folder / "huge.png", 2, 2).read_bytes()
    header = b"IHDR" + (9_000).to_bytes(4, "big") * 2 + small[24:29]
    (folder / "huge.png").write_bytes(small[:12] + header + zlib.crc32(header).to_bytes(4, "big") + small[33:])
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.png")


def test_bad_files_are_named_and_left_out(ckpt: Path, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    hostile(here / "in")
    photo(here / "in" / "good.png", 20, 20)
    photo(here / "in" / "thread.png", 1, 3000)
    (here / "elsewhere.png").write_bytes((here / "in" / "good.png").read_bytes())
    (here / "in" / "link.png").symlink_to(here / "elsewhere.png")
    assert run("translate", [f"ckpt={ckpt}", "input=in", "output=made"]) == 0
    assert "2 translated" in capfd.readouterr().err
    listed = dict(line.split("\t") for line in (here / "made" / "unreadable.txt").read_text().splitlines())
    bad = ["cut.jpg", "drawing.png", "empty.png", "huge.png", "link.png", "nowhere.png", "pipe.png", "text.png"]
    assert sorted(listed) == bad and all(listed.values())
    assert "megapixels" in listed["huge.png"] and listed["pipe.png"] == "not a file"
    assert listed["link.png"] == listed["nowhere.png"] == "a link that leads out of the folder"
    assert made(here / "made") == sorted(["good.png", "thread.png", "unreadable.txt", *REST])
    page = (here / "made" / "index.html").read_text()
    assert "8 pictures left out" in page and "text.png" in page
    for name in bad:
        (here / "in" / name).unlink()
    assert run("translate", [f"ckpt={ckpt}", "input=in", "output=made"]) == 0
    assert not (here / "made" / "unreadable.txt").exists()


def test_nothing_readable_is_a_mistake_before_anything_is_made(
    ckpt: Path, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    hostile(here / "in")
    assert run("translate", [f"ckpt={ckpt}", "input=in", "output=made"]) == 2
    said = capfd.readouterr().err
    assert "none of its 6 pictures can be read" in said and "cut.jpg" in said
    assert [file.name for file in here.iterdir()] == ["in"]


def test_a_picture_too_wide_for_its_format_is_left_out(ckpt: Path, here: Path) -> None:
    photo(here / "in" / "wide.webp", 9000, 8)
    photo(here / "in" / "good.webp", 20, 20)
    assert run("translate", [f"ckpt={ckpt}", "input=in", "output=made", "side_by_side=true"]) == 0
    assert "cannot be written as WEBP" in (here / "made" / "unreadable.txt").read_text()
    assert made(here / "made") == sorted(["good.webp", "unreadable.txt", *REST])


# --- the page


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


# --- mistakes


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


# --- one network of a checkpoint


def test_one_network_is_loaded_and_nothing_else_built(here: Path) -> None:
    network = generator(seed=5)
    part = load_part(checkpoint(here / "x.ckpt", a_to_b=network), "a_to_b")
    assert not part.network.training
    for name, value in network.state_dict().items():
        assert torch.equal(part.network.state_dict()[name], value)


def test_an_averaged_network_is_the_one_to_use(here: Path) -> None:
    now, average = generator(seed=5), generator(seed=6)
    file = checkpoint(here / "x.ckpt", a_to_b=now)
    content = torch.load(file, weights_only=True)
    content["state_dict"] |= {f"average.a_to_b.network.{key}": value for key, value in average.state_dict().items()}
    content["state_dict"]["average.a_to_b.updates"] = torch.tensor(1)
    torch.save(content, file)
    assert torch.equal(load_part(file, "a_to_b").network.layers[1].weight, average.layers[1].weight)


def test_a_network_that_may_not_be_built_is_refused(here: Path) -> None:
    with pytest.raises(Mistake, match="may not be a target"):
        load_part(checkpoint(here / "x.ckpt", a_to_b=generator()), "critic_a")


def test_pictures_and_tensors_agree() -> None:
    for shape in ((3, 5, 7), (1, 5, 7)):
        image = torch.arange(shape[0] * 35, dtype=torch.uint8).view(shape)
        assert torch.equal(to_tensor(to_picture(image)), image)
