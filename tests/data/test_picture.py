from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from forged import encoded, hidden
from PIL import Image
from sklearn.datasets import load_sample_images

from atelier.data import picture
from atelier.data.picture import Shape, content_of, decode, decode_levels, open_upright

COLOUR = Shape(8, 3)
RED = (200, 30, 10)


def read(path: Path, shape: Shape) -> np.ndarray:
    """The picture in the file at ``path``."""
    with content_of(path) as content:
        return decode(content, shape)


def save(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def assert_filled(pixels: np.ndarray, colour: tuple[int, ...], tolerance: int = 0) -> None:
    wanted = np.array(colour).reshape(-1, 1, 1)
    assert pixels.shape == (len(colour), 8, 8)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - wanted).max() <= tolerance


@pytest.mark.parametrize("size", [(1, 1), (3000, 3), (8, 8), (37, 20)])
def test_any_size_becomes_the_square(tmp_path: Path, size: tuple[int, int]) -> None:
    assert_filled(read(save(tmp_path / "a.png", Image.new("RGB", size, RED)), COLOUR), RED)


def test_grey_becomes_colour_and_colour_grey(tmp_path: Path) -> None:
    grey = save(tmp_path / "grey.png", Image.new("L", (9, 9), 77))
    assert_filled(read(grey, COLOUR), (77, 77, 77))
    colour = save(tmp_path / "colour.png", Image.new("RGB", (9, 9), RED))
    assert_filled(read(colour, Shape(8, 1)), (round(0.299 * 200 + 0.587 * 30 + 0.114 * 10),), tolerance=1)


def test_black_and_white_bits(tmp_path: Path) -> None:
    assert_filled(read(save(tmp_path / "a.png", Image.new("1", (9, 9), 1)), COLOUR), (255, 255, 255))


@pytest.mark.parametrize(("alpha", "wanted"), [(255, RED), (0, (255, 255, 255)), (128, (227, 142, 132))])
def test_transparency_lies_on_white(tmp_path: Path, alpha: int, wanted: tuple[int, ...]) -> None:
    path = save(tmp_path / "a.png", Image.new("RGBA", (9, 9), (*RED, alpha)))
    assert_filled(read(path, COLOUR), wanted, tolerance=1)


def test_grey_with_transparency(tmp_path: Path) -> None:
    assert_filled(read(save(tmp_path / "a.png", Image.new("LA", (9, 9), (0, 0))), COLOUR), (255, 255, 255))


def test_palettes_with_and_without_transparency(tmp_path: Path) -> None:
    indexed = Image.new("P", (9, 9), 1)
    indexed.putpalette([0, 0, 0, *RED])
    assert_filled(read(save(tmp_path / "plain.png", indexed), COLOUR), RED)
    clear = save(tmp_path / "clear.png", indexed, transparency=1)
    assert_filled(read(clear, COLOUR), (255, 255, 255))


