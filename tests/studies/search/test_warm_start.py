"""A search that starts from another study learns from its trials, and counts and lists only its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from regnas.errors import StudyError, UsageError
from regnas.studies.populations.sources import of_folder
from regnas.studies.search.search import SearchResult

Search = Callable[..., SearchResult]
Run = Callable[..., tuple[int, str, str]]


def networks(result: SearchResult) -> list[str]:
    return [str(row["architecture"]) for row in result.rows]


@pytest.mark.parametrize("named", ["folder", "name"])
@pytest.mark.parametrize("strategy", ["random", "tpe[startup=4]", "evolution[population=4,tournament=2]"])
def test_its_own_budget_is_exact_and_no_known_network_is_tried_again(
    fast_search: Search, fast: Any, strategy: str, named: str
) -> None:
    source = fast_search(6)
    start = source.folder if named == "folder" else source.study.study_name
    before = len(fast.lines())
    result = fast_search(5, study="new", strategy=strategy, warm_start=start)
    assert fast.evaluated()[before:] == [0, 1, 2, 3, 4] == [row["index"] for row in result.rows]
    assert len(set(networks(source) + networks(result))) == 11
    assert result.best.error == min(row["error"] for row in result.rows)
    warm = [trial for trial in result.study.get_trials() if "regnas:warm" in trial.user_attrs]
    assert [trial.value for trial in warm] == [row["error"] for row in source.rows]
    assert all("index" not in trial.user_attrs for trial in warm)


def test_random_goes_on_where_the_known_networks_end(fast_search: Search) -> None:
    """The same seed: its first six networks are known, so its next ones are tried, each once."""
    source = fast_search(6)
    result = fast_search(5, study="new", warm_start=source.folder)
    assert networks(result) == networks(fast_search(11, study="whole"))[6:]


def test_a_strategy_learns_from_the_known_trials(fast_search: Search) -> None:
    """Evolution with a population of four is past its random start at once: its first network is not of its stream."""
    source = fast_search(6, strategy="evolution[population=4,tournament=4]")
    options = {"strategy": "evolution[population=4,tournament=4]", "seed": 3}
    warm = fast_search(1, study="warm", warm_start=source.folder, **options)
    cold = fast_search(1, study="cold", **options)
    stream = networks(fast_search(8, study="stream", seed=3))
    assert networks(cold) == stream[:1] and networks(warm)[0] not in stream


def test_the_known_trials_are_added_once_however_often_it_goes_on(fast_search: Search, fast: Any) -> None:
    source = fast_search(4)
    for budget in (2, 3, 3):
        result = fast_search(budget, study="new", warm_start=source.folder)
    states = [trial.state for trial in result.study.get_trials()]
    assert states == [TrialState.COMPLETE] * 7
    assert len(fast.lines()) == 7
    assert fast_search(4, study="new").rows[:3] == result.rows  # and without the flag they stay


def test_it_starts_with_what_that_study_started_with_too(fast_search: Search) -> None:
    first = fast_search(3, study="first")
    second = fast_search(3, study="second", warm_start=first.folder)
    third = fast_search(3, study="third", warm_start="second")
    assert len(set(networks(first) + networks(second) + networks(third))) == 9
    assert len(third.study.get_trials()) == 9


def test_window_strategy_and_seed_may_differ(fast_search: Search) -> None:
    source = fast_search(6, flops=":1M", seed=1)
    result = fast_search(3, study="new", flops="1M:2M", strategy="tpe[startup=2]", warm_start=source.folder)
    assert all(1e6 <= row["flops"] <= 2e6 for row in result.rows)


def test_a_population_of_it_holds_only_its_own_models(fast_search: Search) -> None:
    source = fast_search(5)
    result = fast_search(4, study="new", seed=1, warm_start=source.folder)
    assert len(of_folder(result.folder)) == 4


def test_the_report_says_what_was_known(fast_search: Search, capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    from regnas.studies.search.report.printed import print_search

    source = fast_search(4)
    result = fast_search(2, study="new", warm_start=source.folder)
    print_search(Console(width=200), result, retrained=False, storage="j.journal")
    printed = capsys.readouterr().out
    assert f"started from 4 trials of regnetx/random/0, the best of which had {source.best.error:.2%}" in printed
    assert "The 2 best of 2" in printed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "fake:32"}, "data: stored fake, asked fake:32"),
        ({"evaluator": "fast[epochs=2]"}, r"evaluator: stored fast, asked fast\[epochs=2\]"),
        ({"evaluator": "curve"}, "evaluator: stored fast, asked curve"),
        ({"resolution": 32}, "images.resolution: stored 16, asked 32"),
        ({"space": "regnetx[wm=2]"}, "its parameters are .*wm.*, those of .* are"),
        ({"space": "regnety"}, "the same parameters are other networks in regnety"),
    ],
    ids=str,
)
def test_what_was_evaluated_in_another_way_is_refused_with_the_difference(
    fast_search: Search, fast: Any, options: dict[str, Any], message: str
) -> None:
    source = fast_search(3)
    with pytest.raises(StudyError, match=message):
        fast_search(2, study="new", warm_start=source.folder, **options)
    assert len(fast.lines()) == 3


def test_what_lies_outside_of_a_narrower_space_is_left_out(fast_search: Search) -> None:
    source = fast_search(8)
    depths = sorted(row["params_by_name"]["depth"] for row in source.rows)
    space = f"regnetx[depth={depths[0]}:{depths[-1] - 1}]"
    result = fast_search(1, study="new", space=space, warm_start=source.folder)
    assert len(result.study.get_trials()) == 1 + sum(depth < depths[-1] for depth in depths) < 9


def test_a_study_that_is_not_there_is_said(fast_search: Search, tmp_path: Path) -> None:
    with pytest.raises((StudyError, UsageError), match="a study in .*j.journal, which is not there: 'nothing'"):
        fast_search(1, warm_start="nothing")
    fast_search(1, study="one")
    with pytest.raises(UsageError, match="studies there: one"):
        fast_search(1, study="two", warm_start="nothing")
    with pytest.raises(UsageError, match="is no study's folder"):
        fast_search(1, study="two", warm_start=tmp_path)
    with pytest.raises(StudyError, match="'one' cannot start from itself"):
        fast_search(2, study="one", warm_start="one")
