from __future__ import annotations

import io
import logging
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from atelier.data import album, album_place, picture
from atelier.data.folder import ImageFolder
from atelier.data.inputs import read_inputs
from atelier.data.listing import Files
from atelier.types import Mistake


def fill(root: Path, *names: str, size: tuple[int, int] = (10, 12)) -> Path:
    """Pictures whose grey level is the number of their position in ``names``."""
    for level, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = {".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}.get(path.suffix.lower(), "PNG")
        Image.new("RGB", size, (level, level, level)).save(path, format=kind)
    return root


def numbered(count: int) -> list[str]:
    return [f"{number:03d}.png" for number in range(count)]


def folder(root: Path, image_size: int = 8, channels: int = 3) -> ImageFolder:
    source = ImageFolder(str(root), image_size, channels)
    source.prepare()
    return source


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The contents of the files that were decoded."""
    seen: list[bytes] = []
    decode = picture.decode_levels

    def watched(content: bytes, channels: int) -> NDArray[np.uint8]:
        seen.append(content)
        return decode(content, channels)

    monkeypatch.setattr(picture, "decode_levels", watched)
    return seen


def test_pictures_of_any_depth_and_spelling_are_found(tmp_path: Path) -> None:
    wanted = ["a.png", "b.JPG", "deep/er/c.jpeg", "deep/d.WebP", "e f ü.Png"]
    root = fill(tmp_path / "root", *wanted, ".hidden.png", "__MACOSX/g.png", ".thumbs/h.png")
    (root / "notes.txt").write_text("no picture")
    source = folder(root)
    train, test = source.load("train"), source.load("test")
    assert sorted([*train.names, *test.names]) == sorted(wanted)
    for images in (train, test):
        assert images.pixels.shape == (len(images.names), 3, 8, 8)
        assert images.labels is None
        for pixels, name in zip(images.pixels, images.names, strict=True):
            assert abs(pixels.float().mean() - wanted.index(name)) <= 1


def test_split_depends_on_the_name_alone(tmp_path: Path) -> None:
    before = folder(fill(tmp_path / "one", *numbered(60)))
    after = folder(fill(tmp_path / "two", *numbered(100)))
    train, test = set(before.load("train").names), set(before.load("test").names)
    assert not train & test
    assert 1 <= len(test) <= 15
    assert test <= set(after.load("test").names)
    assert train <= set(after.load("train").names)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_each_split_has_at_least_one_image(tmp_path: Path, count: int) -> None:
    source = folder(fill(tmp_path / "root", *numbered(count)))
    assert len(source.load("test").pixels) >= 1
    assert len(source.load("train").pixels) >= 1


@pytest.mark.parametrize("held_out", ["test", "val", "Validation"])
def test_named_splits_are_honoured(tmp_path: Path, held_out: str, caplog: pytest.LogCaptureFixture) -> None:
    names = ["Train/b/1.png", "Train/a/2.png", f"{held_out}/b/3.png", "stray.png"]
    source = folder(fill(tmp_path / "root", *names))
    train, test = source.load("train"), source.load("test")
    assert train.names == ["Train/a/2.png", "Train/b/1.png"]
    assert test.names == [f"{held_out}/b/3.png"]
    assert train.classes == ["a", "b"]
    assert train.labels.tolist() == [0, 1]
    assert test.labels.tolist() == [1]
    assert "1 images outside train and test" in caplog.text


def test_classes_are_the_top_folders_where_all_images_are_in_two_or_more(tmp_path: Path) -> None:
    names = [f"{kind}/{number}/x.png" for kind in ("dog", "cat") for number in range(20)]
    images = folder(fill(tmp_path / "sorted", *names)).load("train")
    assert images.classes == ["cat", "dog"]
    assert [images.classes[label] for label in images.labels] == [name.split("/")[0] for name in images.names]
    assert folder(fill(tmp_path / "mixed", *names, "loose.png")).load("train").labels is None
    assert folder(fill(tmp_path / "single", *names[:20])).load("train").labels is None


def test_unreadable_files_are_left_out_and_listed(
    tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = fill(tmp_path / "root", *(f"train/{name}" for name in numbered(4)), "test/0.png")
    jpeg = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(jpeg, format="JPEG")
    (root / "train" / "cut.jpg").write_bytes(jpeg.getvalue()[:1000])
    (root / "train" / "empty.png").touch()
    (root / "train" / "text.png").write_text("just words")
    (root / "train" / "lost.png").symlink_to("nowhere.png")
    (root / "train" / os.fsdecode(b"\xff.png")).write_bytes(b"name and content are broken")
    Image.new("P", (4, 4)).save(root / "train" / "movie.png", format="GIF")
    Image.new("1", (8000, 7000)).save(root / "train" / "bomb.png")
    with caplog.at_level(logging.WARNING):
        images = folder(root).load("train")
    assert images.names == [f"train/{name}" for name in numbered(4)]
    assert len(images.pixels) == 4
    (warning,) = caplog.messages
    assert "7 images cannot be read" in warning
    (listed,) = cache.rglob("unreadable.txt")
    assert str(listed) in warning
    lines = dict(line.split("\t") for line in listed.read_text().splitlines())
    broken = ["bomb.png", "cut.jpg", "empty.png", "lost.png", "movie.png", "text.png", "\\udcff.png"]
    assert sorted(lines) == sorted(f"train/{name}" for name in broken)
    assert "megapixels" in lines["train/bomb.png"]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_counts_what_is_decoded_on_a_terminal_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(album, "Console", lambda stderr: Console(file=shown, force_terminal=terminal, width=200))
    folder(fill(tmp_path / "[root]", "train/1.png", "train/2.png", "test/1.png"))
    assert ("[root] (train): decoding" in shown.getvalue()) == terminal
    assert bool(shown.getvalue()) == terminal


def test_no_readable_image_is_a_mistake(tmp_path: Path, cache: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for name in ("a.png", "b.png"):
        (root / name).touch()
    with pytest.raises(Mistake, match=r"root.*none of its 1 images can be read.*png"):
        ImageFolder(str(root), 8, 3).prepare()
    assert not list((cache / "images").iterdir())


def test_links_in_a_circle_end_and_those_that_lead_out_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = fill(tmp_path / "root", "a/1.png", "a/2.png")
    (root / "a" / "again").symlink_to(root)
    fill(tmp_path / "elsewhere", "3.png")
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    source = folder(root)
    names = {*source.load("train").names, *source.load("test").names}
    assert names == {"a/1.png", "a/2.png"}
    assert "linked (a link that leads out of the folder)" in caplog.text


def test_the_cache_is_used_again_and_follows_the_files(tmp_path: Path, decoded: list[bytes]) -> None:
    root = fill(tmp_path / "root", "train/a.png", "train/b.png", "test/c.png")
    folder(root)
    assert len(decoded) == 3
    again = folder(root).load("train")
    assert len(decoded) == 3
    assert again.pixels.float().mean() == pytest.approx(0.5)
    Image.new("RGB", (10, 12), (90, 90, 90)).save(root / "train" / "a.png")
    os.utime(root / "train" / "a.png", ns=(0, 0))
    changed = folder(root).load("train")
    assert set(decoded[3:]) == {(root / "train" / name).read_bytes() for name in ("a.png", "b.png")}
    assert changed.pixels[0].float().mean() == 90
    folder(root, image_size=4)
    folder(root, channels=1)
    assert len(decoded) == 5 + 3 + 3


def test_who_has_a_folder_open_asks_its_files_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = folder(fill(tmp_path / "root", *numbered(3)))
    monkeypatch.setattr(album_place, "_state", lambda path: pytest.fail(f"{path} was asked again"))
    assert len(source.load("train").pixels) == 2


def test_files_lie_below_their_folder(tmp_path: Path) -> None:
    names = ["deep/1.png", "2.png"]
    assert dict(Files(tmp_path, names)) == {name: str(tmp_path / name) for name in names}


def test_a_moved_folder_is_not_decoded_again(tmp_path: Path, decoded: list[bytes]) -> None:
    folder(fill(tmp_path / "here", *numbered(3))).load("train")
    (tmp_path / "here").rename(tmp_path / "there")
    folder(tmp_path / "there").load("train")
    assert len(decoded) == 3


def test_writing_that_is_cut_off_leaves_no_half_cache(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = fill(tmp_path / "root", *numbered(30))
    read, calls = album.read_all, []

    def stop_half_way(*args: object):
        for item in read(*args):
            calls.append(item)
            if len(calls) == 10:
                raise KeyboardInterrupt
            yield item

    with monkeypatch.context() as patched:
        patched.setattr(album, "read_all", stop_half_way)
        with pytest.raises(KeyboardInterrupt):
            folder(root)
    assert not list((cache / "images").iterdir())
    # What kill -9 would leave behind is swept away by the next one who builds.
    train = folder(root)
    (block,) = (b for b in (cache / "images").iterdir() if len((b / "names.json").read_text()) > 100)
    block.rename(block.with_name(f".{block.name}.12345"))
    assert len(folder(root).load("train").pixels) == len(train.load("train").pixels)
    assert not list((cache / "images").glob(".*"))


def test_what_a_killed_process_left_of_files_that_have_changed_since_is_swept_away(tmp_path: Path, cache: Path) -> None:
    root = fill(tmp_path / "root", "train/a.png", "test/b.png")
    train = [block for block in map(Path.resolve, _blocks(folder(root), cache)) if "a.png" in _names(block)]
    for block in train:
        block.rename(block.with_name(f".{block.name}.12345"))
    os.utime(root / "train" / "a.png")
    folder(root)
    assert not list((cache / "images").glob(".*"))


def test_a_block_that_somebody_took_a_part_of_is_made_anew(tmp_path: Path, cache: Path, decoded: list[bytes]) -> None:
    root = fill(tmp_path / "root", "train/a.png", "test/b.png")
    for block in _blocks(folder(root), cache):
        (block / "pixels.u8").unlink()
    assert len(folder(root).load("train").pixels) == 1
    assert len(decoded) == 4


def _blocks(source: ImageFolder, cache: Path) -> list[Path]:
    source.load("train")
    return list((cache / "images").iterdir())


def _names(block: Path) -> str:
    return (block / "names.json").read_text()


def test_a_cache_that_cannot_be_written_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = fill(tmp_path / "root", *numbered(3))
    (tmp_path / "file").touch()
    monkeypatch.setenv("ATELIER_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(Mistake, match="ATELIER_CACHE"):
        folder(root)


def test_a_missing_folder_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    with pytest.raises(Mistake, match=f"did you mean {tmp_path}/pictures"):
        folder(tmp_path / "pcitures")
    with pytest.raises(Mistake, match=f"the nearest that exists is {tmp_path}"):
        folder(tmp_path / "quite" / "other")


def test_wrong_roots_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(Mistake, match=r"data\.root=.*empty: no JPEG, PNG or WebP"):
        folder(tmp_path / "empty")
    (tmp_path / "file.png").touch()
    with pytest.raises(Mistake, match="this is a file"):
        folder(tmp_path / "file.png")
    with pytest.raises(Mistake, match="only one image"):
        folder(fill(tmp_path / "one", "a.png"))


def test_what_is_left_out_is_told_once_however_often_a_verb_looks(
    tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number}.png")
    (tmp_path / "x.bmp").touch()
    for _ in range(2):
        ImageFolder(str(tmp_path), 8, 3).prepare()
        read_inputs(str(tmp_path), 8, 3)
    told = "1 is left out: x.bmp (not JPEG, PNG or WebP)"
    warned = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert warned == [f"data.root={tmp_path}: {told}", f"input={tmp_path}: {told}"]
