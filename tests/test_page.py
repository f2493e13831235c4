"""The web page in a browser: what people do with it, what it refuses, and that nothing leaves this machine."""

from __future__ import annotations

import json
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from PIL import Image

from atelier.checkpoint import load
from atelier.cli import run
from atelier.config.words import conf_dir
from atelier.task import serve
from atelier.task.serve_model import ServedModel, open_models

pytest.importorskip("gradio", reason="the extra `demo`")
playwright = pytest.importorskip("playwright.sync_api", reason="of the development group")
CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
    pytest.mark.filterwarnings("default"),  # Gradio's and starlette's own affairs
]

BARE = ["trainer=cpu", "trainer.max_epochs=1", "callback.scoreboard=null", "callback.report=null"]
TINY = {
    "autoencoder": ["model=autoencoder", "data=digits", "data.subset=64", "data.batch_size=32", *BARE],
    "cyclegan": [
        "model=cyclegan",
        "data=stripes",
        "data.source.train=2",
        "data.source.test=24",
        "data.batch_size=1",
        "generator=resnet_6blocks",
        "generator.width=2",
        "discriminator.width=2",
        *BARE,
    ],
}
QUIZ = {"rounds": 2, "pictures": 6}


def settings(**changes: Any) -> DictConfig:
    """conf/serve.yaml without what Hydra alone reads."""
    plain: Any = OmegaConf.to_container(OmegaConf.load(conf_dir() / "serve.yaml"))
    chosen = {name: value for name, value in plain.items() if name not in ("hydra", "defaults", "run_dir")}
    limits = {"quiz": QUIZ, "device": "cpu", "limits": {"megabytes": 1}}
    merged = OmegaConf.merge(OmegaConf.create(chosen), limits, changes)
    assert isinstance(merged, DictConfig)
    return merged


@pytest.fixture(scope="module")
def runs(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder for each kind of model, to be written to."""
    base = tmp_path_factory.mktemp("runs")
    folders = {"dcgan": shutil.copytree(trained, base / "dcgan")}
    for file in (folders["dcgan"] / "checkpoints").glob("*.ckpt"):
        stir(file)
    for name, words in TINY.items():
        folders[name] = base / name
        assert run("train", [*words, f"hydra.run.dir={folders[name]}"]) == 0
    return folders


def stir(file: Path) -> None:
    """Give a sampler weights of which each latent makes another picture: a second of training leaves them all alike."""
    content, chance = torch.load(file, weights_only=True), torch.Generator().manual_seed(0)
    for name, value in content["state_dict"].items():
        if ("generator" in name or name.startswith("average")) and name.endswith("weight") and value.ndim > 1:
            value.normal_(std=0.2, generator=chance)
    torch.save(content, file)


@pytest.fixture(scope="module")
def served(runs: dict[str, Path]) -> Iterator[Callable[..., tuple[str, list[ServedModel]]]]:
    """Serve models: name after name -> the page's address, and what it shows."""
    opened: dict[tuple[str, ...], Any] = {}
    with serve.quiet_gradio():
        from atelier.task import serve_page

        def at(*names: str) -> tuple[str, list[ServedModel]]:
            if names not in opened:
                cfg = settings(ckpt=[str(runs[name]) for name in names])
                assert serve.preflight(cfg) == []
                shown = open_models(cfg.ckpt, device=serve._device(cfg), root=None)
                opened[names] = (serve_page.start(serve_page.build(shown, cfg), cfg), shown)
            page, shown = opened[names]
            return page.address, shown

        yield at
        for page, _ in opened.values():
            page.blocks.close(verbose=False)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def visit(browser: Any, runs: dict[str, Path]) -> Iterator[Callable[..., Any]]:
    """Open a page as somebody new; at the end, all that was asked for was asked of this machine."""
    asked: list[str] = []
    failures: list[str] = []
    contexts: list[Any] = []

    def come(address: str, width: int = 1400) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900}, accept_downloads=True)
        context.set_default_timeout(120_000)
        contexts.append(context)
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.goto(address)
        page.get_by_role("tab").first.wait_for()
        return page

    yield come
    for page in (page for context in contexts for page in context.pages):
        told = page.content()
        hosts = {urlsplit(link).hostname for link in re.findall(r"https?://[^\s\"'<>\\)]+", told)}
        assert hosts <= {"127.0.0.1", "www.w3.org"}  # names of SVG's elements, which nobody fetches
        for path in (Path.cwd(), Path.home(), conf_dir(), *runs.values()):
            assert f"{path}/" not in told
        assert "Traceback" not in told
    for context in contexts:
        context.close()
    hosts = {urlsplit(url).hostname for url in asked if not url.startswith(("data:", "blob:"))}
    assert not contexts or hosts == {"127.0.0.1"}
    assert failures == []


