"""Neighbours of a value and of a point, and the points of given uniforms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from regnas.design_space import make_space
from regnas.dimension import Array, Choice, Dimension, LogUniform, Range, Uniform
from regnas.testing.toy import DistributionDimension

LAWS = [
    Uniform(4, 63),
    Uniform(1, 16),
    Uniform(8, 2048, 8),
    LogUniform(8, 256, 8),
    LogUniform(8.0, 256.0, 0.1),
    LogUniform(1.5, 3.0, 0.001),
    LogUniform(1, 1000),
    Uniform(5, 5),
    Choice((1, 2, 4, 8)),
    Choice(("a", "b", "c")),
    DistributionDimension(FloatDistribution(0.0, 1.0)),
    DistributionDimension(IntDistribution(1, 64, log=True)),
    DistributionDimension(IntDistribution(1, 9)),
    DistributionDimension(CategoricalDistribution(("a", "b", "c"))),
]
laws = st.sampled_from(LAWS)
uniforms = st.floats(0, 1, exclude_max=True)


class Opaque(Dimension):
    """A plug-in's dimension that says nothing of neighbours: whole numbers from 0."""

    def __init__(self, size: int) -> None:
        self._size = size

    @property
    def size(self) -> int:
        return self._size

    def draw(self, uniforms: Any) -> Array:
        return np.asarray(uniforms * self._size, dtype=np.int64)

    def snap(self, value: Any) -> int:
        return int(value)

    def contains(self, value: Any) -> bool:
        return bool(0 <= value < self._size)

    def neighbour(self, value: Any, rng: np.random.Generator) -> int:
        return int(value) + (1 if value == 0 or rng.random() < 0.5 and value < self._size - 1 else -1)

    def distribution(self) -> BaseDistribution:
        return IntDistribution(0, self._size - 1)


@given(laws, uniforms)
def test_neighbours_are_other_values_of_the_grid(law: Dimension, uniform: float) -> None:
    value = law.draw(np.array([uniform])).tolist()[0]
    near = law.neighbours(value)
    assert value not in near and len(set(near)) == len(near)
    assert all(law.snap(one) == one for one in near)
    assert near == law.neighbours(value)
    assert bool(near) == (law.size > 1)


@given(st.sampled_from([law for law in LAWS if isinstance(law, Range) and law.size > 16]), uniforms)
def test_neighbours_in_a_long_range_lie_a_twentieth_and_a_fifth_of_the_law_away(law: Range, uniform: float) -> None:
    """Or at the end of the range, or one tick away: tolerance is the share of the law that one value has."""
    value = law.draw(np.array([uniform])).tolist()[0]
    for one in law.neighbours(value):
        ticks = round(abs(one - value) / law.step)
        distance = abs(law._quantile(one) - law._quantile(value))
        grain = max(abs(law._quantile(at + law.step) - law._quantile(at)) for at in (one, value))
        at_end = one in (law.low, law.high) and distance <= 0.2 + 2 * grain
        assert ticks == 1 or at_end or min(abs(distance - step) for step in (0.05, 0.2)) <= 2 * grain


@given(st.sampled_from([law for law in LAWS if isinstance(law, Range) and law.size > 1]))
def test_steps_reach_the_whole_range_from_anywhere(law: Range) -> None:
    """By the largest steps in one direction, in at most six."""
    for start, end, farthest in ((law.low, law.high, max), (law.high, law.low, min)):
        value, steps = start, 0
        while value != end:
            value, steps = farthest(law.neighbours(value)), steps + 1
        assert steps <= max(6, 15 if law.size <= 16 else 0)


@pytest.mark.parametrize(
    ("law", "value", "expected"),
    [
        (Choice((1, 2, 4, 8)), 4, [2, 8]),
        (Choice((8, 1, 4, 2)), 1, [2]),
        (Choice(("a", "b", "c")), "b", ["a", "c"]),
        (Uniform(1, 16), 1, [2]),
        (Uniform(1, 16), 7, [6, 8]),
        (Uniform(0, 999), 500, [300, 450, 550, 700]),
        (Uniform(3, 3), 3, []),
    ],
)
def test_neighbours_of_some_values(law: Dimension, value: Any, expected: list[Any]) -> None:
    assert law.neighbours(value) == expected


@pytest.mark.parametrize("size", [5, 100])
def test_a_dimension_that_says_nothing_of_neighbours_has_some(size: int) -> None:
    near = Opaque(size).neighbours(2)
    assert set(near) == ({0, 1, 3, 4} if size == 5 else {1, 3})


@pytest.mark.parametrize("spec", ["regnetx", "regnetx[w0=wa]", "anynetx-a", "anynetx-e", "nasbench201"])
def test_neighbours_of_a_point_differ_by_one_move_that_is_made_canonical(spec: str) -> None:
    space = make_space(spec)
    for candidate in space.sample(5):
        point, laws = candidate.params, space.dimensions
        moves = [
            space.canonical({**point, name: value})
            for name in space.distributions
            for value in laws[name].neighbours(point[name])
        ]
        near = space.neighbours(point)
        assert all(move in near for move in moves if move != point)
        assert all(one in moves for one in near)


def test_fixed_and_tied_parameters_do_not_move_by_themselves() -> None:
    space = make_space("regnetx[w0=wa,wm=2]")
    point = space.sample(1)[0].params
    for one in space.neighbours(point):
        assert one["wm"] == 2 and one["w0"] == one["wa"]


@pytest.mark.parametrize("spec", ["regnetx", "regnetx[wm=2,w0=wa]", "anynetx-c", "nasbench201"])
def test_a_draw_is_the_points_of_its_uniforms(spec: str) -> None:
    space = make_space(spec)
    drawn = space.draw(np.random.default_rng(5), 40)
    free = len(space.distributions)
    points = space.at(np.random.default_rng(5).random((free, 40)))
    assert {name: values.tolist() for name, values in drawn.items()} == {
        name: values.tolist() for name, values in points.items()
    }
