"""Moves between networks in a window of 3 % of the flops, which few draws meet, 0.07 % of RegNetX's."""

from __future__ import annotations

import numpy as np
import pytest
from optuna.distributions import FloatDistribution

from regnas.design_space import make_space
from regnas.sampling.moves import feasible_mutant, into_window
from regnas.testing import DistributionSpace
from regnas.window import Window


@pytest.mark.parametrize("spec", ["regnetx", "regnetx[w0=wa]", "anynetx-a", "anynetx-d", "anynetx-e[block=vr]"])
def test_mutants_are_canonical_candidates_of_the_window(spec: str) -> None:
    space = make_space(spec).within(Window.parse(flops="388M:400M"))
    rng = np.random.default_rng(0)
    for parent in space.sample(5, seed=0):
        found = feasible_mutant(space, parent.params, rng, seen={parent.architecture.key()})
        assert found is not None
        assert space.canonical(found.params) == found.params != parent.params
        assert space.judge(found.params) == found
        assert found.architecture != parent.architecture


def test_a_point_inside_the_window_stays_and_one_outside_moves_by_one_parameter() -> None:
    space = make_space("regnetx").within(Window.parse(flops="388M:400M"))
    inside = space.sample(2, seed=0)[1]  # with groups of 8: the first's, of 32, leave no network of that depth near by
    rng = np.random.default_rng(0)
    itself = into_window(space, inside.params, rng)
    assert itself is not None and itself.params == inside.params
    outside = {**inside.params, "depth": inside.params["depth"] + 3}
    found = into_window(space, outside, rng, keep=["depth"])
    assert found is not None
    assert found.params["depth"] == outside["depth"]
    assert sum(found.params[name] != outside[name] for name in outside) == 1


def test_the_nearest_point_inside_is_taken() -> None:
    """On a square whose window is (x + y) / 2 of at least 0.8, from (1, 0.2): only y can move, to 0.6; and the values
    tried lie 1/256 apart.
    """
    square = DistributionSpace.of({name: FloatDistribution(0.0, 1.0) for name in "xy"})
    space = square.within(Window.parse(flops="1.8M:"))
    found = into_window(space, {"x": 1.0, "y": 0.2}, np.random.default_rng(0))
    assert found is not None
    assert found.params["x"] == 1.0
    assert 0.6 - 1e-6 <= found.params["y"] <= 0.6 + 2 / 256


def test_where_one_parameter_does_not_suffice_there_is_none() -> None:
    square = DistributionSpace.of({name: FloatDistribution(0.0, 1.0) for name in "xy"})
    space = square.within(Window.parse(flops="1.8M:"))
    assert into_window(space, {"x": 0.1, "y": 0.1}, np.random.default_rng(0)) is None
