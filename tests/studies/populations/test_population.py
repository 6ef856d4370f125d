"""Populations in memory: models and their trainings, parts of a population, and what two have in common."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnas.errors import UsageError
from regnas.studies.populations.population import (
    Population,
    PopulationError,
    differences,
    from_arrays,
    from_rows,
    to_rows,
)

SETTINGS: dict[str, Any] = {
    "space": "regnetx",
    "strategy": "random",
    "seed": 0,
    "data": "mnist",
    "images": {"resolution": 28, "classes": 10},
    "window": "flops 1M:2M",
    "evaluator": "train",
    "recipe": {"epochs": 2, "batch_size": 128, "learning_rate": 0.1},
    "duplicates": "reject",
}
NETWORK = {"kind": "staged", "depths": [1, 2], "widths": [8, 16]}


def _row(index: int, error: float, **more: Any) -> dict[str, Any]:
    return {"index": index, "seed": 7, "error": error, "state": "COMPLETE", **more}


def _full(n: int) -> Population:
    """n models in another order than the stream's, with a number of its own in every column of every model."""
    place = np.arange(n, dtype=np.float64)
    return from_arrays(
        "full",
        np.stack([(place + 1) / (n + 1), (place + 1.5) / (n + 2)], axis=1),
        indices=np.random.default_rng(n).permutation(n) * 10,
        curves=np.stack([np.stack([place, place + 0.5, place + 0.25], axis=1)] * 2, axis=1) / n,
        flops=100 + place,
        params=200 + place,
        activations=300 + place,
        seeds=np.stack([np.arange(n), np.arange(n) + n], axis=1),
        seconds=np.stack([place + 1000, place + 2000], axis=1),
        diverged=np.stack([np.arange(n) % 2 == 0, np.arange(n) % 3 == 0], axis=1),
        architectures=tuple({"number": number} for number in range(n)),
        e_fit=place / 10,
        values={"depth": place + 400},
        settings=SETTINGS,
        failures=(2**53 - 3, 2**53 - 2, 2**53 - 1),
        marks=("forced",),
    )


def _columns(population: Population) -> list[tuple[Any, ...]]:
    """Everything that is known of each model, one tuple per model."""
    one = population
    per_model = (one.indices, one.flops, one.params, one.activations, one.e_fit, one.values["depth"])
    per_training = (one.errors, one.seeds, one.seconds, one.diverged, one.curves)
    return [
        (*(column[i] for column in per_model), *(column[i].tolist() for column in per_training), one.architectures[i])
        for i in range(len(one))
    ]


def test_bare_errors_are_a_population_of_which_nothing_else_is_known() -> None:
    population = from_arrays("bare", [0.5, 0.25, 0.75])
    assert len(population) == 3 and population.name == "bare"
    assert population.errors.tolist() == [[0.5], [0.25], [0.75]] and population.error.tolist() == [0.5, 0.25, 0.75]
    assert population.indices.tolist() == [0, 1, 2] and population.seeds.tolist() == [[-1]] * 3
    assert population.curves.shape == (3, 1, 0) and population.architectures == (None, None, None)
    for column in (population.flops, population.params, population.activations, population.e_fit):
        assert column.shape == (3,) and np.isnan(column).all()
    assert np.isnan(population.seconds).all() and not population.diverged.any()
    assert (population.failed, population.failure_rate, population.marks, population.values) == (0, 0, (), {})


def test_a_table_of_errors_has_a_column_per_seed() -> None:
    population = from_arrays("two", [[0.5, 0.25], [0.75, 1.0], [0.0, 0.5]])
    assert population.errors.shape == (3, 2) and population.common_seeds == 2
    assert population.error.tolist() == [0.375, 0.875, 0.25]


