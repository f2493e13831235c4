"""Several places in one option."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from atelier.cli.option_lists import as_list


def value(words: list[str]) -> object:
    return OverridesParser.create().parse_override(words[0]).value()


def test_commas_make_a_list_that_hydra_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert value(as_list(["ckpt=runs/a,runs/b=2,c d"], "ckpt")) == ["runs/a", "runs/b=2", "c d"]


@pytest.mark.parametrize("word", ["ckpt=a", "ckpt=[a,b]", "ckpt='a,b'", 'ckpt="a,b"', "other=a,b", "ckpt="])
def test_other_words_stay(word: str) -> None:
    assert as_list([word], "ckpt") == [word]


def test_a_place_with_a_comma_in_its_name_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a,b").mkdir()
    assert as_list(["ckpt=a,b"], "ckpt") == ["ckpt=a,b"]
