from __future__ import annotations

import pytest
from check import composed, glance
from said import ROOT, Command, commands, spoken

CYCLEGAN = ("model=cyclegan", "data=unpaired_folder")

FLAGS = spoken(ROOT / "docs" / "coming_from.md", "here")
WORDS = spoken(ROOT / "docs" / "failures.md", "word")


def _named(commands: list[Command]) -> list[object]:
    return [pytest.param(each, id=f"{each.page}: {each.verb} {' '.join(each.words)}") for each in commands]


def test_the_pages_are_read() -> None:
    assert len(commands()) > 100
    assert {"README.md", "docs/tutorial.md", "docs/recipes/gan.md"} <= {command.page for command in commands()}
    assert len(FLAGS) > 80
    assert len(WORDS) > 40


def test_every_word_of_readme_and_pages_is_known() -> None:
    said = [*commands(), *(command for _, command in FLAGS + WORDS)]
    unknown = {f"{each.page}: {' '.join(each.words)}": found for each in said if (found := glance(each))}
    assert unknown == {}


def test_the_readmes_second_command_passes_the_check() -> None:
    (second,) = [each for each in commands() if each.words[:1] == ("model=cyclegan",) and each.page == "README.md"]
    assert composed(second) == []


@pytest.mark.slow
@pytest.mark.parametrize("command", _named(commands()))
def test_every_command_passes_the_check(command: Command) -> None:
    assert composed(command) == []


@pytest.mark.slow
def test_every_override_of_the_flag_tables_passes_the_check() -> None:
    wrong = {}
    for heading, command in FLAGS:
        base = CYCLEGAN if "CycleGAN" in heading and command.verb == "train" else ()
        if found := composed(command, base):
            wrong[" ".join(command.words)] = found
    assert wrong == {}


@pytest.mark.slow
def test_every_remedy_passes_the_check_beside_a_gan_or_a_cyclegan() -> None:
    wrong = {}
    for _, command in WORDS:
        alone = composed(command)
        if alone and (command.verb != "train" or composed(command, CYCLEGAN)):
            wrong[" ".join(command.words)] = alone
    assert wrong == {}
