"""Help of a command: every flag once, under what it is about."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from regnas.cli.main import commands

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("name", sorted(commands.commands))
def test_help_lists_every_flag_once(name: str, regnas_command: Run) -> None:
    code, text, _ = regnas_command(name, "--help")
    assert code == 0
    text = text[text.index("Options:") :]
    for one in commands.commands[name].params:
        if one.param_type_name == "option":
            assert len(re.findall(rf"^  (?:-\w, )?{re.escape(one.opts[0])}(?=\s|$)", text, re.MULTILINE)) == 1, one.opts


def test_flags_that_commands_share_are_listed_by_what_they_are_about(regnas_command: Run) -> None:
    _, text, _ = regnas_command("search", "--help")
    heads = ["Options:", "What networks may cost:", "Images and training:", "Where it runs:"]
    places = [text.index(word) for word in [*heads, "What is kept and printed:", "Every command:"]]
    assert places == sorted(places)
    assert places[1] < text.index("--flops") < places[2] < text.index("--skip-broken") < places[3]
    assert places[5] < text.index("--print-config") < text.index("--help", places[5])


def test_flags_of_one_command_stand_where_those_like_them_do(regnas_command: Run) -> None:
    """`--preset` of `describe` is what is described, and no name of what is kept."""
    _, text, _ = regnas_command("describe", "--help")
    places = [text.index(word) for word in ("Options:", "What networks may cost:", "Images and training:")]
    assert places[0] < text.index("--preset") < places[1] < text.index("--params-window") < places[2]
    for name in ("search", "find", "bench"):
        _, text, _ = regnas_command(name, "--help")
        assert text.index("What is kept and printed:") < text.index("--json-lines") < text.index("Every command:")


def test_what_becomes_of_networks_drawn_again_is_said_in_words_of_the_command(regnas_command: Run) -> None:
    said = {
        "search": "dropped, their result copied, trained again",
        "sample": "dropped, kept, kept as well",
        "bench": "dropped, evaluated again",
    }
    for name, words in said.items():
        assert words in " ".join(regnas_command(name, "--help")[1].split())
