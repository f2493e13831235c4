from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from atelier.data.ragged import Ragged
from atelier.data.unpaired_folder import UnpairedFolder
from atelier.types import Mistake

Picture = Callable[..., bytes]


def source(root: Path, **choices: Any) -> UnpairedFolder:
    wishes: dict[str, Any] = {
        "preprocess": "resize_and_crop", "load_size": 10, "image_size": 8, "channels_a": 3, "channels_b": 3,
        "a": "A", "paired": False,
    }  # fmt: skip
    return UnpairedFolder(str(root), **(wishes | choices))


def fill(root: Path, picture_of: Picture, *names: str) -> Path:
    for seed, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture_of(seed))
    return root


def test_folders_are_the_domains_and_splits(tmp_path: Path, picture_of: Picture) -> None:
    names = ("trainA/x/2.png", "trainA/1.png", "trainB/1.jpg", "testA/1.png", "testB/1.png", "testB/2.webp")
    made = source(fill(tmp_path, picture_of, *names, "other/1.png"))
    made.prepare()
    assert made.load("train", "a").names == ["trainA/1.png", "trainA/x/2.png"]
    assert made.load("test", "b").names == ["testB/1.png", "testB/2.webp"]
    assert made.training("a").names == made.load("train", "a").names
    assert made.training("a").pixels.shape == (2, 3, 10, 10)
    assert made.training("a") is made.training("a"), "opened once"
    assert made.load("train", "a").pixels.shape == (2, 3, 8, 8)
    swapped = source(tmp_path, a="B")
    assert swapped.load("test", "a").names == made.load("test", "b").names


def test_val_serves_as_test(tmp_path: Path, picture_of: Picture) -> None:
    made = source(fill(tmp_path, picture_of, "trainA/1.png", "trainB/1.png", "valA/1.png", "valB/1.png"))
    assert made.load("test", "a").names == ["valA/1.png"]


def test_missing_tests_are_held_out_in_words(
    tmp_path: Path, picture_of: Picture, caplog: pytest.LogCaptureFixture
) -> None:
    names = [f"trainB/{number}.png" for number in range(7)]
    made = source(fill(tmp_path, picture_of, "trainA/only.png", *names))
    made.prepare()
    assert made.load("train", "a").names == made.load("test", "a").names == ["trainA/only.png"]
    parts = [set(made.load(split, "b").names) for split in ("train", "test")]
    assert parts[0] | parts[1] == set(names) and not parts[0] & parts[1] and parts[1]
    assert "trainA has one image and testA none" in caplog.text
    assert f"no images in testB: {len(parts[1])} of the 7 in trainB are held out" in caplog.text


@pytest.mark.parametrize("way", ["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_kind_of_file_works_or_is_named(
    tmp_path: Path, picture_of: Picture, cache: Path, way: str, channels: int
) -> None:
    good = {
        "colour": picture_of(1, (9, 12)),
        "grey": picture_of(2, (12, 9), "L"),
        "alpha": picture_of(3, (20, 20), "RGBA"),
        "cmyk": picture_of(4, (30, 8), "CMYK", "JPEG"),
        "long": picture_of(5, (10_000, 10), "L"),
    }
    deep = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000).save(deep, "PNG")
    good["sixteen"] = deep.getvalue()
    point = picture_of(6, (1, 1))
    bad = {"empty": b"", "text": b"this is no picture", "half": picture_of(7, (64, 64))[:2000]}
    (good if way != "none" else bad)["point"] = point
    for domain in "AB":
        for name, content in (good | bad).items():
            path = tmp_path / "root" / f"train{domain}" / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (tmp_path / "root" / f"test{domain}").mkdir()
        (tmp_path / "root" / f"test{domain}" / "1.png").write_bytes(good["colour"])
    made = source(tmp_path / "root", preprocess=way, channels_a=channels)
    with pytest.raises(Mistake, match="generators take multiples of 4") if way == "scale_width" else nullcontext():
        made.prepare()
    made.training("b")
    for images in (made.training("a"), made.load("train", "a")):
        assert images.names == sorted(f"trainA/{name}.png" for name in good)
        shapes = images.pixels.shapes[:, 0] if isinstance(images.pixels, Ragged) else [images.pixels.shape[1]]
        assert set(map(int, shapes)) == {channels}
    lists = [file.read_text().splitlines() for file in cache.rglob("unreadable.txt")]
    named = {line.split("\t")[0] for lines in lists for line in lines}
    assert named == {f"train{letter}/{name}.png" for letter in "AB" for name in bad}


