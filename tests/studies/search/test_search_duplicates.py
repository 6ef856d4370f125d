"""Networks that are drawn again: dropped, copied, or trained again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regnas.errors import InfeasibleWindow
from regnas.sampling.keyed import integer
from regnas.studies.search.search import SearchResult

Run = Callable[..., tuple[int, str, str]]
Search = Callable[..., SearchResult]

# Six networks.
TINY = "regnetx[depth=4:6,w0=8,wa=8:24,wm=2,bottleneck_ratio=1,group_width=8]"


def keys(result: SearchResult) -> list[str]:
    return [str(row["architecture"]) for row in result.rows]


def test_reject_trains_every_network_of_a_tiny_space_once(fast_search: Search, fast: Any) -> None:
    result = fast_search(6, space=TINY)
    assert len(set(keys(result))) == 6 and fast.evaluated() == [0, 1, 2, 3, 4, 5]


def test_too_few_networks_for_the_budget_is_an_error_before_any_training(regnas_command: Run, fast: Any) -> None:
    words = ("search", "--space", TINY, "--data", "fake", "--evaluator", "fast", "--workers", 0, "--budget", 7)
    code, _, error = regnas_command(*words)
    assert code == 1 and error.count("\n") == 1
    assert "seems to hold only 6 different networks" in error and "--duplicates allow" in error
    assert fast.evaluated() == []


@pytest.mark.parametrize("workers", [0, 3])
def test_reuse_copies_the_result_of_a_network_drawn_again(fast_search: Search, fast: Any, workers: int) -> None:
    result = fast_search(15, space=TINY, duplicates="reuse", workers=workers)
    first: dict[str, int] = {}
    for index, key in enumerate(keys(result)):
        first.setdefault(key, index)
    assert sorted(fast.evaluated()) == sorted(first.values()) and len(first) < 15
    for row, key in zip(result.rows, keys(result), strict=True):
        original = result.rows[first[key]]
        assert (row["error"], row["epochs"]) == (original["error"], original["epochs"])
        copied = result.study.trials[row["trial"]].user_attrs.get("reused")
        assert copied == (None if row["index"] == first[key] else first[key])
    assert sum(row["seconds"] == 0 for row in result.rows) == 15 - len(first)


def test_reuse_copies_across_a_restart(fast_search: Search, fast: Any) -> None:
    fast_search(8, space=TINY, duplicates="reuse")
    resumed = fast_search(15, space=TINY, duplicates="reuse")
    whole = fast_search(15, space=TINY, duplicates="reuse", out="whole")
    assert [row["error"] for row in resumed.rows] == [row["error"] for row in whole.rows]
    assert len(fast.lines()) == 2 * len(set(keys(whole)))


def test_copies_in_flight_when_the_driver_died_are_copies_after_it(fast_search: Search, fast: Any) -> None:
    """A network and its repeat were both asked for, and neither was told."""
    options = {"space": TINY, "duplicates": "reuse"}
    whole = fast_search(15, **options, out="whole")
    first = {key: keys(whole).index(key) for key in keys(whole)}
    repeat = next(index for index, key in enumerate(keys(whole)) if first[key] < index)
    begun = fast_search(first[keys(whole)[repeat]] or 1, **options)
    study = begun.study
    for index in range(len(begun.rows), repeat + 1):
        sampler: Any = study.sampler
        sampler.assign(index)
        study.ask(study.get_trials()[0].distributions).set_user_attr("index", index)
    before = len(fast.lines())
    resumed = fast_search(15, **options, workers=2)
    assert [row["error"] for row in resumed.rows] == [row["error"] for row in whole.rows]
    assert sorted(fast.evaluated()[before:]) == sorted(set(first.values()) - set(range(len(begun.rows))))


def test_allow_trains_a_network_again_with_a_seed_of_its_own(fast_search: Search, fast: Any) -> None:
    result = fast_search(15, space=TINY, duplicates="allow")
    assert fast.evaluated() == list(range(15)) and len(set(keys(result))) <= 6
    assert len({row["error"] for row in result.rows}) == 15
    assert [row["seed"] for row in result.rows] == [integer("train", 0, index) for index in range(15)]


def test_reuse_and_allow_draw_the_same_candidates(fast_search: Search) -> None:
    reused = fast_search(15, space=TINY, duplicates="reuse", out="reuse")
    allowed = fast_search(15, space=TINY, duplicates="allow", out="allow")
    assert keys(reused) == keys(allowed)
    assert max(Counter(keys(reused)).values()) > 1


def test_a_window_that_no_network_meets_is_an_error_before_any_training(
    fast_search: Search, fast: Any, tmp_path: Path
) -> None:
    with pytest.raises(InfeasibleWindow, match=r"flops below 1G .*attainable: flops .*widen the window"):
        fast_search(2, space=TINY, flops="1G:2G")
    assert fast.evaluated() == []
