"""Who trains on: what a pruner hears while a search runs, and after it was stopped."""

from __future__ import annotations

import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from regnas.pruner import make_pruner
from regnas.studies.run.fidelity import Fidelity

LAW = FloatDistribution(0.0, 1.0)


def trained(index: int, error: float, diverged: bool = False) -> FrozenTrial:
    """A trial after one epoch; one that diverged is over, with the error of guessing."""
    return create_trial(
        state=TrialState.COMPLETE if diverged else TrialState.RUNNING,
        value=error if diverged else None,
        params={"x": 0.5},
        distributions={"x": LAW},
        user_attrs={"index": index, **({"diverged": 1} if diverged else {})},
        intermediate_values={0: error},
    )


@pytest.mark.parametrize("error", [0.6, 0.9, 1.0])
def test_a_training_that_diverged_takes_no_place_from_one_that_did_not(error: float) -> None:
    """Of three, one goes on: the sound one, though guessing has half the error."""
    fidelity = Fidelity(make_pruner("asha", 9), 9)
    fidelity.replay([trained(0, 0.5, diverged=True), trained(1, 0.5, diverged=True), trained(2, error)])
    assert fidelity.promoted({2: None}) == 2
