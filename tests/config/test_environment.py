from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from atelier.config.environment import register_resolvers, wandb_offline


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without an account."""
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    return tmp_path / "netrc"


def test_without_a_key_nothing_is_sent() -> None:
    assert wandb_offline()


@pytest.mark.parametrize(("mode", "offline"), [("online", False), ("offline", True), ("disabled", True)])
def test_the_environment_decides(mode: str, offline: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    monkeypatch.setenv("WANDB_MODE", mode)
    assert wandb_offline() is offline


def test_a_key_opens_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    assert not wandb_offline()


def test_so_does_a_stored_login(nothing_known: Path) -> None:
    nothing_known.write_text("machine api.wandb.ai\n  login user\n  password secret\n", encoding="utf-8")
    assert not wandb_offline()
    nothing_known.write_text("machine example.org login user password secret\n", encoding="utf-8")
    assert wandb_offline()
    nothing_known.write_text("no netrc at all {", encoding="utf-8")
    assert wandb_offline()


def test_configurations_can_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    register_resolvers()
    register_resolvers()  # as often as there are verbs in a process
    cfg = OmegaConf.create({"offline": "${wandb_offline:}", "half": "${half:5}"})
    assert (cfg.offline, cfg.half) == (True, 2.5)


@pytest.mark.parametrize(
    ("words", "interval"),
    [
        ([], 10),  # as data.facts has it
        (["trainer.max_epochs=2"], 2),
        (["trainer.max_epochs=30"], 10),
        (["validate_every=7"], 7),
        (["trainer.max_epochs=2", "validate_every=7"], 2),
        (["trainer.max_epochs=2", "trainer.check_val_every_n_epoch=7"], 7),
        (["experiment=cyclegan_stripes"], 2),
        (["experiment=cyclegan_stripes", "trainer.max_epochs=1"], 1),
    ],
)
def test_the_shortest_run_is_validated_at_its_end(composed, words: list[str], interval: int) -> None:
    assert composed("model=dcgan", "data=digits", *words).trainer.check_val_every_n_epoch == interval
