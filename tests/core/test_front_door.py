"""The front door: options that type checkers see, and what is said of those that there are not."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import click
import pytest

import regnas
from regnas.cli.main import commands
from regnas.errors import UsageError
from regnas.options import (
    BenchOptions,
    CompareOptions,
    FindOptions,
    RefineOptions,
    SearchOptions,
    SpaceOptions,
    names_of,
)

GROUPS: dict[str, Any] = {
    "search": SearchOptions,
    "find": FindOptions,
    "compare": CompareOptions,
    "refine": RefineOptions,
    "bench": BenchOptions,
    "space": SpaceOptions,
}
DOOR: Any = regnas  # for calls that a type checker refuses
SUBJECTS = {"spaces", "populations", "evaluators", "strategies", "space"}


@pytest.mark.parametrize(
    ("call", "option", "near"),
    [
        (lambda: DOOR.search(budgte=5), "search has no option 'budgte'", "did you mean 'budget'?"),
        (lambda: DOOR.search(epoch=5), "search has no option 'epoch'", "did you mean 'epochs'?"),
        (lambda: DOOR.compare(["regnetx", "anynetx-a"], seedson=2), "compare has no option 'seedson'", "'seeds_on'"),
        (lambda: DOOR.bench("regnetx", "train", reapets=2), "bench has no option 'reapets'", "'repeats'"),
        (lambda: DOOR.space("regnetx", flop=":1G"), "space has no option 'flop'", "did you mean 'flops'?"),
        (lambda: DOOR.space("regnetx", zzz=1), "space has no option 'zzz'", "its options: acts, classes, flops, "),
    ],
)
def test_a_misspelt_option_is_named_with_the_nearest_one(call: Any, option: str, near: str) -> None:
    with pytest.raises(UsageError) as found:
        call()
    assert option in str(found.value) and near in str(found.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"budget": "5"}, "--budget is a whole number, got '5'"),
        ({"budget": True}, "--budget is a whole number, got True"),
        ({"epochs": 2.5}, "--epochs is a whole number, got 2.5"),
        ({"evaluator": 5}, "--evaluator is text, got 5"),
        ({"out": 5}, "--out is text or a path, got 5"),
        ({"timeout": "x"}, "--timeout is a number, got 'x'"),
        ({"flops": [1]}, r"--flops is text or a number, got \[1\]"),
        ({"quiet": "yes"}, "--quiet is True or False, got 'yes'"),
        ({"limits": 5}, "limits are a mapping of names to LOW:HIGH"),
        ({"pareto": "flops"}, "--pareto is a list of texts, got 'flops'"),
        ({"budget_epochs": 0}, "--budget-epochs is at least 1, got 0"),
        ({"retrain": 0}, "--retrain is the number of epochs, at least 1; got 0"),
        ({"duplicates": "keep"}, "--duplicates is one of reject, reuse, allow, got 'keep'"),
    ],
)
def test_values_that_make_no_sense_are_refused_before_anything_is_looked_up(options: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        regnas.search("regnetx", data="no such data set", **options)


def test_what_is_no_space_is_refused() -> None:
    with pytest.raises(UsageError, match="a space is a spec such as 'regnetx', or a Space; got 5"):
        DOOR.search(5)


def test_options_of_training_are_refused_where_populations_are_compared() -> None:
    with pytest.raises(UsageError, match="budget, epochs is for spaces"):
        regnas.compare(populations="recorded:fashion-mnist", budget=10, epochs=2)


@pytest.mark.parametrize("name", ["search", "find", "compare", "refine", "bench"])
def test_every_flag_of_a_command_is_an_option_from_python(name: str) -> None:
    flags = {str(one.name) for one in commands.commands[name].params if isinstance(one, click.Option)}
    subjects = SUBJECTS | ({"data"} if name == "find" else set())
    assert flags - subjects - {"as_json", "json_lines", "help", "debug", "config", "print_config"} <= names_of(
        GROUPS[name]
    )


@pytest.mark.parametrize("name", GROUPS)
def test_the_front_door_takes_the_options_of_its_group(name: str) -> None:
    signature = inspect.signature(getattr(regnas, name))
    (options,) = [one for one in signature.parameters.values() if one.kind is one.VAR_KEYWORD]
    assert options.annotation == f"Unpack[{GROUPS[name].__name__}]"


@pytest.mark.slow
def test_a_type_checker_sees_misspelt_options_and_wrong_values(tmp_path: Path) -> None:
    script = tmp_path / "user.py"
    script.write_text(
        "import regnas\n\nregnas.search(budgte=5)\nregnas.search(budget='5')\nregnas.search('regnetx', budget=5)\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(script)]
    checkout = Path(regnas.__file__).parents[1]
    # mypy finds an installed regnas by its py.typed, and refuses site-packages here; an editable one it is shown.
    installed = checkout == Path(sysconfig.get_path("purelib"))
    where = {**os.environ, "MYPYPATH": "" if installed else str(checkout)}
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=where).stdout
    assert 'Unexpected keyword argument "budgte" for "search"' in found
    assert 'Argument "budget" to "search" has incompatible type "str"' in found
    assert "user.py:5" not in found