def test_too_many_pixels_are_refused_before_and_after_resizing(
    tmp_path: Path, picture_of: Picture, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atelier.data.picture.MOST_PIXELS", 200)
    root = fill(tmp_path / "root", picture_of, *(f"{part}/1.png" for part in ("trainA", "trainB", "testA", "testB")))
    (root / "trainA" / "2.png").write_bytes(picture_of(2, (20, 11)))
    (root / "trainA" / "3.png").write_bytes(picture_of(3, (2, 10)))
    source(root, preprocess="scale_width").training("a")
    listed = next(cache.rglob("unreadable.txt")).read_text()
    assert "trainA/2.png\t20 x 11 is more than" in listed
    assert "trainA/3.png\tit would become 10 x 50, more than" in listed


def test_links_that_lead_out_are_left_out_by_name(
    tmp_path: Path, picture_of: Picture, caplog: pytest.LogCaptureFixture
) -> None:
    root = fill(tmp_path / "root", picture_of, *(f"{part}/1.png" for part in ("trainA", "trainB", "testA", "testB")))
    fill(tmp_path, picture_of, "outside/secret.png")
    (root / "trainA" / "link.png").symlink_to(tmp_path / "outside" / "secret.png")
    (root / "trainA" / "folder").symlink_to(tmp_path / "outside")
    (root / "trainA" / "within.png").symlink_to(root / "trainB" / "1.png")
    assert source(root).load("train", "a").names == ["trainA/1.png", "trainA/within.png"]
    assert "trainA: 2 are left out: folder (a link that leads out of the folder), link.png (a link" in caplog.text
    linked = tmp_path / "linked"
    linked.symlink_to(root)
    assert len(source(linked).load("train", "a").names) == 2


def test_an_empty_or_missing_domain_is_an_error_that_says_what_is_there(tmp_path: Path, picture_of: Picture) -> None:
    root = fill(tmp_path / "root", picture_of, "trainA/1.png", "horses/1.png")
    with pytest.raises(Mistake, match=r"data\.root=.*: there is no folder trainB, but horses, trainA; wanted are"):
        source(root).prepare()
    (root / "trainB").mkdir()
    (root / "trainB" / "notes.txt").touch()
    with pytest.raises(Mistake, match=r"no JPEG, PNG or WebP file in trainB or below it; it holds notes\.txt"):
        source(root).prepare()
    (root / "trainB" / "1.png").touch()
    (root / "trainB" / "2.png").touch()
    with pytest.raises(Mistake, match=r"none of its \d images can be read"):
        source(root).prepare()
    with pytest.raises(Mistake, match="no such folder; did you mean"):
        source(tmp_path / "roots").prepare()


def test_paired_folders_know_the_truth(tmp_path: Path, picture_of: Picture, caplog: pytest.LogCaptureFixture) -> None:
    numbers = range(1, 12)
    names = [
        f"{part}{letter}/{number}_{letter}.png" for part in ("train", "test") for letter in "AB" for number in numbers
    ]
    made = source(fill(tmp_path, picture_of, *names), paired=True)
    for split in ("train", "test"):
        assert torch.equal(made.truth(split, "a"), made.load(split, "b").pixels)
        assert torch.equal(made.truth(split, "b"), made.load(split, "a").pixels)
    assert source(tmp_path).truth("test", "a") is None
    (tmp_path / "testA" / "3_A.png").unlink()
    fresh = source(tmp_path, paired=True)
    assert fresh.truth("test", "a") is None
    assert "(test): its folders do not pair up" in caplog.text
    assert fresh.truth("train", "a") is not None


def test_partners_are_held_out_together(tmp_path: Path, picture_of: Picture) -> None:
    names = [f"train{letter}/{number}_{letter}.png" for letter in "AB" for number in range(30)]
    made = source(fill(tmp_path, picture_of, *names), paired=True)
    for split in ("train", "test"):
        assert torch.equal(made.truth(split, "a"), made.load(split, "b").pixels)
    assert made.load("test", "a").names


def test_whole_images_that_no_generator_takes_are_refused_by_name(tmp_path: Path) -> None:
    for name, size in (("trainA/1", (16, 16)), ("trainA/2", (16, 17)), ("trainB/1", (16, 16)), ("testA/1", (16, 16))):
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size).save(path)
    with pytest.raises(Mistake, match=r"scale_width: \S*/trainA/2\.png becomes 16 x 17 pixels"):
        source(tmp_path, preprocess="scale_width", load_size=16).prepare()
    for way in ("none", "scale_width_and_crop"):
        source(tmp_path, preprocess=way, load_size=16).prepare()


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        ({"a": "C"}, r"data\.source\.a=C"),
        ({"preprocess": "squeeze"}, r"data\.preprocess=squeeze: must be one of resize_and_crop"),
        ({"load_size": 7}, r"data\.load_size=7: must be at least data\.image_size=8"),
        ({"image_size": 0}, r"data\.image_size=0"),
        ({"channels_a": 2}, r"channels_a=2: must be 1 \(grey\) or 3"),
    ],
)
def test_values_are_checked_when_constructed(choices: dict[str, Any], text: str) -> None:
    with pytest.raises(Mistake, match=text):
        source(Path("somewhere"), **choices)