def test_cmyk_jpeg(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", Image.new("CMYK", (16, 16), (0, 255, 255, 0)), quality=100)
    assert_filled(read(path, COLOUR), (255, 0, 0), tolerance=4)


def test_sixteen_bits_keep_their_scale(tmp_path: Path) -> None:
    for level in (0, 257 * 100, 65535):
        sixteen = Image.fromarray(np.full((9, 9), level, dtype=np.uint16))
        assert_filled(read(save(tmp_path / "a.png", sixteen), COLOUR), (level // 257,) * 3)


def test_pictures_are_turned_upright(tmp_path: Path) -> None:
    upright = np.zeros((8, 8, 3), dtype=np.uint8)
    upright[:4] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # The camera was turned: show it turned by 90 degrees clockwise.
    stored = Image.fromarray(upright).transpose(Image.Transpose.ROTATE_90)
    path = save(tmp_path / "a.png", stored, exif=exif)
    assert np.array_equal(read(path, COLOUR), upright.transpose(2, 0, 1))


def test_an_animation_gives_its_first_picture(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, (0, 0, 0))]
    path = save(tmp_path / "a.webp", frames[0], save_all=True, append_images=frames[1:], lossless=True)
    assert_filled(read(path, COLOUR), RED)


def test_the_centre_is_kept(tmp_path: Path) -> None:
    wide = np.zeros((8, 24, 3), dtype=np.uint8)
    wide[:, 8:16] = 255
    path = save(tmp_path / "a.png", Image.fromarray(wide))
    assert_filled(read(path, COLOUR), (255, 255, 255))
    inner = np.zeros((24, 24, 3), dtype=np.uint8)
    inner[8:16, 8:16] = 255
    path = save(tmp_path / "b.png", Image.fromarray(inner))
    assert_filled(read(path, Shape(8, 3, crop=8)), (255, 255, 255))


def test_bombs_are_refused_before_they_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.png", Image.new("1", (8000, 7000)))
    monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("decoded"))
    with pytest.raises(ValueError, match="8000 x 7000 is more than 50 megapixels"):
        read(path, COLOUR)


def test_other_formats_are_not_opened_whatever_their_name(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("P", (9, 9)).save(path, format="GIF")
    with pytest.raises(ValueError, match="not a JPEG, PNG or WebP picture"):
        read(path, COLOUR)


@pytest.mark.parametrize(
    "options", [{"quality": 90}, {"subsampling": 0}, {"subsampling": 1}, {"progressive": True}, {"keep_rgb": True}]
)
def test_photographs_have_pillows_levels(tmp_path: Path, options: dict[str, int], monkeypatch) -> None:
    for number, (photograph, size) in enumerate(zip(load_sample_images().images, [(256, 256), (301, 77)], strict=True)):
        path = save(tmp_path / f"{number}.jpg", Image.fromarray(photograph).crop((0, 0, *size)), **options)
        pillows = np.asarray(open_upright(path, 3)).transpose(2, 0, 1)
        with monkeypatch.context() as patched:
            patched.setattr(picture, "_decoded", lambda *_: pytest.fail("went through Pillow"))
            assert np.array_equal(decode_levels(path.read_bytes(), 3)[..., :3].transpose(2, 0, 1), pillows)


def test_of_a_broken_photograph_pillow_says_what_is_wrong(tmp_path: Path) -> None:
    whole = save(tmp_path / "a.jpg", Image.fromarray(load_sample_images().images[0])).read_bytes()
    path = tmp_path / "cut.jpg"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(OSError, match="truncated"):
        read(path, COLOUR)


def test_a_large_photograph_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch) -> None:
    path = save(tmp_path / "a.jpg", Image.new("RGB", (1100, 1000)))
    monkeypatch.setenv("ATELIER_MEGAPIXELS", "1")
    with pytest.raises(ValueError, match="1100 x 1000 is more than 1 megapixels"):
        read(path, COLOUR)


def test_a_large_photograph_cannot_hide_behind_a_small_one(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(hidden(encoded(Image.new("RGB", (1100, 1100)), "JPEG")))
    monkeypatch.setenv("ATELIER_MEGAPIXELS", "1")
    with pytest.raises(ValueError, match="1100 x 1100 is more than 1 megapixels"):
        read(path, COLOUR)


def test_no_more_is_decoded_than_was_let_in(tmp_path: Path, monkeypatch) -> None:
    path = save(tmp_path / "a.jpg", Image.new("RGB", (40, 30), RED))
    monkeypatch.setattr(picture.jpeg, "ordinary", lambda content: (8, 8))  # a size that is not libjpeg's
    asked = []
    monkeypatch.setattr(picture, "_decoded", lambda *given: asked.append(given) or Image.new("RGB", (40, 30), RED))
    assert_filled(read(path, COLOUR), RED)
    assert asked, "Pillow has the word"


def test_a_cut_keeps_nothing_of_what_it_was_cut_from(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.new("L", (8, 4000), 77))
    for channels in (1, 3):
        levels = read(path, Shape(8, channels))
        assert levels.base is None or levels.base.nbytes == levels.nbytes


def test_pillow_hands_over_every_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (19, 5, 3), dtype=np.uint8)
    path = save(tmp_path / "a.png", Image.fromarray(noise))
    monkeypatch.setattr(picture, "_STRIP", 4)
    assert np.array_equal(decode_levels(path.read_bytes(), 3)[..., :3], noise)