def photo(file: Path, width: int = 90, height: int = 60) -> Path:
    chance = np.random.default_rng(0)
    Image.fromarray(chance.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(file)
    return file


def tab(page: Any, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def lines(run_folder: Path) -> list[dict[str, Any]]:
    file = run_folder / "quiz.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def shown_tiles(page: Any) -> list[str]:
    return page.locator(".tile:visible img").evaluate_all("images => images.map(image => image.src)")


def test_samples_are_picked_and_saved_and_walked_between(served: Any, visit: Any, tmp_path: Path) -> None:
    page = visit(served("dcgan")[0])
    page.locator(".tile").nth(15).wait_for()
    first = shown_tiles(page)
    assert len(first) == len(set(first)) == 16
    page.locator(".tile").nth(3).click()
    assert page.locator('.tile[aria-pressed="true"]').count() == 1
    with page.expect_download() as download:
        page.get_by_role("button", name="Save 1 picked").click()
    assert download.value.suggested_filename == "seed0-003.png"
    download.value.save_as(tmp_path / "picked.png")
    with Image.open(tmp_path / "picked.png") as image:
        assert image.size == (32, 32)
        picked = np.asarray(image)
    model: Any = load(served("dcgan")[1][0].loaded.file).model
    expected = ((model.sample(16, seed=0)[3, 0] + 1) * 127.5).round().numpy()
    assert np.array_equal(picked, expected)
    page.get_by_role("button", name="Other pictures").click()
    page.wait_for_function("before => document.querySelector('.tile img').src !== before", arg=first[0])
    tab(page, "Walk")
    page.get_by_role("button", name="This seed").last.click()
    page.locator(".walk").wait_for()
    before = page.locator(".walk .large").get_attribute("src")
    page.locator(".walk input").fill("20")
    assert page.locator(".walk .large").get_attribute("src") != before


def test_a_picture_is_translated_both_ways_and_back(served: Any, visit: Any, tmp_path: Path) -> None:
    page = visit(served("cyclegan")[0], width=420)
    page.locator('input[type="file"]').set_input_files(photo(tmp_path / "mine.png"))
    page.locator(".compare").nth(1).wait_for()
    assert page.locator(".board .row img").count() == 6
    sizes = page.locator(".board img").evaluate_all("all => all.map(one => [one.naturalWidth, one.naturalHeight])")
    assert {tuple(size) for size in sizes} == {(90, 60)}
    page.locator(".compare input").first.fill("80")
    assert "80%" in page.locator(".compare").first.get_attribute("style")
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    page.get_by_role("button", name="A test picture of b").click()
    page.wait_for_function("document.querySelector('.compare img').naturalWidth === 64")


def test_an_autoencoder_reconstructs_and_goes_from_one_to_the_other(served: Any, visit: Any, tmp_path: Path) -> None:
    page = visit(served("autoencoder")[0])
    inputs = page.locator('input[type="file"]')
    inputs.first.set_input_files(photo(tmp_path / "one.png"))
    page.locator(".board .two img").nth(1).wait_for()
    assert page.locator(".walk").count() == 0
    page.get_by_role("button", name="Two test pictures").click()
    page.locator(".walk .strip img").nth(23).wait_for()
    assert page.locator(".board .two img").count() == 4


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda file: Image.new("1", (10_000, 6_000)).save(file), "60 megapixels; this page takes up to 40"),
        (lambda file: file.write_text("only words"), "not a picture that can be read"),
        (lambda file: photo(file, 1200, 1200), "exceed the maximum allowed size"),
    ],
    ids=["60 megapixels", "text", "megabytes"],
)
def test_a_file_that_cannot_be_is_one_friendly_line(
    make: Callable[[Path], Any], words: str, served: Any, visit: Any, tmp_path: Path
) -> None:
    make(tmp_path / "mine.png")
    page = visit(served("cyclegan")[0])
    page.locator('input[type="file"]').set_input_files(tmp_path / "mine.png")
    toast = page.locator(".toast-body, .error").filter(has_text=words).first
    toast.wait_for()
    assert str(tmp_path) not in toast.inner_text()
    assert page.locator(".compare").count() == 0


