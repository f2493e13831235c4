"""The verb on a hostile folder: each file is translated as the picture that it is, or counted and named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from forged import gradient
from hostile import build

from atelier.cli import run
from atelier.data.names import printable
from atelier.network.instance_norm import InstanceNorm
from atelier.network.reference import to_reference
from atelier.network.resnet_generator import ResnetGenerator

MOST_MEMORY = 256 * 2**20
"""Bytes that a run over the folder may add to its process's peak."""


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A generator's file as the public implementation saves it."""
    layout = {"in_channels": 3, "out_channels": 3, "width": 2, "blocks": 1}
    network = ResnetGenerator(**layout, norm=InstanceNorm, upsample="transposed")
    torch.save(to_reference(network), tmp_path / "latest_net_G_A.pth")
    return tmp_path / "latest_net_G_A.pth"


MEASURED = """
import sys
import torch
import atelier.task.translate
from atelier.callback.clock import peak_memory_bytes
from atelier.cli import run
from atelier.task import translate_pictures

translate_pictures.translate_image = lambda network, image, *rest: image  # every picture stays as it was read
before = peak_memory_bytes(torch.device("cpu"))
status = run("translate", sys.argv[1:])
print(peak_memory_bytes(torch.device("cpu")) - before)
sys.exit(status)
"""
"""In a process of its own: what other tests have had and let go of counts for its peak, too."""


@pytest.mark.thorough
def test_a_hostile_folder(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "in"
    folder.mkdir()
    cases = build(folder, tmp_path / "outside")
    words = [f"weights={weights}", "input=in", "output=made"]
    done = subprocess.run([sys.executable, "-c", MEASURED, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) < MOST_MEMORY
    lines = (tmp_path / "made" / "unreadable.txt").read_text().splitlines()
    refused = dict(line.split("\t") for line in lines)
    assert len(refused) == len(lines)
    for name, case in cases.items():
        made = tmp_path / "made" / name
        if printable(name) in refused:
            assert case.fate != "used", (name, refused[printable(name)])
            assert not made.exists()
            continue
        assert case.fate in ("used", "either"), name
        with Image.open(made) as opened:
            shown = opened.convert("RGB")
        if case.picture is not None:
            assert shown.size == case.picture.size
            apart = np.asarray(shown).astype(int) - np.asarray(case.picture.convert("RGB"))
            assert np.abs(apart).mean() < 6, name
    said = (tmp_path / "made" / "translate.log").read_text()
    assert f"{len(refused)} cannot be read and are left out" in said and "\x1b" not in said
    assert "Traceback" not in said + done.stderr
    page = (tmp_path / "made" / "index.html").read_text()
    assert "<script>alert(1)" not in page


def test_nothing_but_a_pipe_and_a_link(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    os.mkfifo(tmp_path / "in" / "pipe.png")
    gradient().save(tmp_path / "secret.png")
    (tmp_path / "in" / "out.png").symlink_to(tmp_path / "secret.png")
    assert run("translate", [f"weights={weights}", "input=in", "output=made"]) == 2
    assert "none of its 1 pictures can be read: pipe.png (not a file)" in capsys.readouterr().err
    (tmp_path / "in" / "pipe.png").unlink()
    assert run("translate", [f"weights={weights}", "input=in", "output=made"]) == 2
    assert "out.png (a link that leads out of the folder)" in capsys.readouterr().err
    assert not (tmp_path / "made").exists()
