"""Candidates are scored before training, and only the best of them are trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import regnas
from regnas.errors import StudyError, UsageError
from regnas.evaluator import Result, Task
from regnas.studies.audit.scored import SCORES, kept
from regnas.studies.audit.screen import FEATURES, FOLDER, Scorer, Screen, ScreenedStream, screen_of
from regnas.studies.populations.population import PopulationError
from regnas.studies.populations.sources import load
from regnas.studies.search.search import SearchResult

Search = Callable[..., SearchResult]
SMALL: dict[str, Any] = {"space": "regnetx", "flops": ":1M"}


def params_of(result: SearchResult) -> list[float]:
    return [row["params"] for row in result.rows]


def test_of_every_block_of_the_stream_the_best_are_trained_in_their_order(fast_search: Search) -> None:
    result = fast_search(15, **SMALL, screen="params", keep=0.5)
    found = kept(result.folder / FOLDER / SCORES)
    assert len(found) == 40 and [row["index"] for row in result.rows] == list(range(15))
    scores = [one.metrics["params"] for one in found.values()]  # as they were taken: in the order of the stream
    blocks = [scores[:20], scores[20:]]
    passed = [score for block in blocks for score in block if score in sorted(block)[10:]]
    assert params_of(result) == passed[:15]


def test_the_budget_is_of_trained_networks_and_a_search_goes_on_without_scoring_again(
    fast_search: Search, fast: Any
) -> None:
    whole = fast_search(14, out="whole", **SMALL, screen="params", keep=0.5)
    begun = len(fast.lines())
    first = fast_search(4, out="parts", **SMALL, screen="params", keep=0.5)
    scored = (first.folder / FOLDER / SCORES).read_text()
    second = fast_search(14, out="parts", **SMALL, screen="params", keep=0.5)
    assert len(fast.lines()) == begun + 14
    assert (second.folder / FOLDER / SCORES).read_text().startswith(scored), "what was scored stays"
    assert params_of(second) == params_of(whole)


@pytest.mark.parametrize("workers", [1, 3])
def test_what_is_trained_does_not_depend_on_workers(fast_search: Search, workers: int) -> None:
    alone = fast_search(12, out="alone", **SMALL, screen="synflow", keep=0.5)
    others = fast_search(12, out="others", **SMALL, screen="synflow", keep=0.5, workers=workers)
    assert params_of(alone) == params_of(others)


def test_of_a_strategys_proposals_the_best_is_trained(fast_search: Search) -> None:
    plain = fast_search(60, **SMALL, strategy="evolution[population=4]")
    screened = fast_search(60, **SMALL, strategy="evolution[population=4]", screen="params", keep=0.25)
    later = [sum(params_of(one)[20:]) / 40 for one in (plain, screened)]
    assert later[1] > 1.2 * later[0], "the best of four by params has more of them"


LEARNS = "predictor[init=4,random=6,mutants=2,scores={}]"


def test_a_strategy_learns_from_scores_and_goes_on_as_it_would_have(fast_search: Search) -> None:
    strategy = LEARNS.format("params+depth")
    whole = fast_search(9, out="whole", **SMALL, strategy=strategy)
    found = kept(whole.folder / FEATURES / SCORES)
    assert len(found) > 20 and all(set(one.metrics) == {"params", "depth"} for one in found.values())
    first = fast_search(6, out="parts", **SMALL, strategy=strategy)
    scored = (first.folder / FEATURES / SCORES).read_text()
    second = fast_search(9, out="parts", **SMALL, strategy=strategy)
    assert (second.folder / FEATURES / SCORES).read_text().startswith(scored), "what was scored stays"
    assert params_of(second) == params_of(whole)


def test_scores_to_learn_from_need_images_and_a_name(fast_search: Search, table_file: Path) -> None:
    with pytest.raises(UsageError, match="the scores of zero-cost are naswot, .*, got 'oracle'"):
        fast_search(1, **SMALL, strategy=LEARNS.format("naswot+oracle"))
    table = f"table:{table_file}"
    with pytest.raises(UsageError, match=r"predictor\[scores=params\] scores networks on training images"):
        fast_search(1, space=table, evaluator=table, strategy=LEARNS.format("params"))


def test_such_a_study_is_no_population(fast_search: Search, tmp_path: Path) -> None:
    result = fast_search(3, **SMALL, screen="params", keep=0.5, study="screened")
    with pytest.raises(PopulationError, match="screened|searched with the screen params keep 0.5"):
        load(str(result.folder), force=True)


def test_the_screen_is_part_of_what_a_study_is(fast_search: Search) -> None:
    fast_search(1, study="one", **SMALL, screen="params", keep=0.5)
    with pytest.raises(StudyError, match="screen: stored params keep 0.5, asked none"):
        fast_search(2, study="one", **SMALL)
    with pytest.raises(StudyError, match="screen: stored params keep 0.5, asked params keep 0.2"):
        fast_search(2, study="one", **SMALL, screen="params", keep=0.2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep": 0.5}, "--keep 0.5 is of a screen: say by which score, such as --screen naswot"),
        ({"screen": "naswot", "keep": 1.0}, "--keep is the share of scored candidates that is trained, .* got 1.0"),
        ({"screen": "oracle"}, "the scores of zero-cost are naswot, .*, got 'oracle'"),
        ({"screen": "naswot[batch=9999]"}, "batch of zero-cost is a whole number from 2 to 4,096"),
        ({"screen": "naswot:3"}, "a score has its options in brackets"),
        ({"screen": "naswot", "strategy": "reinforce"}, "has to learn from as it made them; take another strategy"),
        ({"screen": "naswot", "strategy": "qmc"}, "--strategy qmc has others"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(fast_search: Search, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        fast_search(1, **options)


def test_an_evaluator_without_images_has_no_screen(fast_search: Search, table_file: Path) -> None:
    table = f"table:{table_file}"
    with pytest.raises(UsageError, match="--screen scores networks on training images, and --evaluator table:.* none"):
        fast_search(1, space=table, evaluator=table, screen="params")


def test_a_network_without_a_score_is_trained_last_and_where_none_has_one_the_search_ends(tmp_path: Path) -> None:
    class Broken:
        good: set[str] = set()

        def __call__(self, architecture: Any, *, seed: int, context: Any) -> Result:
            if architecture.key() not in self.good:
                raise RuntimeError("it has no ReLU")
            return Result(error=0.5, seconds=0.0, metrics={"naswot": -5.0})

    space = regnas.space("regnetx", flops=":1M", resolution=28)
    scorer = Scorer(Screen("naswot", 0.5), Task(data="fake"), tmp_path, 0)
    scorer.__dict__["_evaluator"] = broken = Broken()
    with pytest.raises(StudyError, match="none of 20 networks has a score naswot: RuntimeError: it has no ReLU; take"):
        ScreenedStream(space, scorer, seed=0, duplicates="reject")[0]
    last = space.sample(20)[19]
    broken.good.add(last.architecture.key())
    again = Scorer(Screen("naswot", 0.5), Task(data="fake"), tmp_path, 0)  # what failed is tried anew
    again.__dict__["_evaluator"] = broken
    passed = ScreenedStream(space, again, seed=0, duplicates="reject")
    assert passed[9].params == last.params and passed[0].params == space.sample(1)[0].params


def test_a_screen_says_its_law() -> None:
    screen = Screen("zen[inits=3]", 0.25)
    assert (screen.block, screen.among, screen.drawn(25)) == (40, 4, 120)
    assert screen.evaluator == "zero-cost[score=zen,inits=3]" and str(screen) == "zen[inits=3] keep 0.25"
    assert "of every 40 random networks the 10 with the highest zen are trained" in screen.said(learns=False)
    assert "of every 4 proposals" in screen.said(learns=True)
    assert screen_of(None, None) is screen_of("none", None) is None