def test_the_error_of_a_model_is_its_mean_over_the_seeds_that_all_models_have() -> None:
    """The third seed of two models is left out: a mean of three would be less noisy than one of two."""
    population = from_arrays("some", [[0.5, 0.25, 0.0], [0.75, 0.25, np.nan], [1.0, 0.5, 0.25]])
    assert population.common_seeds == 2
    assert population.error.tolist() == [0.375, 0.5, 0.75]


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        ([], "population p is empty: it has no completed random evaluation"),
        ([0.5, float("nan"), 0.25], "population p: the error of model 1 is not a number"),
        ([0.5, 0.25, float("inf")], "population p: the error of model 2 is not a number"),
        ([0.5, 25.0], r"population p: errors are fractions in \[0, 1\], got 25; divide percentages by 100"),
        ([[0.5, 0.5], [0.5, 1.5]], r"errors are fractions in \[0, 1\], got 1.5"),
        ([-0.25], r"errors are fractions in \[0, 1\], got -0.25"),
    ],
    ids=str,
)
def test_what_is_no_error_is_refused(errors: Any, message: str) -> None:
    with pytest.raises(PopulationError, match=message):
        from_arrays("p", errors)


@pytest.mark.parametrize("error", [0.0, 1.0])
def test_the_ends_of_the_range_of_errors_are_errors(error: float) -> None:
    assert from_arrays("p", [error]).error.tolist() == [error]


def test_a_wrong_population_is_a_usage_error() -> None:
    """So that the command line exits with the code of wrong usage."""
    with pytest.raises(UsageError):
        from_arrays("p", [])


def test_a_complexity_is_given_where_every_model_has_it() -> None:
    population = from_arrays("p", [0.5, 0.25], flops=[1, 2], params=[3, float("nan")])
    assert population.complexity("flops").tolist() == [1, 2]
    with pytest.raises(PopulationError, match="population p does not know the params of all its models"):
        population.complexity("params")
    with pytest.raises(PopulationError, match="does not know the activations"):
        population.complexity("activations")
    with pytest.raises(PopulationError, match="complexity is one of flops, params, activations, got 'latency'"):
        population.complexity("latency")


def test_the_failure_rate_is_a_share_of_all_candidates() -> None:
    assert from_arrays("p", [0.5, 0.25, 0.75], failures=(7,)).failure_rate == 0.25


def test_a_mark_is_added_to_the_others() -> None:
    population = from_arrays("p", [0.5], marks=("one",))
    assert population.marked("two").marks == ("one", "two") and population.marks == ("one",)


def test_the_first_models_are_those_of_the_lowest_index() -> None:
    population = from_arrays("p", [0.125, 0.25, 0.375, 0.5], indices=[30, 10, 40, 20])
    assert population.first(2).indices.tolist() == [10, 20]
    assert population.first(2).error.tolist() == [0.25, 0.5]
    assert population.first(9).indices.tolist() == [10, 20, 30, 40]


@given(st.integers(1, 12), st.integers(1, 12))
def test_the_first_models_keep_everything_that_is_known_of_them(n: int, count: int) -> None:
    population = _full(n)
    wanted = sorted(_columns(population), key=lambda model: int(model[0]))[:count]
    assert _columns(population.first(count)) == wanted


@given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.integers(0, n - 1), min_size=1))))
def test_rows_that_are_taken_keep_everything_that_is_known_of_them(case: tuple[int, list[int]]) -> None:
    n, rows = case
    population = _full(n)
    taken = population.take(rows)
    assert _columns(taken) == [_columns(population)[row] for row in rows]
    assert (taken.name, taken.settings, taken.failed, taken.marks) == ("full", SETTINGS, 3, ("forced",))


def test_rows_are_taken_as_numpy_indexes() -> None:
    population = from_arrays("p", [0.125, 0.25, 0.375])
    assert population.take(np.array([True, False, True])).error.tolist() == [0.125, 0.375]
    assert population.take(slice(1, None)).error.tolist() == [0.25, 0.375]
    assert population.take([-1]).error.tolist() == [0.375]


def test_taking_no_model_leaves_no_population() -> None:
    with pytest.raises(PopulationError, match="population p is empty"):
        from_arrays("p", [0.5]).take(np.array([False]))


