"""The evaluator ``zero-cost``: what a search sees of scores, and what it is told where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from regnas.design_space import make_space
from regnas.errors import DataError, UsageError
from regnas.evaluator import Context, Evaluator, Result, Task, make_evaluator
from regnas.evaluators.zero_cost.evaluator import make
from regnas.evaluators.zero_cost.parts import NoScore
from regnas.evaluators.zero_cost.scores import SCORES, error_of
from regnas.studies.executors.worker import may_succeed
from regnas.testing import EvaluatorRules
from regnas.testing.network_rules.small_network import SmallNetwork

TASK = Task(data="fake:64")


def _score(options: Mapping[str, Any], seed: int = 0, network: Any = None) -> Result:
    evaluator = make(TASK, {"batch": 8, "repeats": 1, **options})
    return evaluator(network or SmallNetwork((8, 16)), seed=seed, context=Context())


class TestZeroCost(EvaluatorRules):
    task = TASK

    def make(self, task: Task, options: Mapping[str, Any]) -> Evaluator:
        return make(task, {"score": "snip", "beside": "all", "batch": 8, "repeats": 1, **options})


def test_the_error_of_a_result_is_that_of_the_score_asked_for() -> None:
    result = _score({"score": "snip", "beside": "l2+depth"})
    assert list(result.metrics) == ["snip", "l2", "depth"]
    assert result.error == error_of(result.metrics["snip"])


def test_what_is_taken_beside_changes_no_score() -> None:
    """But for rounding: the second derivatives of grasp are of the same gradients."""
    alone, together = _score({"score": "fisher"}), _score({"score": "fisher", "beside": "all"})
    assert alone.metrics["fisher"] == pytest.approx(together.metrics["fisher"], rel=1e-4)


def test_every_score_is_to_be_maximised() -> None:
    found = make(TASK, {"score": "zen", "beside": "all"}).metrics
    assert [(one.name, one.goal) for one in found] == [(name, "maximize") for name in SCORES]


def test_a_score_is_the_mean_over_starting_weights() -> None:
    one, three = _score({"score": "l2"}), _score({"score": "l2", "inits": 3})
    assert one.metrics != three.metrics
    assert _score({"score": "l2", "inits": 3}).metrics == three.metrics


def test_sizes_are_those_of_the_network_at_the_resolution_of_the_data() -> None:
    network = SmallNetwork((8, 16))
    costs = network.complexity(make(TASK, {"score": "params"}).data.regime.images.resolution)
    result = _score({"score": "params", "beside": "flops+activations"}, network=network)
    assert result.metrics == {name: float(costs[name]) for name in result.metrics} and len(result.metrics) == 3


def test_noise_needs_no_images_but_their_size() -> None:
    assert _score({"score": "snip", "images": "noise"}).metrics["snip"] > 0


def _without_relu() -> Any:
    space = make_space("anynetx-a[activation=silu]").on(make(TASK, {"score": "l2"}).data.regime.images)
    return space.sample(1, seed=0)[0].architecture


def test_a_network_without_the_score_fails_and_says_why() -> None:
    with pytest.raises(NoScore, match=r"naswot reads the signs before nn.ReLU") as caught:
        _score({"score": "naswot"}, network=_without_relu())
    assert not may_succeed(caught.value), "another try would end alike"


def test_a_score_beside_that_a_network_does_not_have_is_left_out_with_a_note() -> None:
    result = _score({"score": "l2", "beside": "naswot"}, network=_without_relu())
    assert list(result.metrics) == ["l2"] and "nn.ReLU" in result.notes["left_out"]["naswot"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("zero-cost", "needs a score"),
        ("zero-cost[score=nice]", "naswot, synflow"),
        ("zero-cost[score=snip,beside=naswot+nice]", "'nice'"),
        ("zero-cost[score=snip,batch=1]", "from 2 to"),
        ("zero-cost[score=snip,batch=true]", "from 2 to|is a int"),
        ("zero-cost[score=snip,images=mine]", "data or noise"),
        ("zero-cost[score=snip,epochs=3]", "no option 'epochs'"),
    ],
)
def test_options_it_does_not_have_are_refused_in_a_line(spec: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        make_evaluator(spec, TASK)
    assert "\n" not in str(caught.value)


def test_epochs_are_refused() -> None:
    with pytest.raises(UsageError, match="trains nothing"):
        make(Task(data="fake:64", epochs=3), {"score": "snip"})


def test_a_batch_of_more_images_than_there_are_is_refused_before_any_network() -> None:
    with pytest.raises(DataError, match="give a smaller batch"):
        make(TASK, {"score": "snip", "batch": 4096}).prepare()
