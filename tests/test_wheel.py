"""What people install: the wheel holds everything, and its verbs work far from the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that no build leaves anything in the checkout."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    for name in ("src", "conf"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    uv = shutil.which("uv")
    tool = [uv, "build"] if uv else [sys.executable, "-m", "uv", "build"]
    subprocess.run([*tool, "--wheel", "--out-dir", str(out), str(copy)], check=True, capture_output=True)
    (made,) = out.glob("atelier_lab-*.whl")
    return made


def test_the_wheel_holds_configuration_weights_and_page(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for file in (ROOT / "conf").rglob("*.yaml"):
        assert f"atelier/conf/{file.relative_to(ROOT / 'conf').as_posix()}" in names
    for file in (ROOT / "src" / "atelier").rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            assert f"atelier/{file.relative_to(ROOT / 'src' / 'atelier').as_posix()}" in names
    assert {"atelier/metric/weights/digits.pt", "atelier/callback/report.html.jinja"} <= names
    assert not [name for name in names if not name.startswith(("atelier/", "atelier_lab-", "hydra_plugins/"))]


def test_the_installed_verbs_work_elsewhere(wheel: Path, tmp_path: Path) -> None:
    environment, elsewhere = tmp_path / "environment", tmp_path / "elsewhere"
    elsewhere.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    site = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)  # what an installer does for a pure wheel
    # Its dependencies are those of this environment.
    (Path(site) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")

    def atelier(*words: str) -> str:
        code = "from atelier.cli import main; main()"
        done = subprocess.run(
            [str(python), "-c", code, *words], cwd=elsewhere, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = subprocess.run(
        [str(python), "-c", "import atelier; print(atelier.__file__)"],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(site)
    assert "dcgan" in atelier("train", "--help")
    tiny = ["model=dcgan", "data=digits", "data.subset=64", "data.batch_size=32", "trainer=cpu", "trainer.max_epochs=1"]
    said = atelier("train", *tiny, "hydra.run.dir=run")
    assert "atelier evaluate ckpt=run" in said
    assert (elsewhere / "run" / "report.html").is_file()
    atelier("sample", "ckpt=run", "samples=2", "hydra.run.dir=some")
    assert len(list((elsewhere / "some").glob("*.png"))) == 3
