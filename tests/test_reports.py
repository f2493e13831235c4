"""The pages that runs write, in a browser: nothing scrolls sideways on a phone, nothing is missing, nobody is asked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from atelier.cli import run

playwright = pytest.importorskip("playwright.sync_api", reason="of the development group")
CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
    pytest.mark.filterwarnings("default"),  # the browser's driver warns of its own affairs
]

SHORT = ["trainer=cpu", "trainer.max_epochs=2", "trainer.check_val_every_n_epoch=1"]
RUNS = {
    "gan": ["model=dcgan", "data=digits", "model.generator.width=4", "model.critic.network.width=4"],
    "autoencoder": ["experiment=sparse_autoencoder_digits"],
    "cyclegan": [
        "model=cyclegan",
        "data=stripes",
        "data.source.train=16",
        "data.source.test=24",
        "generator=resnet_6blocks",
        "generator.width=4",
        "discriminator.width=4",
        "trainer.limit_train_batches=4",
    ],
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A report of every family, a comparison, and a gallery of translations."""
    base = tmp_path_factory.mktemp("pages")
    for name, words in RUNS.items():
        assert run("train", [*words, *SHORT, f"hydra.run.dir={base / name}"]) == 0
    shutil.copytree(base / "gan", base / "other")
    runs = ",".join(str(base / name) for name in ("gan", "other", "autoencoder", "cyclegan"))
    assert run("compare", [f"runs=[{runs}]", f"output={base / 'compared'}"]) == 0
    pictures = next((base / "cyclegan" / "samples").glob("*.png")).parent
    words = [f"ckpt={base / 'cyclegan'}", f"input={pictures}", "size=64", "tile=null", f"output={base / 'made'}"]
    assert run("translate", words) == 0
    found = {name: base / name / "report.html" for name in RUNS}
    (gallery,) = (base / "made").glob("*.html")
    return found | {"compare": base / "compared" / "compare.html", "gallery": gallery}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("name", [*RUNS, "compare", "gallery"])
def test_a_page_fits_its_window(name: str, width: int, pages: dict[str, Path], browser: Any, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    asked: list[str] = []
    failures: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(pages[name].as_uri())
    for details in page.locator("details > summary").all():
        details.click()
    page.screenshot(path=pages[name].parent / f"seen-{width}.png", full_page=True)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    loaded = page.locator("img").evaluate_all("all => all.map(one => one.complete && one.naturalWidth > 0)")
    assert all(loaded) and failures == []
    # A gallery shows the pictures beside it; the others carry theirs inside.
    assert all(url.startswith(("file:", "data:", "blob:")) for url in asked)
    assert name == "gallery" or [url for url in asked if url.startswith("file:")] == [pages[name].as_uri()]
    page.close()
