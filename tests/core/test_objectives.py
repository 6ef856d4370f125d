"""MnasNet's objective: one number for a network's error and what it costs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnas.errors import UsageError
from regnas.objective import Objective, objective_of

# Accuracy, latency, target, soft and hard reward of Tan et al. 2019 (arXiv 1807.11626), equations 2 and 3: the soft
# weight is -0.07 on both sides, the hard one 0 up to the target and -1 above it.
REWARDS = [
    (0.7234, 80.0, 80.0, 0.7234, 0.7234),
    (0.6115, 40.0, 80.0, 0.641901752, 0.6115),
    (0.529, 44.0, 22.0, 0.503945501, 0.2645),
    (0.6121, 75.0075, 75.0, 0.6120957155, 0.6120387961),
    (0.5189, 74.9925, 75.0, 0.5189036325, 0.5189),
    (0.6234, 78.61, 75.0, 0.6213519142, 0.5947716575),
    (0.5416, 192.16, 80.0, 0.5093760783, 0.2254787677),
]


@pytest.mark.parametrize(("accuracy", "cost", "target", "soft", "hard"), REWARDS)
def test_rewards_are_those_of_the_paper(accuracy: float, cost: float, target: float, soft: float, hard: float) -> None:
    for text, reward in (("", soft), (",hard=true", hard)):
        objective = objective_of(f"mnasnet[measure=flops,target={target}{text}]")
        assert objective is not None
        assert 1 - objective.value(1 - accuracy, {"flops": cost}) == pytest.approx(reward, abs=1e-9)


@settings(deadline=None)
@given(st.floats(1e-3, 1e12), st.floats(-10, -1e-3), st.booleans(), st.floats(0, 1), st.floats(1, 1e12))
def test_a_spec_reads_back_as_the_same_objective(
    target: float, weight: float, hard: bool, error: float, cost: float
) -> None:
    made = Objective(measure="params", target=float(f"{target:.6g}"), weight=float(f"{weight:.4g}"), hard=hard)
    assert objective_of(str(made)) == made
    assert made.value(error, {"params": cost}) >= made.value(error, {"params": cost / 2}), "what costs less is no worse"


@settings(deadline=None)
@given(st.floats(-1, -1e-3), st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 100), st.floats(0.01, 100))
def test_error_and_cost_count_against_a_network_and_hard_is_the_error_up_to_the_target(
    weight: float, error: float, other: float, cost: float, dearer: float
) -> None:
    soft, hard = (Objective(measure="x", target=1.0, weight=weight, hard=one) for one in (False, True))
    (error, other), (cost, dearer) = sorted((error, other)), sorted((cost, dearer))
    for objective in (soft, hard):
        assert objective.value(error, {"x": cost}) <= objective.value(other, {"x": cost})
        assert objective.value(error, {"x": cost}) <= objective.value(error, {"x": dearer})
        assert objective.value(error, {"x": 1.0}) == pytest.approx(error, abs=1e-15)
    if cost > 1:
        assert hard.value(error, {"x": cost}) == soft.value(error, {"x": cost})
    else:
        assert hard.value(error, {"x": cost}) == pytest.approx(error, abs=1e-15)
        assert soft.value(error, {"x": cost}) <= hard.value(error, {"x": cost})


def test_the_error_alone_is_no_objective() -> None:
    assert objective_of(None) is objective_of("error") is None


def test_flops_are_meant_where_nothing_is_said() -> None:
    assert str(objective_of("mnasnet[target=1.5M]")) == "mnasnet[measure=flops,target=1.5M,weight=-0.07]"
    assert str(objective_of("mnasnet[measure=acts,target=2k,hard=true]")) == (
        "mnasnet[measure=activations,target=2k,weight=-1,hard=true]"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("accuracy", r"an objective is error or mnasnet\[measure=flops,target=1.5M\], got 'accuracy'"),
        ("mnasnet", "the objective mnasnet needs a target"),
        ("mnasnet[target=0]", "target of the objective mnasnet is above 0, got 0"),
        ("mnasnet[target=many]", "objective target is a number, with k, M or G"),
        ("mnasnet[target=1M,weight=0.07]", "weight of the objective mnasnet is below 0 .* got 0.07"),
        ("mnasnet[target=1M,weight=nan]", "weight of the objective mnasnet is below 0"),
        ("mnasnet[target=1M,weight=light]", "weight of the objective mnasnet is a number such as -0.07, got 'light'"),
        ("mnasnet[target=1M,hard=yes]", "hard of the objective mnasnet is true or false, got 'yes'"),
        ("mnasnet[target=1M,alpha=0]", "has no option 'alpha'; its options: measure, target, weight, hard"),
        ("mnasnet[target=1M,measure=flop]", "there is no measure 'flop', .*did you mean flops"),
        ("mnasnet[target=75ms,measure=params]", "target 75ms is a time, and params are learnable numbers"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        objective_of(text)


@pytest.mark.parametrize("costs", [{}, {"flops": 0}])
def test_a_network_without_the_cost_has_no_objective(costs: dict[str, float]) -> None:
    objective = Objective(measure="flops", target=1e6)
    with pytest.raises(UsageError, match="needs networks whose flops is above 0"):
        objective.value(0.1, costs)
