"""Progressive search: sizes one after the other, each chosen by a predictor that never saw it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from regnas.design_space import Space, make_space
from regnas.errors import UsageError
from regnas.statistics.rank_correlation import kendall
from regnas.strategies.models.small_networks import SmallNetworks, kinds_of
from regnas.strategies.pnas import Progressive
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategy import make_strategy
from regnas.studies.populations.sources import load
from regnas.window import Window

SPEC = "growing:enas[reduction=same,width=16,depth=4]"
SMALL = "pnas[first=6,keep=5,pool=40]"


def error(space: Space, params: dict[str, Any]) -> float:
    """Fewer separable convolutions, more of an error; operations count alike in every size."""
    point = space.active(space.canonical(params))
    ops = [value for name, value in point.items() if "_op_" in name]
    return 0.5 - 0.4 * sum("sep" in op for op in ops) / len(ops) + 0.001 * sum("5x5" in op for op in ops)


def searched(strategy: str, space: Space, count: int, study: optuna.Study | None = None) -> optuna.Study:
    study = study or optuna.create_study(sampler=make_strategy(strategy, space, seed=1))
    for _ in range(count):
        trial = study.ask(space.distributions)
        study.tell(trial, error(space, trial.params))
    return study


def inner(study: optuna.Study) -> Progressive:
    sampler = study.sampler
    assert isinstance(sampler, FeasibleSampler) and isinstance(sampler.inner, Progressive)
    return sampler.inner


def test_the_budget_is_split_over_the_sizes_and_the_largest_gets_the_rest() -> None:
    space = make_space(SPEC)
    study = searched(SMALL, space, 30)
    assert [trial.params["size"] for trial in study.trials] == [1] * 6 + [2] * 5 + [3] * 5 + [4] * 5 + [5] * 9
    keys = {space.decode(space.canonical(trial.params)).key() for trial in study.trials}
    assert len(keys) == 30, "no network twice, mirrored ones neither"


def test_every_network_grows_from_one_of_the_size_before() -> None:
    space = make_space("growing:anynetx-a[depth=1:4,width=8:64]").within(Window.parse(flops=":2G"))
    study = optuna.create_study(sampler=make_strategy(SMALL, space, seed=1))
    for _ in range(16):
        trial = study.ask(space.distributions)
        study.tell(trial, 1 / (1 + trial.params["depth_1"]))
    for told in study.trials[6:]:
        point, size = space.canonical(told.params), told.params["size"]
        names = [name for name in space.active(point) if name[-1].isdigit() and int(name[-1]) < size]
        before = [space.canonical(one.params) for one in study.trials if one.params["size"] == size - 1]
        assert any(all(point[name] == parent[name] for name in names) for parent in before)
        assert space.judge(point) is not None


def test_a_search_that_goes_on_proposes_what_it_would_have() -> None:
    space = make_space(SPEC)
    whole = searched(SMALL, space, 20)
    study = searched(SMALL, space, 13)
    study.sampler = make_strategy(SMALL, space, seed=1)
    searched(SMALL, space, 7, study)
    assert [trial.params for trial in study.trials] == [trial.params for trial in whole.trials]


def test_it_finds_better_networks_than_random_and_says_how_well_it_predicted_each_size() -> None:
    space = make_space(SPEC)
    study = searched("pnas[first=12,keep=12,pool=150]", space, 60)
    random = searched("random", space, 60)
    assert study.best_value < random.best_value
    lines = inner(study).remarks(study)
    assert len(lines) == 4
    for size, line in zip((2, 3, 4, 5), lines, strict=True):
        assert f"of 12 networks of size {size}, a size the predictor had never seen" in line
    means = [np.mean([trial.value for trial in study.trials[at : at + 12]]) for at in (0, 12)]
    assert means[1] < means[0], "the networks kept are better than those they grew from"


@pytest.mark.parametrize("predictor", ["mlp", "lstm"])
def test_a_predictor_orders_networks_longer_than_those_it_was_fitted_to(predictor: str) -> None:
    """Errors fall with the share of token 1: on rows of up to 6 tokens after rows of up to 4, tau is at least 0.5."""
    rng = np.random.default_rng(0)
    names, sizes = [f"op_{number}" for number in range(6)], (3,) * 6

    def rows(length: int, count: int) -> tuple[Any, Any, Any]:
        tokens = rng.integers(3, size=(count, 6))
        taken = np.arange(6)[None] < np.full((count, 1), length)
        return tokens * taken, taken, 0.5 - 0.3 * ((tokens == 1) & taken).sum(1) / length

    parts = [rows(length, 40) for length in (2, 3, 4)]
    tokens, taken, errors = (np.concatenate(column) for column in zip(*parts, strict=True))
    model = SmallNetworks(predictor, names, sizes, seed=0)
    model.fit(tokens, taken, errors)
    longer = rows(6, 80)
    assert kendall(model.predict(*longer[:2]), longer[2]) >= 0.5


def test_tokens_of_one_kind_share_an_embedding() -> None:
    names = ["size", "normal_0_op_x", "normal_0_input_x", "normal_1_op_y", "depth_2", "depth_3"]
    assert kinds_of(names) == [0, 1, 2, 1, 3, 3]


@pytest.mark.parametrize(
    ("space", "strategy", "message"),
    [
        ("darts", "pnas", "those of darts have one size; search growing:pnas"),
        ("growing:enas[size=3]", "pnas", "have one size"),
        ("growing:enas", "pnas[predictor=gp]", "predictor of strategy pnas is one of mlp, lstm, got 'gp'"),
        ("growing:enas", "pnas[paper=enas]", "paper of strategy pnas is one of pnas, got 'enas'"),
        ("growing:enas", "pnas[first=1]", "option first of strategy pnas is a number from 2"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(space: str, strategy: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_strategy(strategy, make_space(space), seed=0)


def test_a_population_of_networks_that_grow_says_how_well_sizes_are_ordered_unseen(
    fast_search: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2]))
    from benchmarks.pnas import levels

    found = fast_search(60, space="growing:anynetx-a", flops="0:", study="grown")
    (population,) = load(str(found.folder))
    told = levels(population, "size", "mlp", 0)
    sizes = np.array([row["params_by_name"]["size"] for row in found.rows])
    assert [one.size for one in told] == [2, 3, 4]
    assert [(one.fitted, one.ordered) for one in told] == [((sizes < n).sum(), (sizes == n).sum()) for n in (2, 3, 4)]
    assert all(one.tau.low <= one.tau.estimate <= one.tau.high for one in told)
    with pytest.raises(UsageError, match="have no parameter nodes; say which one is the size by --by"):
        levels(population, "nodes", "mlp", 0)


def test_a_budget_below_the_first_level_is_refused(fast_search: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match=r"--budget 19 is below the first level of pnas, 20 networks of the smallest"):
        fast_search(19, space="growing:enas", flops="0:", strategy="pnas")
