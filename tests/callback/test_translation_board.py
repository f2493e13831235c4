from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from translators import Brighter, Collection, Couples

from atelier.callback.checkpoints import Checkpoints
from atelier.callback.results import Results
from atelier.callback.translation_board import TranslationBoard
from atelier.metric.frechet import FrechetDistance
from atelier.metric.kernel import KernelDistance
from atelier.metric.none import NoExtractor
from atelier.pixels import to_bytes, to_levels, to_unit
from atelier.similarity import ssim
from atelier.types import Mistake


def board(pixels, **scores: object) -> TranslationBoard:
    chosen = scores or {"frechet": FrechetDistance(), "kernel": KernelDistance(5, 11, 0), "left out": None}
    return TranslationBoard(pixels(), chosen)


def distances() -> TranslationBoard:
    return TranslationBoard(NoExtractor(), {"frechet": FrechetDistance()})


def test_features_are_those_of_all_fakes_against_all_reals_of_the_target(fit, pixels) -> None:
    data, taken, score = Couples(), board(pixels), FrechetDistance()
    fit(Brighter(0.5), taken, data=data, epochs=1)
    results, look = taken.results(), pixels()
    for way, source, target, light in (("a_to_b", "a", "b", 0.2), ("b_to_a", "b", "a", -0.2)):
        real, start = look(data.images["test", target]), look(data.images["test", source])
        fake = look(to_bytes(to_unit(data.images["test", source]) + light))
        entry = results[f"val/fd_pixels_{way}"]
        assert entry["last"] == pytest.approx(score(real, fake)["fd"], rel=1e-6)
        assert entry["untouched"] == pytest.approx(score(real, start)["fd"], rel=1e-6)
        assert entry["last"] < entry["untouched"]
        sizes = (entry["protocol"]["real"], entry["protocol"]["fake"])
        assert sizes == (len(real.features), len(fake.features))
        assert entry["protocol"]["direction"] == way and entry["protocol"]["seed"] is None
    for key in ("last", "untouched"):
        both = [results[f"val/fd_pixels_{way}"][key] for way in ("a_to_b", "b_to_a")]
        assert results["val/fd_pixels"][key] == pytest.approx(sum(both) / 2)


def test_a_floor_has_as_many_reals_as_there_are_fakes_or_is_left_out(fit, pixels) -> None:
    data, taken = Couples(), board(pixels)
    fit(Brighter(), taken, data=data, epochs=1)
    results, look = taken.results(), pixels()
    # 13 fakes of b would need 13 training images of b, and there are 9; 10 fakes of a have 30.
    assert results["val/fd_pixels_a_to_b"]["floor"] is None and results["val/fd_pixels"]["floor"] is None
    expected = FrechetDistance()(look(data.images["test", "a"]), look(data.images["train", "a"][:10]))["fd"]
    assert results["val/fd_pixels_b_to_a"]["floor"] == pytest.approx(expected, rel=1e-6)


def test_distances_equal_the_direct_computation(fit) -> None:
    data, taken = Couples(), distances()
    fit(Brighter(0.75), taken, data=data, epochs=1)
    results = taken.results()
    for domain in ("a", "b"):
        assert results[f"val/cycle_l1_{domain}"]["last"] == pytest.approx(0.25, rel=1e-5)
        assert results[f"val/cycle_psnr_{domain}"]["last"] == pytest.approx(10 * math.log10(4 / 0.0625), rel=1e-5)
        assert results[f"val/identity_l1_{domain}"]["last"] == pytest.approx(0.125, rel=1e-5)
    real, truth = to_unit(data.images["test", "a"]), to_unit(data.images["test", "a"] + 51)
    assert results["val/truth_l1_a_to_b"]["last"] == pytest.approx(0.1, rel=1e-5)
    assert results["val/truth_l1_a_to_b"]["untouched"] == pytest.approx(0.4, rel=1e-5)
    assert results["val/truth_psnr_b_to_a"]["last"] == pytest.approx(10 * math.log10(4 / 0.01), rel=1e-5)
    assert results["val/truth_psnr"]["untouched"] == pytest.approx(10 * math.log10(4 / 0.16), rel=1e-5)
    for key, images in (("last", real + 0.3), ("untouched", real)):
        expected = ssim(to_levels(images), to_levels(truth)).mean().item()
        assert results["val/truth_ssim_a_to_b"][key] == pytest.approx(expected, rel=1e-5)
    assert "untouched" not in results["val/cycle_l1_a"]
    assert results["val/cycle_l1_b"]["protocol"] == {"images": 10, "range": "[-1, 1]", "split": "test"}


