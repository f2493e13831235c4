"""Where a stored run's data lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atelier.config.anchored import anchored


def moved(home: Path, **data: Any) -> Any:
    return anchored({"seed": 1, "started_in": str(home), "data": data})["data"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "data" / "faces").mkdir(parents=True)
    return tmp_path


def test_a_relative_folder_is_where_it_was(home: Path) -> None:
    assert moved(home, root="data/faces") == {"root": f"{home}/data/faces"}
    inner = {"source": {"folder": {"root": "data/faces", "other": "data/faces"}}}
    assert moved(home, **inner) == {"source": {"folder": {"root": f"{home}/data/faces", "other": "data/faces"}}}


def test_patterns_are_moved_where_their_folder_is_there(home: Path) -> None:
    urls = ["data/faces/{00..03}.tar", "http://127.0.0.1/a.tar", "gone/*.tar"]
    assert moved(home, urls=urls)["urls"] == [f"{home}/data/faces/{{00..03}}.tar", *urls[1:]]


@pytest.mark.parametrize("place", ["gone/faces", "/data/faces", "~/faces", 3, None])
def test_other_places_stay(home: Path, place: Any) -> None:
    assert moved(home, root=place) == {"root": place}


@pytest.mark.parametrize("config", [{"data": {"root": "data/faces"}}, {"started_in": 3, "data": {}}, {"seed": 1}])
def test_a_configuration_that_does_not_say_is_left_alone(config: dict[str, Any]) -> None:
    assert anchored(config) == config