def test_the_models_that_are_taken_share_more_seeds_than_all() -> None:
    population = from_arrays("p", [[0.5, 0.25], [0.75, np.nan]])
    assert population.common_seeds == 1 and population.take([0]).common_seeds == 2
    assert population.take([0]).error.tolist() == [0.375]


def test_rows_of_one_index_are_trainings_of_one_model() -> None:
    rows = [
        _row(5, 0.5, seed=11, seconds=2.5, errors=[0.75, 0.5], flops=100),
        _row(2, 0.25, seed=12, seconds=3.5, errors=[0.25], flops=200, diverged=1),
        _row(5, 0.125, seed=13, errors=[0.5, 0.125], flops=100),
    ]
    population = from_rows("p", rows)
    assert population.indices.tolist() == [2, 5]
    np.testing.assert_array_equal(population.errors, [[0.25, np.nan], [0.5, 0.125]])
    assert population.seeds.tolist() == [[12, -1], [11, 13]]
    np.testing.assert_array_equal(population.seconds, [[3.5, np.nan], [2.5, np.nan]])
    np.testing.assert_array_equal(population.curves, [[[0.25, np.nan], [np.nan, np.nan]], [[0.75, 0.5], [0.5, 0.125]]])
    assert population.diverged.tolist() == [[True, False], [False, False]]
    assert population.flops.tolist() == [200, 100]
    assert population.error.tolist() == [0.25, 0.5]


def test_one_index_with_two_architectures_is_refused() -> None:
    same = [_row(4, 0.5, architecture=NETWORK), _row(4, 0.25, seed=8, architecture=dict(NETWORK))]
    assert len(from_rows("p", same)) == 1
    other = _row(4, 0.25, seed=9, architecture={**NETWORK, "widths": [8, 24]})
    with pytest.raises(PopulationError, match="population p: index 4 is two different networks"):
        from_rows("p", [*same, other])


def test_rows_without_an_index_are_models_in_order() -> None:
    assert from_rows("p", [{"error": 0.5}, {"error": 0.25}, {"error": 0.75}]).error.tolist() == [0.5, 0.25, 0.75]


def test_failed_candidates_are_counted_and_running_ones_are_not() -> None:
    rows = [
        _row(0, 0.5),
        {"index": 1, "state": "FAIL", "error": ""},
        {"index": 2, "state": "RUNNING", "error": ""},
        {"index": 3, "state": "FAIL", "error": ""},
        _row(4, 0.25),
    ]
    population = from_rows("p", rows)
    assert (len(population), population.failed) == (2, 2) and population.failure_rate == 0.5


def test_a_candidate_that_failed_at_first_and_then_succeeded_has_not_failed() -> None:
    population = from_rows("p", [{"index": 1, "state": "FAIL", "error": ""}, _row(1, 0.5)])
    assert (len(population), population.failed) == (1, 0)


def test_nothing_complete_is_no_population() -> None:
    with pytest.raises(PopulationError, match="population p is empty"):
        from_rows("p", [{"index": 1, "state": "FAIL", "error": ""}])


def test_parameters_that_are_words_are_kept_apart_from_numbers() -> None:
    rows = [
        _row(0, 0.5, params_by_name={"depth": 3, "op": "conv"}),
        _row(1, 0.25, params_by_name={"depth": "", "op": "pool"}),
    ]
    population = from_rows("p", rows)
    assert list(population.values) == ["depth"] and population.words == {"op": ("conv", "pool")}
    np.testing.assert_array_equal(population.values["depth"], [3, np.nan])
    assert population.take([1]).words == {"op": ("pool",)}
    assert [row["params_by_name"]["op"] for row in to_rows(population)] == ["conv", "pool"]