def test_figures_do_not_depend_on_the_batch_size(fit, pixels) -> None:
    taken = []
    for size in (13, 5, 1):
        taken.append(board(pixels))
        fit(Brighter(0.3), taken[-1], data=Couples(batch_size=size), epochs=1)
    first, *others = [{name: entry["last"] for name, entry in one.results().items()} for one in taken]
    assert len(first) == 2 + 4 + 6 + 6
    for other in others:
        assert other == pytest.approx(first, rel=1e-5)


def test_the_truth_decides_where_it_is_known_and_the_extractor_elsewhere(fit, pixels, tmp_path: Path) -> None:
    taken = board(pixels)
    fit(Brighter(0.2, 0.9, 0.4), taken, Checkpoints(), data=Couples(), epochs=3, enable_checkpointing=True)
    assert taken.history.primary == "val/truth_psnr"
    assert taken.results()["val/truth_psnr"]["best_epoch"] == 2
    assert (tmp_path / "run" / "checkpoints" / "best.ckpt").exists()
    taken = board(pixels)
    fit(Brighter(0.2, 0.4, 0.9), taken, data=Couples(truth=False), epochs=3)
    results = taken.results()
    assert next(iter(results)) == "val/fd_pixels" and results["val/fd_pixels"]["best_epoch"] == 3
    assert not any("truth" in name for name in results)


def test_without_truth_and_extractor_nothing_could_decide(fit) -> None:
    with pytest.raises(Mistake, match="extractor=none"):
        fit(Brighter(), distances(), data=Couples(truth=False))


def test_images_are_counted_without_being_gathered(pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Collection, "reals", None)
    board(pixels).expect(Couples())


def test_protocols_name_the_subsets_and_the_shortage_of_images(fit, pixels) -> None:
    taken = board(pixels)
    taken._judge._by_features.extractor.num_features = 2048
    fit(Brighter(), taken, data=Couples(truth=False), epochs=1)
    results = taken.results()
    # 13 fakes meet 10 reals, of whom a subset of 11 cannot be drawn.
    protocol = results["val/kid_pixels_a_to_b"]["protocol"]
    assert (protocol["subsets"], protocol["subset_size"]) == (5, 10)
    assert "subsets" not in results["val/fd_pixels_a_to_b"]["protocol"]
    for name in ("val/fd_pixels", "val/fd_pixels_a_to_b"):
        assert "only 10 images for 2048 features" in results[name]["protocol"]["warning"]


def test_reals_are_looked_at_once(fit, pixels) -> None:
    taken, looked = board(pixels), []
    extractor = taken._judge._by_features.extractor
    look = extractor.look
    extractor.look = lambda images: looked.append(len(images)) or look(images)
    fit(Brighter(), taken, data=Couples(), epochs=3)
    fakes, reals, floor = 3 * (13 + 10), 13 + 10, 10
    assert sum(looked) == fakes + reals + floor


def test_results_hold_what_doing_nothing_gets_and_survive_a_checkpoint(fit, pixels, tmp_path: Path) -> None:
    taken = board(pixels)
    fit(Brighter(0.5), taken, Results("cyclegan", "couples", seed=0), data=Couples(), epochs=2)
    kept = json.loads((tmp_path / "run" / "results.json").read_text())["scores"]
    assert next(iter(kept)) == "val/truth_psnr"
    assert kept["val/truth_psnr"]["last"] > kept["val/truth_psnr"]["untouched"]
    again = board(pixels)
    again.history.higher = taken.history.higher
    again.load_state_dict(json.loads(json.dumps(taken.state_dict())))
    assert again.results() == taken.results()


def test_small_images_have_no_structural_similarity(fit) -> None:
    taken = distances()
    fit(Brighter(), taken, data=Couples(shape=(1, 4, 4)), epochs=1)
    results = taken.results()
    assert "val/truth_psnr_a_to_b" in results and "val/truth_ssim_a_to_b" not in results
    assert torch.tensor(results["val/truth_l1_b_to_a"]["last"]).abs() < 1e-6
