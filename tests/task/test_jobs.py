from __future__ import annotations

from pathlib import Path

import pytest

from atelier.task.jobs import find_jobs, passed_over
from atelier.types import Mistake


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "a.png", "deep/er/b.WEBP", "deep/c.jpeg", "notes.txt", ".hidden.png", "d[1].png"):
        file = tmp_path / "photos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path / "photos"


def names(place: str, output: str = "made") -> list[str]:
    return [job.name for job in find_jobs(place, Path(output))]


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("photos", ["a.jpg", "a.png", "d[1].png", "deep/c.jpeg", "deep/er/b.WEBP"]),
        ("photos/a.jpg", ["a.jpg"]),
        ("photos/d[1].png", ["d[1].png"]),
        ("photos/notes.txt", ["notes.txt.png"]),
        ("photos/*.png", ["a.png", "d[1].png"]),
        ("photos/*", ["a.jpg", "a.png", "d[1].png", "deep/c.jpeg", "deep/er/b.WEBP"]),
        ("photos/**/*.jp*g", ["a.jpg", "deep/c.jpeg"]),
        ("photos/d??p/*.jpeg", ["deep/c.jpeg"]),
        ("*/a.[jp]*g", ["photos/a.jpg", "photos/a.png"]),
    ],
)
def test_files_folders_and_patterns(place: str, found: list[str], photos: Path) -> None:
    assert names(place) == found
    for job in find_jobs(str(photos.parent / place), Path("made")):
        assert job.target == Path("made") / job.name


@pytest.mark.parametrize("place", ["photos", "photos/*", "photos/**/*.png"])
def test_translations_inside_the_input_are_no_input(place: str, photos: Path) -> None:
    before = names(place, "photos/made")
    (photos / "made").mkdir()
    (photos / "made" / "a.png").touch()
    assert names(place, "photos/made") == before
    assert names(place, "elsewhere") != before


def test_input_may_lie_inside_the_output(photos: Path) -> None:
    assert names("photos", ".") == names("photos", "made")


@pytest.mark.parametrize(
    ("place", "output"), [("photos", "photos"), ("photos/a.jpg", "photos"), ("photos/*", "photos/")]
)
def test_a_source_is_never_written_over(place: str, output: str, photos: Path) -> None:
    with pytest.raises(Mistake, match="would be written over its source"):
        names(place, output)


def test_nor_through_a_link(photos: Path) -> None:
    (photos.parent / "made").symlink_to(photos, target_is_directory=True)
    with pytest.raises(Mistake, match="would be written over its source"):
        names("photos")


@pytest.mark.parametrize("place", ["photos", "photos/*", "photos/**/*.png", "photos/link*"])
def test_links_that_lead_out_are_passed_over(place: str, photos: Path) -> None:
    outside = photos.parent / "outside"
    outside.mkdir()
    (outside / "secret.png").touch()
    (photos / "link.png").symlink_to(outside / "secret.png")
    (photos / "links").symlink_to(outside)
    (photos / "linked.png").symlink_to("a.png")
    assert "linked.png" in names(place) and not {"link.png", "links/secret.png"} & set(names(place))
    assert passed_over(place)["link.png"] == "a link that leads out of the folder"
    (photos / "linked.png").unlink()
    with pytest.raises(Mistake, match=r"by this pattern; .* link\.png \(a link that leads out"):
        names("photos/link*")


@pytest.mark.parametrize("place", ["nowhere", "photos/deep/er/none/*.png", "photos/*.gif", "empty"])
def test_nothing_is_a_mistake(place: str, photos: Path) -> None:
    (photos.parent / "empty").mkdir()
    with pytest.raises(Mistake, match="input="):
        names(place)