@pytest.mark.parametrize("typed", ["-3", "1.5", "", "2147483648"])
def test_a_seed_that_is_none_is_told_on_the_page_alone(
    typed: str, served: Any, visit: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    page = visit(served("dcgan")[0])
    page.locator(".tile").first.wait_for()
    page.get_by_label("Seed").first.fill(typed)
    page.get_by_role("button", name="This seed").first.click()
    page.locator(".toast-body").filter(has_text="Seed: a whole number from 0 to 2,147,483,647").wait_for()
    assert capfd.readouterr().err == ""


def test_a_failure_of_ours_shows_no_traceback(served: Any, visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    address, shown = served("dcgan")
    page = visit(address)
    page.locator(".tile").first.wait_for()

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret of /home/somebody")

    monkeypatch.setattr(shown[0].sampler, "sample", fail)
    page.get_by_role("button", name="This seed").first.click()
    page.locator(".error:visible").first.wait_for()
    assert "secret" not in page.content() and "RuntimeError" not in page.content()


@pytest.mark.parametrize("name", ["dcgan", "cyclegan"])
def test_a_quiz_goes_to_its_end_and_is_kept(name: str, served: Any, visit: Any, runs: dict[str, Path]) -> None:
    page, before = visit(served(name)[0]), len(lines(runs[name]))
    tab(page, "Quiz")
    page.get_by_role("button", name="Begin").click()
    for number in (1, 2):
        page.get_by_text(f"Round {number} of 2").wait_for()
        pictures = shown_tiles(page)
        assert len(pictures) == 6
        # Nothing but what they show tells real from fake.
        assert len({len(picture) for picture in pictures}) == 1
        assert {picture[:22] for picture in pictures} == {"data:image/png;base64,"}
        page.locator(".tile:visible").nth(number).click()
        page.get_by_role("button", name="Next" if number == 1 else "Finish").click()
    page.locator(".result .figure").wait_for()
    kept = lines(runs[name])
    assert len(kept) == before + 1
    told = kept[-1]
    assert [[one["called_fake"] for one in shown].index(True) for shown in told["rounds"]] == [1, 2]
    assert (told["judged"], told["model"], len(told["fingerprint"])) == (12, name, 16)
    assert told["wrong"] == sum(not one["right"] for shown in told["rounds"] for one in shown)
    assert f"{told['wrong']} of 12 pictures" in page.locator(".result").first.inner_text()
    assert page.locator(".told figure").count() == 12
    assert page.locator(".told .wrong").count() == told["wrong"]


def test_two_people_at_once_have_a_quiz_each(served: Any, visit: Any, runs: dict[str, Path]) -> None:
    address, before = served("dcgan")[0], len(lines(runs["dcgan"]))
    people = [visit(address), visit(address, width=420)]
    for page in people:
        tab(page, "Quiz")
        page.get_by_role("button", name="Begin").click()
    for page in people:
        page.get_by_text("Round 1 of 2").wait_for()
    assert shown_tiles(people[0]) != shown_tiles(people[1])
    for number in (1, 2):
        for place, page in enumerate(people):
            page.get_by_text(f"Round {number} of 2").wait_for()
            page.locator(".tile:visible").nth(place).click()
            page.get_by_role("button", name="Next" if number == 1 else "Finish").click()
    for page in people:
        page.locator(".result .figure").wait_for()
    kept = lines(runs["dcgan"])[before:]
    assert len({line["seed"] for line in kept}) == len(kept) == 2
    called = [[[one["called_fake"] for one in shown].index(True) for shown in line["rounds"]] for line in kept]
    assert sorted(called) == [[0, 0], [1, 1]]


def test_several_models_stand_beside_one_another(served: Any, visit: Any) -> None:
    page = visit(served("dcgan", "autoencoder", "cyclegan")[0])
    assert page.get_by_role("tab").all_inner_texts() == [
        "Translate", "Samples", "Walk", "Reconstruct", "Quiz",
    ]  # fmt: skip
    page = visit(served("dcgan", "dcgan")[0])
    page.locator(".tile").nth(31).wait_for()
    assert page.get_by_role("heading", name="2 · dcgan on digits").count() == 1


def test_only_the_page_itself_is_served(served: Any, runs: dict[str, Path]) -> None:
    address = served("dcgan")[0]
    for path in (
        "gradio_api/info",
        "openapi.json",
        "docs",
        "monitoring",
        f"gradio_api/file={runs['dcgan']}/config.yaml",
    ):
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(address + path)
        assert refusal.value.code in (403, 404), path
        refusal.value.close()
    with urllib.request.urlopen(f"{address}?view=api") as answer:
        assert answer.url == address
        assert "default-src 'self'" in answer.headers["content-security-policy"]
    stranger = urllib.request.Request(address, headers={"Host": "elsewhere.example"})
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(stranger)
    assert refusal.value.code == 400
    refusal.value.close()


def widest(page: Any) -> int:
    """How many pixels the document takes; more than the window has means that it scrolls sideways."""
    return int(page.evaluate("document.scrollingElement.scrollWidth"))


@pytest.mark.parametrize("width", [390, 1400], ids=["phone", "screen"])
@pytest.mark.parametrize("name", ["dcgan", "autoencoder", "cyclegan"])
def test_no_tab_is_wider_than_its_window(name: str, width: int, served: Any, visit: Any, tmp_path: Path) -> None:
    page = visit(served(name)[0], width=width)
    for title in page.get_by_role("tab").all_inner_texts():
        tab(page, title)
        panel = page.locator('[role="tabpanel"]:visible')
        if title == "Quiz":
            page.get_by_role("button", name="Begin").click()
            page.locator(".tile:visible").nth(5).wait_for()
        elif title == "Walk":
            panel.get_by_role("button", name="This seed").click()
            page.locator(".walk:visible").wait_for()
        elif title == "Reconstruct":
            panel.get_by_role("button", name="Two test pictures").click()
            page.locator(".walk .strip img").nth(23).wait_for()
        elif title == "Translate":
            page.locator('input[type="file"]').set_input_files(photo(tmp_path / "mine.png", 900, 300))
            page.locator(".compare").nth(1).wait_for()
        else:
            page.locator(".tile:visible").nth(15).wait_for()
        page.screenshot(path=tmp_path / f"{name}-{title}.png", full_page=True)
        assert widest(page) <= width, title
