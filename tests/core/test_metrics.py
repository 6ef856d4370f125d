"""What an evaluator measures beside the error: names, goals, ranges, and how values travel."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnas.architecture import Architecture
from regnas.errors import UsageError
from regnas.evaluator import Context, Evaluator, Result, SupportsMetrics, check_result, metrics_of
from regnas.metric import ERROR, Metric, check_values, columns, from_columns
from regnas.studies.run.pending import copied
from regnas.system.files import record

TOP5 = Metric("top5_error", "minimize", "fraction", (0.0, 1.0))
SPEED = Metric("speed", "maximize", "images/s", (0.0, math.inf))


class Plain:
    """Measures the error alone."""

    def __call__(self, architecture: Architecture, *, seed: int, context: Context) -> Result:
        return Result(error=0.5, seconds=1.0)


class Measuring(Plain):
    metrics = (TOP5, SPEED)


def test_the_error_is_the_objective_and_comes_first() -> None:
    evaluators: list[Evaluator] = [Plain(), Measuring()]
    assert [metrics_of(one) for one in evaluators] == [(ERROR,), (ERROR, TOP5, SPEED)]
    assert (ERROR.goal, ERROR.unit, ERROR.range) == ("minimize", "fraction", (0.0, 1.0))
    assert isinstance(Measuring(), SupportsMetrics) and not isinstance(Plain(), SupportsMetrics)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "Top 5"}, "small letters, digits and underscores, a letter first, got 'Top 5'"),
        ({"name": "x", "goal": "low"}, "the goal of metric x is minimize or maximize, got 'low'"),
        ({"name": "x", "range": (1.0, 0.0)}, r"the range of metric x is \(lowest, highest\), got \(1.0, 0.0\)"),
        ({"name": "x", "range": (math.nan, 1.0)}, "the range of metric x"),
    ],
)
def test_a_metric_that_makes_no_sense_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Metric(**wrong)


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ({"top5_error": 30.0}, r"metric top5_error lies in \[0, 1\] fraction, got 30.0; convert it"),
        ({"speed": -1}, r"metric speed lies in \[0, inf\] images/s, got -1"),
        ({"top1_error": 0.5}, "'top1_error' is not declared, declared are: top5_error, speed; add it to the evaluator"),
    ],
)
def test_a_value_that_its_evaluator_did_not_declare_is_refused(metrics: dict[str, float], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_result(Measuring(), Result(error=0.5, seconds=1.0, metrics=metrics))


@pytest.mark.parametrize("value", [math.nan, math.inf, True, "0.5", None])
def test_a_metric_that_is_no_number_makes_no_result(value: Any) -> None:
    with pytest.raises(
        ValueError, match=r"metric speed is a finite number, .*; leave out of a result what is not known"
    ):
        Result(error=0.5, seconds=1.0, metrics={"speed": value})


@pytest.mark.parametrize("declared", [[TOP5, Metric("top5_error")], [ERROR]])
def test_every_metric_has_a_name_of_its_own(declared: list[Metric]) -> None:
    with pytest.raises(UsageError, match="twice|is the objective"):
        check_values(declared, {})


def test_a_result_without_metrics_is_written_as_before_there_were_any() -> None:
    """The form of results that lie on disk, from the release before."""
    old = {"error": 0.5, "seconds": 1.0, "epochs": 1, "errors": [0.5], "diverged": False, "notes": {}}
    result = Result(error=0.5, seconds=1.0, epochs=1, errors=(0.5,))
    assert result.to_json() == old and Result.from_json(old) == result


NAMES = st.sampled_from(["loss", "speed", "top5_error", "x", "x2"])


@given(st.dictionaries(NAMES, st.floats(allow_nan=False, allow_infinity=False), max_size=4))
def test_metrics_survive_files_attributes_and_copies(metrics: dict[str, float]) -> None:
    result = Result(error=0.5, seconds=1.0, metrics=metrics)
    read = Result.from_json(json.loads(json.dumps(result.to_json(), allow_nan=False)))
    assert read == result and copied(result, 3).metrics == metrics
    assert from_columns({**columns(metrics), "seconds": 1.0, "metric.missing": ""}) == metrics


def test_metrics_are_the_last_columns_of_a_row() -> None:
    row = record({"index": 0, "errors": [0.5], "params_by_name": {"depth": 3}, "metrics": {"speed": np.float32(2)}})
    assert list(row)[-3:] == ["epoch_1", "param.depth", "metric.speed"] and row["metric.speed"] == 2.0
