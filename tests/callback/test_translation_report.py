"""What a person is told of a run that trains a translator."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console
from translators import Brighter, Couples

from atelier.callback import monitor
from atelier.callback.bookkeeping import Bookkeeping
from atelier.callback.monitor import Monitor
from atelier.callback.progress import ProgressLine
from atelier.callback.recorder import Row
from atelier.callback.report import Report
from atelier.callback.results import Results
from atelier.callback.score_panels import notes, score_panels
from atelier.callback.strips import Strips
from atelier.callback.summary import Summary
from atelier.callback.translation_board import TranslationBoard
from atelier.callback.translation_gallery import TranslationGallery
from atelier.metric.frechet import FrechetDistance
from atelier.metric.kernel import KernelDistance
from atelier.run_folder import RunFolder


@pytest.fixture
def run(fit, pixels, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> tuple[Path, str, list[str]]:
    """The folder of a run of two epochs, what its summary said, and the log."""
    extractor = pixels()
    extractor.num_features = 64
    board = TranslationBoard(extractor, {"frechet": FrechetDistance(), "kernel": KernelDistance(3, 5, 0)})
    summary = Summary()
    summary.console = Console(file=(said := io.StringIO()), width=200, no_color=True)
    watchers = (
        *(Bookkeeping(1), board, Monitor(0.05, 0.99, 3), TranslationGallery(Strips(2, 64, 64))),
        *(ProgressLine({"D": "d/loss", "G": "g/loss"}, 10), Results("cyclegan", "couples", 0), Report(), summary),
    )
    with caplog.at_level(logging.INFO, "atelier"):
        fit(Brighter(0.5, 0.9), *watchers, data=Couples(truth=False), epochs=2)
    return tmp_path / "run", said.getvalue(), [record.getMessage() for record in caplog.records]


def test_the_page_shows_both_directions_side_by_side(run) -> None:
    page = (run[0] / "report.html").read_text()
    for words in (
        *("Translations through time", "on the right from b to a"),
        *("<h3>fd_pixels</h3>", "<h3>kid_pixels</h3>", "<h3>cycle_l1</h3>", "a to b, best", "untouched input"),
        *("Mean of both", "Untouched input", "Mind: only 10 images for 64 features", "3 subsets of 5"),
        *("Generators: adversarial", "Generators: cycle", "Discriminators: adversarial", "Losses of the players"),
        *("Accuracy of domain a&#39;s discriminator", "Accuracy of domain b&#39;s discriminator"),
        *("translations a to b", "translations b to a", "mean of fd_pixels_a_to_b and fd_pixels_b_to_a"),
    ):
        assert words in page, words
    assert "<h3>g/cycle_a</h3>" not in page and "<h3>d/a/accuracy_real</h3>" not in page


def test_two_directions_share_a_chart_and_their_mean_its_note(run) -> None:
    scores = RunFolder(run[0]).read_results()["scores"]
    panels = score_panels({name: ([1, 2], [score["last"]] * 2) for name, score in scores.items()}, scores, {})
    assert [panel.title for panel in panels] == ["fd_pixels", "kid_pixels", "cycle_l1", "cycle_psnr", "identity_l1"]
    assert panels[0].keys[0][1].startswith("a to b, best") and panels[0].keys[1][1].startswith("b to a, best")
    assert "in epoch 2" in panels[0].note and "Lower is better" in panels[0].note
    assert not any("Mean" in panel.note for panel in panels[1:])
    assert panels[0].svg.count("stroke-dasharray") == 2
    assert sum("latents" in note or "reconstructions" in note for note in notes(scores)) == 0


def test_the_end_of_a_run_tells_what_doing_nothing_gets_and_how_to_go_on(run) -> None:
    folder, said, log = run
    assert "Best score  val/fd_pixels" in said and "in epoch 2" in said
    assert "Untouched   " in said and "Mind        only 10 images" in said
    assert f"translate ckpt={folder} direction=a_to_b" in said.replace(".py", "").replace("python ", "")
    assert "evaluate" in said and "train a variant" in said
    assert [message[:25] for message in log if message.startswith("epoch")] == [
        *("epoch 1/2 · val/fd_pixels", "epoch 2/2 · val/fd_pixels")
    ]


def test_translations_that_are_all_alike_are_reported_for_each_direction_once(
    fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "_STARTED", 0)
    watcher = Monitor(0.05, 0.99, 3)
    fit(Brighter(alike=True), watcher, data=Couples(), epochs=2)
    assert [warning[:19] for warning in watcher.warnings] == ["translations a to b", "translations b to a"]
    watcher = Monitor(0.05, 0.99, 3)
    fit(Brighter(), watcher, data=Couples(), epochs=2)
    assert watcher.warnings == []


def test_each_discriminator_is_watched_by_itself() -> None:
    watcher, trainer = Monitor(0.05, 0.99, 2), SimpleNamespace(default_root_dir="nowhere")
    sure = {"d/b/accuracy_real": 1.0, "d/b/accuracy_fake": 1.0, "d/a/accuracy_real": 1.0, "d/a/accuracy_fake": 0.9}
    for step in range(5):
        watcher.hear(trainer, Row("train", step, step, float(step), sure))
    assert len(watcher.warnings) == 1 and watcher.warnings[0].startswith("domain b's discriminator has told")
    again = Monitor(0.05, 0.99, 2)
    again.load_state_dict(watcher.state_dict())
    again.hear(trainer, Row("train", 9, 9, 9.0, sure))
    assert again.warnings == watcher.warnings
