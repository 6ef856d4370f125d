"""The value `Table`: what it refuses, what a search sees of it, and what can be expected of it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnas.tables.table import MEAN, ONE_SEED, Table, TableError, unknown
from regnas.tables.trainings import Trainings

NAN = float("nan")
POINTS = tuple({"depth": depth, "op": op} for depth, op in itertools.product((1, 2, 4), ("conv", "pool")))


def _table(signal: npt.ArrayLike, score: Sequence[float] | None = None, **changes: Any) -> Table:
    errors = np.asarray(signal, dtype=np.float64)
    n, s = errors.shape
    columns = {name: unknown(n) for name in ("seconds", "flops", "params", "activations", "depth")}
    given = {
        "name": "made up",
        "keys": tuple(f"key{row}" for row in range(n)),
        "points": None,
        "signal": errors,
        "score": np.nanmean(errors, axis=1) if score is None else np.asarray(score),
        "curves": unknown(n, s, 0),
        "exhaustive": False,
        "signal_name": "one training",
        "score_name": "mean error",
        **columns,
        **changes,
    }
    return Table(**given)


def test_a_key_that_is_there_twice_is_named() -> None:
    with pytest.raises(TableError, match="has network b twice"):
        _table([[0.1], [0.2], [0.3]], keys=("a", "b", "b"))


def test_a_score_or_signal_that_is_no_number_names_network_and_column() -> None:
    with pytest.raises(TableError, match="mean error of network key1 is nan, not a finite number"):
        _table([[0.1], [0.2]], score=[0.1, NAN])
    points = ({"depth": 1}, {"depth": 2})
    with pytest.raises(TableError, match=r"one training of network key1 \(depth=2\) is inf"):
        _table([[0.1], [float("inf")]], score=[0.1, 0.1], points=points)


def test_a_missing_seed_is_no_error_but_a_missing_first_one_is() -> None:
    assert _table([[0.1, NAN], [0.2, 0.3]]).score.tolist() == [0.1, 0.25]
    with pytest.raises(TableError, match="one training of network key1 is nan"):
        _table([[0.1, 0.2], [NAN, 0.3]])


def test_the_score_of_a_run_leaves_out_what_it_was_shown_where_there_is_more() -> None:
    rows = [[0.1, NAN, NAN], [0.2, 0.3, NAN], [0.2, 0.3, 0.7]]
    table = _table(rows, signal_name=ONE_SEED, score_name=MEAN)
    for seed in range(20):
        assert table.reported(0, seed) == 0.1, "of one training there is no other"
        assert table.seen(1, seed)[0] + table.reported(1, seed) == pytest.approx(0.5)
        assert table.seen(2, seed)[0] + 2 * table.reported(2, seed) == pytest.approx(1.2)
    column = replace(table, score_name="another column")
    assert [column.reported(row, 0) for row in range(3)] == column.score.tolist()


def test_over_all_seeds_held_out_scores_have_the_mean_of_all_trainings() -> None:
    """Each of three trainings is shown with chance 1/3: over 3,000 seeds within 5 standard errors (sd 0.10)."""
    table = _table([[0.2, 0.3, 0.7]], signal_name=ONE_SEED, score_name=MEAN)
    mean = np.mean([table.reported(0, seed) for seed in range(3000)])
    assert abs(mean - 0.4) < 5 * 0.11 / np.sqrt(3000)


def test_percentages_say_what_to_divide_by() -> None:
    with pytest.raises(TableError, match=r"fractions in \[0, 1\], got 8.4 .*divide percentages by 100"):
        _table([[8.4], [9.0]])
    with pytest.raises(TableError, match="got -0.1 as one training of network key0$"):
        _table([[-0.1]], score=[0.1])
    with pytest.raises(TableError, match="got 2 as curve"):
        _table([[0.1]], curves=np.array([[[2.0, 0.1]]]))


@pytest.mark.parametrize(
    "changes",
    [{"score": np.zeros(3)}, {"curves": unknown(2, 2, 4)}, {"flops": unknown(1)}, {"points": ({"depth": 1},)}],
    ids=lambda changes: next(iter(changes)),
)
def test_columns_of_another_length_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(TableError, match=next(iter(changes))):
        _table([[0.1], [0.2]], **changes)


def test_no_network_is_no_table() -> None:
    with pytest.raises(TableError, match="made up is empty"):
        _table(np.zeros((0, 1)), score=[])


def test_a_network_is_found_by_its_key_and_by_its_point() -> None:
    table = _table(np.full((6, 1), 0.5), points=POINTS, flops=np.arange(6.0))
    assert [table.row(f"key{row}") for row in range(6)] == list(range(6))
    assert [table.row(table.point(row).key()) for row in range(6)] == list(range(6))
    assert table.row("another") is None
    assert table.point(3).complexity(32).flops == 3
    with pytest.raises(TableError, match="knows no parameters"):
        _table([[0.5]]).point(0)


@given(st.integers(0, 50), st.permutations(range(6)))
def test_what_is_seen_depends_on_network_and_seed_alone(seed: int, order: list[int]) -> None:
    signal = np.arange(18).reshape(6, 3) / 100
    one = {row: _table(signal).seen(row, seed)[0] for row in range(6)}
    table = _table(signal)
    assert {row: table.seen(row, seed)[0] for row in order} == one
    # The place of a network in the table does not matter either.
    moved = _table(signal[order], keys=tuple(f"key{row}" for row in order))
    assert [moved.seen(place, seed)[0] for place in range(6)] == [one[row] for row in order]


def test_each_recorded_training_is_seen_equally_often_and_missing_ones_never() -> None:
    """3,000 seeds, three trainings: each share has sd .0086; 0.05 is 5.8 sd, below 1e-7 of false alarm."""
    table = _table([[0.1, NAN, 0.3, 0.5]])
    seen = [table.seen(0, seed)[0] for seed in range(3000)]
    assert set(seen) == {0.1, 0.3, 0.5}
    assert all(abs(seen.count(error) / 3000 - 1 / 3) < 0.05 for error in (0.1, 0.3, 0.5))


def test_a_curve_is_that_of_the_training_that_is_seen() -> None:
    curves = np.array([[[0.9, 0.1], [0.8, 0.2]], [[0.7, NAN], [NAN, 0.4]]])
    table = _table([[0.1, 0.2], [0.7, 0.4]], curves=curves)
    for seed in range(20):
        error, curve = table.seen(0, seed)
        assert curve.tolist() == {0.1: [0.9, 0.1], 0.2: [0.8, 0.2]}[error]
        error, curve = table.seen(1, seed)
        assert curve.tolist() == {0.7: [0.7], 0.4: []}[error]  # with a gap it is no curve


def test_the_ceiling_of_a_table_without_noise_is_its_best_score() -> None:
    assert _table([[0.3], [0.1], [0.2]], score=[0.35, 0.15, 0.05]).ceiling() == pytest.approx(0.15)


def test_equal_looks_count_equally_for_the_ceiling() -> None:
    assert _table([[0.1], [0.1], [0.2]], score=[0.5, 0.3, 0.0]).ceiling() == pytest.approx(0.4)


def test_the_ceiling_is_the_expected_score_of_the_network_that_looks_best() -> None:
    """By hand: A shows 0.1 or 0.5, B shows 0.3: half of the draws return A (0.3), half B (0.2): 0.25 on average.

    200 draws: sd .05 * 2 / sqrt(200) / 2 = .0035; 0.02 is 5.7 sd.
    """
    table = _table([[0.1, 0.5], [0.3, NAN]], score=[0.3, 0.2])
    assert table.ceiling() == pytest.approx(0.25, abs=0.02)


def test_a_null_table_keeps_networks_and_errors_but_not_which_is_whose() -> None:
    curves = np.stack([np.full((40, 2), 0.9), np.arange(80).reshape(40, 2) / 100], axis=2)
    table = _table(curves[:, :, 1], curves=curves, flops=np.arange(40.0))
    null = table.permuted(3)
    assert null.keys == table.keys and null.flops.tolist() == table.flops.tolist()
    assert sorted(null.score) == sorted(table.score) and null.score.tolist() != table.score.tolist()
    np.testing.assert_array_equal(null.curves[:, :, 1], null.signal)
    np.testing.assert_allclose(null.signal.mean(axis=1), null.score)
    assert table.permuted(3).score.tolist() == null.score.tolist() != table.permuted(4).score.tolist()
    assert null.ceiling() == table.ceiling()


def _trainings(**changes: Any) -> Trainings:
    """Two networks, two seeds, three epochs; a column of its own."""
    curves = np.array([[[0.9, 0.5, 0.3], [0.8, 0.6, 0.1]], [[0.7, 0.6, 0.4], [NAN, NAN, NAN]]])
    given = {
        "name": "two",
        "keys": ("a", "b"),
        "points": None,
        "columns": {"error": curves[:, :, 2], "test_error": np.array([[0.35, 0.25], [0.5, NAN]])},
        "curves": curves,
        "seconds": np.array([30.0, 60.0]),
        "exhaustive": False,
        **{name: unknown(2) for name in ("flops", "params", "activations", "depth")},
        **changes,
    }
    return Trainings(**given)


def test_by_default_a_search_sees_one_training_and_the_mean_is_reported() -> None:
    table = _trainings().table()
    np.testing.assert_array_equal(table.signal, [[0.3, 0.1], [0.4, NAN]])
    assert table.score.tolist() == [0.2, 0.4] and table.curves.shape == (2, 2, 3)
    assert (table.signal_name, table.score_name) == ("one recorded training", "mean over the recorded trainings")


def test_the_mean_an_epoch_or_a_column_can_be_seen_or_reported() -> None:
    assert _trainings().table("mean").signal.tolist() == [[0.2], [0.4]]
    early = _trainings().table("epoch_2", "test_error")
    np.testing.assert_array_equal(early.signal, [[0.5, 0.6], [0.6, NAN]])
    np.testing.assert_allclose(early.seconds, [20, 40])
    assert early.curves.shape == (2, 2, 2) and early.score.tolist() == pytest.approx([0.3, 0.5])
    assert (early.signal_name, early.score_name) == ("error after epoch 2", "test_error")
    assert _trainings().table("test_error").curves.shape == (2, 2, 0)


def test_a_column_that_is_not_there_names_those_that_are() -> None:
    for name in ("latency", "epoch_4"):
        with pytest.raises(
            TableError, match=f"no column '{name}'; there are error, test_error, epoch_1 to epoch_3, mean, seed"
        ):
            _trainings().table(name)
    with pytest.raises(TableError, match="no column 'error'; there are test_error"):
        _trainings(columns={"test_error": np.array([[0.1], [0.2]])}, curves=unknown(2, 1, 0)).table()


def test_a_first_training_without_the_column_is_not_the_first_that_is_seen() -> None:
    late = _trainings(columns={"late": np.array([[NAN, 0.2], [0.4, 0.5]])}).table("late", "late")
    np.testing.assert_array_equal(late.signal, [[0.2, NAN], [0.4, 0.5]])


def test_an_error_that_is_not_that_of_the_last_epoch_is_refused() -> None:
    best = _trainings(columns={"error": np.array([[0.25, 0.1], [0.4, NAN]])})
    with pytest.raises(TableError, match="error of network a is 0.25 and that of its last epoch 0.3.*signal=epoch_3"):
        best.table()
    assert best.table("epoch_3").signal[0].tolist() == [0.3, 0.1]


def test_a_table_can_be_made_of_another() -> None:
    table = _trainings().table()
    assert replace(table, name="other").row("b") == 1
