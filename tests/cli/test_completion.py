"""What a shell offers for a flag that takes the name of a plug-in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.shell_completion import ShellComplete

from regnas.cli.main import commands


@pytest.fixture
def offered() -> Callable[..., list[str]]:
    """``offered("search", "--strategy", "r")``: what the last word can become."""

    def complete(*words: str) -> list[str]:
        asked = ShellComplete(commands, {}, "regnas", "_REGNAS_COMPLETE")
        return [one.value for one in asked.get_completions(list(words[:-1]), words[-1])]

    return complete


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("search", "--strategy", "ran"), "random"),
        (("compare", "--space", "regnetx"), "regnetx"),
        (("search", "--evaluator", "tr"), "train"),
        (("search", "--pruner", "as"), "asha"),
        (("train", "--data", "fashion"), "fashion-mnist-mini"),
        (("search", "--executor", "ra"), "ray"),
        (("export", "--format", "js"), "json"),
        (("se",), "search"),
    ],
)
def test_names_of_plugins_are_offered(words: tuple[str, ...], name: str, offered: Callable[..., list[str]]) -> None:
    found = offered(*words)
    assert name in found and all(one.startswith(words[-1]) for one in found)


def test_nothing_is_offered_that_is_not_installed(offered: Callable[..., list[str]]) -> None:
    assert offered("search", "--strategy", "nobody") == []
