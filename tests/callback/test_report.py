from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from matplotlib.textpath import TextPath
from PIL import Image

from atelier.callback.bookkeeping import Bookkeeping
from atelier.callback.chart import Curve, chart, scatter
from atelier.callback.frames import embed, frames
from atelier.callback.gallery import Gallery
from atelier.callback.picture import Grid
from atelier.callback.report import Report, brief, duration, size, write_report
from atelier.callback.results import Results
from atelier.callback.score_panels import notes
from atelier.counted import counted


class Loads(HTMLParser):
    """Every address that a page fetches by itself, and whether its elements are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        wanted = {"src", "srcset", "poster", "data"} | ({"href"} if tag in ("link", "use", "image") else set())
        self.addresses += [value or "" for name, value in attrs if name.split(":")[-1] in wanted]


@pytest.fixture
def run(fit, toy, scoreboard, tmp_path: Path) -> Path:
    """A run's folder after two epochs."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "overrides.yaml").write_text("- model.generator_optimizer.lr=<3e-4>\n")
    (folder / "config.yaml").write_text(
        "data: {image_size: 8, facts: {licence: CC BY 4.0, source: 'https://a.edu/x'}}\n"
    )
    gallery, results = Gallery(Grid(2, 2, 32), seed=0, walks=2, steps=3), Results("dcgan", "digits", seed=0)
    fit(toy(), Bookkeeping(1), scoreboard, gallery, results, Report(), epochs=2)
    return folder


def test_page_holds_the_run(run: Path) -> None:
    page = (run / "report.html").read_text()
    for words in (
        "dcgan <small>on</small> digits",
        "val/distance_pixels".removeprefix("val/"),
        "closeness_pixels",
        "real against real",
        "equilibrium −1.250",
        "Losses of the players",
        "CC BY 4.0",
        "model.generator_optimizer.lr=&lt;3e-4&gt;",
        "torch",
        "epoch 2",
    ):
        assert words in page
    assert (
        page.count("data:image/png;base64,") == 1 + 1 + 3
    )  # the frame shown, the walk, and three frames of the slider


def test_page_loads_nothing_and_is_small(run: Path) -> None:
    path = run / "report.html"
    page, loads = path.read_text(), Loads()
    loads.feed(page)
    assert loads.addresses
    assert all(address.startswith(("data:", "#")) for address in loads.addresses)
    assert not re.search(r"url\((?!#)|@import|<link|<script[^>]+src|fetch\(", page)
    assert path.stat().st_size < 10e6


def test_page_of_an_empty_folder(tmp_path: Path) -> None:
    assert "A model" in write_report(tmp_path).read_text()


def test_a_report_that_cannot_be_written_does_not_end_training(fit, toy, tmp_path: Path) -> None:
    (tmp_path / "run" / "report.html").mkdir(parents=True)
    assert fit(toy(), Report(), epochs=1).state.finished


def test_many_large_pictures_fit_into_the_page(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    for epoch in range(30):
        picture = Image.fromarray(noise.integers(0, 256, (300, 300, 3), dtype=np.uint8))
        picture.save(tmp_path / f"epoch_{epoch:04d}.png")
    found = frames(tmp_path, most=10, budget=400_000)
    assert len(found) == 10
    assert (found[0].epoch, found[-1].epoch) == (0, 29)
    assert sum(len(frame.source) for frame in found) <= 400_000
    assert found[0].source.startswith("data:image/jpeg;base64,")
    assert embed(tmp_path / "epoch_0000.png", 10**7).startswith("data:image/png;base64,")


def test_charts_take_the_pages_colours() -> None:
    svg = chart([Curve([1, 2, 3], [3.0, 2.0, 1.0])], level=0.5, mark=(3, 1.0))
    assert svg.startswith("<svg ")
    for variable in ("--first", "--muted", "--rule", "--level", "--mark"):
        assert f"var({variable})" in svg
    assert "http" not in svg


@pytest.mark.parametrize(
    "drawn",
    [
        chart([Curve([1, 200_000], [-100_000, -100_300.0])]),
        chart([Curve([1, 2], [5e-5, 4e-5])], width=3.9),
        chart([Curve([0, 100], [1e-3, 1e4])], width=3.9),
        chart([Curve([1], [0.5])], bounds=(-0.03, 1.03)),
        scatter(["adam", "sgd with momentum"], [1, 2], axis="model.optimizer"),
        scatter([f"a word of length {n}" for n in range(6)], range(6), axis="model.optimizer", width=3.9),
    ],
)
def test_words_of_a_chart_lie_within_it(drawn: str) -> None:
    assert "DejaVu" not in drawn
    width, height = (float(number) for number in re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawn)[0])
    words = re.findall(r'font-size: ([\d.]+)px.*?x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)<', drawn)
    assert len(words) >= 4
    for points, x, y, text in words:
        extent = TextPath((0, 0), text, size=float(points)).get_extents()
        anchored = re.search(rf"text-anchor: (\w+)[^>]*>{re.escape(text)}<", drawn)
        before = {"end": 1.0, "middle": 0.5}.get(anchored[1] if anchored else "start", 0.0)
        left = float(x) - before * extent.width
        assert left >= 0 and left + extent.width <= width, text
        assert float(y) - extent.height >= 0 and float(y) + 2 <= height, text


def test_charts_survive_odd_curves() -> None:
    for values in ([], [1.0], [float("nan")] * 3, [0.0] * 5, [1e-9, 1e9, float("inf")], [2.0] * 5000):
        assert "<svg" in chart([Curve(list(range(len(values))), values)])


def test_words_for_people() -> None:
    assert [brief(value) for value in (None, 12345.6, 0.123456)] == ["–", "12,346", "0.1235"]
    told = [duration(seconds) for seconds in (41.2, 101.3, 600, 8000, 9500)]
    assert told == ["41 s", "1 min 41 s", "10 min 00 s", "2 h 13 min", "2 h 38 min"]
    assert [counted(count, "epoch") for count in (0, 1, 1.0, 2.5)] == ["0 epochs", "1 epoch", "1 epoch", "2.5 epochs"]
    assert [counted(count, "image") for count in (1, 1442)] == ["1 image", "1,442 images"]
    assert [size(count) for count in (5_000_000, 2_500_000_000)] == ["5 MB", "2.5 GB"]


@pytest.mark.parametrize(("subsets", "said"), [(1, "1 subset of 355"), (50, "50 subsets of 355")])
def test_a_note_counts_subsets_as_people_do(subsets: int, said: str) -> None:
    protocol = {"extractor": "digits", "identity": "0" * 16, "resize": "none", "ema": True, "seed": 0}
    counts = {"fake": 355, "real": 355, "subsets": subsets, "subset_size": 355}
    (note,) = notes({"val/kid_digits": {"protocol": protocol | counts}})
    assert note.endswith(said)
