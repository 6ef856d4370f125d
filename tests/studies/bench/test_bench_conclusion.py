"""A benchmark begins with what a person may repeat of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import regnas
from regnas.statistics.paired import Paired
from regnas.statistics.two_sample import Interval
from regnas.studies.bench.conclusion import conclusions
from regnas.studies.bench.report.html import report
from regnas.studies.bench.report.output import markdown
from regnas.studies.bench.results import Benchmark, Versus

BETTER = (0.0044, 0.0016, 0.0094, 0.03)
LESS = (0.002, 0.001, 0.003, 0.01)
OPEN = (0.0027, -0.001, 0.006, 0.08)
WORSE = (-0.0027, -0.006, -0.001, 1.0)
EQUAL = (0.0, 0.0, 0.0, 1.0)
Numbers = tuple[float, float, float, float]


@pytest.fixture
def found(table_file: Path, tmp_path: Path) -> Benchmark:
    name = f"table:{table_file}"
    strategies = ["evolution", "qmc", "local-search"]
    return regnas.bench(name, name, strategies, budget=25, repeats=2, out=tmp_path / "runs", quiet=True, jobs=1)


def told(found: Benchmark, *numbers: Numbers) -> str:
    """What is said where the strategies have these gains over random search, with interval and adjusted p."""
    (space,) = found.spaces
    random, *others = space.strategies
    made = [random]
    for one, (gain, low, high, p) in zip(others, numbers, strict=True):
        test = Paired(3.0, p, gain, 10, 0 if (gain, p) == (0.0, 1.0) else 10)
        made.append(replace(one, versus={25: Versus(test, p, 0.5, Interval(gain, low, high, 0.95), None)}))
    (said,) = conclusions(replace(found, spaces=(replace(space, strategies=tuple(made)),)))
    return said.split(": ", 1)[1] if said.startswith("table") else said.split("evaluations: ", 1)[1]


def test_the_strategy_with_the_largest_sure_gain_is_named_first(found: Benchmark) -> None:
    assert told(found, LESS, BETTER, OPEN).endswith(
        "qmc is better than random search, by 0.44 points of error (0.16 to 0.94); better by less: evolution; "
        "cannot be told from random search: local-search."
    )


def test_where_none_is_better_it_says_so(found: Benchmark) -> None:
    assert told(found, OPEN, WORSE, EQUAL).endswith(
        "no strategy is better than random search; the same as random search: local-search; "
        "cannot be told from random search: evolution; worse: qmc."
    )


def test_page_and_text_begin_with_it(found: Benchmark) -> None:
    (said,) = conclusions(found)
    assert report(found, {}).index("<strong>") < report(found, {}).index("Every strategy ran")
    assert markdown(found).splitlines()[2].startswith(said[:20].replace("_", "\\_"))


def test_one_run_of_each_tells_nothing_and_random_search_alone_has_nothing_to_be_told_from(found: Benchmark) -> None:
    (said,) = conclusions(replace(found, rules=replace(found.rules, repeats=1)))
    assert said.endswith("one run of each: a single run tells no strategy from random search.")
    space = found.spaces[0]
    alone = replace(found, spaces=(replace(space, strategies=space.strategies[:1]),))
    assert conclusions(alone)[0].endswith("nothing was compared with random search.")