def test_a_training_is_a_row_with_blanks_where_nothing_is_known() -> None:
    population = from_arrays(
        "p", [[0.5, 0.25], [0.75, np.nan]], seeds=[[3, 4], [-1, -1]], flops=[100, float("nan")], indices=[6, 8]
    )
    rows = to_rows(population)
    assert [(row["index"], row["seed"], row["error"], row["flops"]) for row in rows] == [
        (6, 3, 0.5, 100),
        (6, 4, 0.25, 100),
        (8, "", 0.75, ""),
    ]
    assert {(row["space"], row["seconds"], row["architecture"], row["epochs"]) for row in rows} == {("p", "", "", "")}


def test_populations_of_equal_settings_differ_in_nothing() -> None:
    """How many were drawn, with which seed and of which space is no condition of a comparison."""
    other = {**SETTINGS, "space": "anynetx-a", "seed": 9, "versions": {"torch": "2"}, "repeat": 1}
    populations = [from_arrays("a", [0.5], settings=SETTINGS), from_arrays("b", [0.5, 0.25], settings=other)]
    assert differences(populations) == []
    assert differences(populations[:1]) == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("data", "cifar10", ["a has mnist", "b cifar10"]),
        ("images", {"resolution": 32, "classes": 10}, ["a has resolution 28", "b resolution 32"]),
        ("window", "flops :1M", ["a has flops 1M:2M", "b flops :1M"]),
        ("evaluator", "fast", ["a has train", "b fast"]),
        ("recipe", {**SETTINGS["recipe"], "epochs": 5}, ["a has epochs 2", "b epochs 5"]),
        ("recipe", {**SETTINGS["recipe"], "mixup": 1}, ["a has fewer settings", "b mixup 1"]),
        ("duplicates", "allow", ["a has reject", "b allow"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_differs_is_named_with_both_values(name: str, value: Any, words: list[str]) -> None:
    found = differences(
        [
            from_arrays("a", [0.5], settings=SETTINGS),
            from_arrays("b", [0.5], settings={**SETTINGS, name: value}),
            from_arrays("c", [0.5], settings=SETTINGS),
        ]
    )
    assert len(found) == 1 and found[0].startswith(f"{name}: ")
    assert all(word in found[0] for word in words)
    assert "batch_size" not in found[0] and "classes" not in found[0]  # these are equal


def test_a_population_without_settings_differs_in_every_condition() -> None:
    found = differences([from_arrays("a", [0.5], settings=SETTINGS), from_arrays("b", [0.5])])
    conditions = ["data", "images", "window", "evaluator", "recipe", "duplicates"]
    assert [line.partition(":")[0] for line in found] == conditions
    assert all("b none on record" in line for line in found)


def test_a_seed_that_only_some_models_have_is_left_out_wherever_it_stands() -> None:
    population = from_arrays("a", [[0.1, float("nan"), 0.3], [0.2, 0.25, 0.3]])
    assert population.common_seeds == 2
    assert population.error.tolist() == pytest.approx([0.2, 0.25])


def test_the_order_of_keys_makes_no_other_network() -> None:
    rows = [{"index": 0, "error": 0.1, "architecture": one} for one in ({"a": 1, "b": 2}, {"b": 2, "a": 1})]
    assert from_rows("a", rows).errors.tolist() == [[0.1, 0.1]]


def test_the_first_models_know_the_failures_among_them_alone() -> None:
    population = from_arrays("a", [0.1, 0.2, 0.3, 0.4], indices=[0, 2, 5, 6], failures=(1, 3, 4))
    assert [population.first(count).failures for count in (1, 2, 3, 4, 9)] == [(), (1,), (1, 3, 4)] + 2 * [(1, 3, 4)]
    assert population.first(2).failure_rate == 1 / 3


def test_the_error_is_averaged_over_as_many_seeds_as_asked() -> None:
    population = from_arrays("a", [[0.1, 0.3, 0.5], [0.2, 0.2, float("nan")]])
    assert population.error.tolist() == pytest.approx([0.2, 0.2])
    assert replace(population, averaged=1).error.tolist() == [0.1, 0.2]
