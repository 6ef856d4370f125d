"""The fit of a network by a quantised line: what is on a line is found there, what is off it is measured.

Source: Radosavovic et al. 2020, section 3.3 (e_fit).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import regnas
from regnas.errors import UsageError
from regnas.search_spaces.staged.fit.nearest import NearestLine, fit_line
from regnas.search_spaces.staged.line import block_widths, stages_of

Stages = tuple[list[int], list[int]]
Floats = npt.NDArray[np.float64]

eighths = st.integers(1, 128).map(lambda number: 8 * number)
networks = st.lists(st.tuples(st.integers(1, 16), eighths), min_size=1, max_size=5)


def _anynets(count: int, seed: int) -> list[Stages]:
    """Random networks of AnyNetX_A, whose widths rise and fall."""
    found = []
    for candidate in regnas.space("anynetx-a").sample(count, seed=seed):
        network = candidate.architecture.to_json()
        found.append((network["depths"], network["widths"]))
    return found


def _predicted(depth: int, w0: Floats, wa: Floats, wm: Floats) -> Floats:
    """Equations 2 to 4 for a real w0, ``(..., depth)``; no width is below 8."""
    line = w0[..., None] + wa[..., None] * np.arange(depth)
    levels = np.round(np.log(line / w0[..., None]) / np.log(wm[..., None]))
    return np.asarray(np.maximum(np.round(w0[..., None] * wm[..., None] ** levels / 8), 1) * 8)


def _distance(depths: list[int], widths: list[int], w0: Floats, wa: Floats, wm: Floats) -> Floats:
    """Mean over the blocks of |log(predicted / observed)|, for each line."""
    observed = np.repeat(np.array(widths, dtype=np.float64), depths)
    return np.asarray(np.abs(np.log(_predicted(len(observed), w0, wa, wm) / observed)).mean(axis=-1))


def test_a_regnet_is_on_its_line() -> None:
    """Widths before the compatibility step: these are the line's own."""
    space = regnas.space("regnetx", flops="1M:2M", resolution=28, classes=10)
    for candidate in space.sample(50):
        point = candidate.params
        depths, widths = stages_of(block_widths(int(point["depth"]), point["w0"], point["wa"], point["wm"]))
        assert fit_line(depths, widths).error < 0.01


def test_the_error_is_that_of_the_line_which_is_returned() -> None:
    """The mean over blocks, not over stages, of |log(predicted / observed)|."""
    for depths, widths in _anynets(30, seed=1):
        found = fit_line(depths, widths)
        line = (np.array(value) for value in (found.w0, found.wa, found.wm))
        assert found.error == pytest.approx(float(_distance(depths, widths, *line)), rel=1e-9)


def test_no_line_of_a_coarse_grid_is_nearer() -> None:
    """About 10,000 lines for each of 15 networks."""
    starts, slopes = np.geomspace(8, 1024, 29), np.concatenate([[0.0], np.geomspace(1, 256, 20)])
    grid = [axis.ravel() for axis in np.meshgrid(starts, slopes, np.geomspace(1.25, 4, 16), indexing="ij")]
    for depths, widths in _anynets(15, seed=2):
        assert fit_line(depths, widths).error <= _distance(depths, widths, *grid).min() + 0.03


@given(st.lists(st.integers(1, 16), min_size=1, max_size=3), eighths)
@settings(deadline=None, max_examples=30)
def test_a_network_of_one_width_is_fitted_exactly(depths: list[int], width: int) -> None:
    assert fit_line(depths, [width] * len(depths)).error == 0


def test_a_width_between_two_multiples_of_eight_is_off_by_the_nearer() -> None:
    """A line has multiples of 8 only: 24 for 20, as log(24 / 20) < log(20 / 16); never less than 8."""
    assert fit_line([3], [20]).error == pytest.approx(math.log(24 / 20))
    assert fit_line([3], [2]).error == pytest.approx(math.log(8 / 2))


@given(st.integers(1, 16), eighths, eighths)
@settings(deadline=None, max_examples=30)
def test_a_fall_costs_half_of_its_logarithm(depth: int, one: int, two: int) -> None:
    """A line never falls. For as many blocks of width a as of a lower width b, |log p/a| + |log q/b| with p <= q is
    at least log a/b, and p = q = a has it: the mean is half of that.
    """
    low, high = sorted((one, two))
    assert fit_line([depth, depth], [high, low]).error == pytest.approx(math.log(high / low) / 2, abs=1e-12)


@given(networks, st.integers(0, 4), st.integers(1, 15))
@settings(deadline=None, max_examples=25)
def test_only_the_widths_of_the_blocks_count(network: list[tuple[int, int]], place: int, first: int) -> None:
    """A stage that is cut in two of the same width is the same network to a fit."""
    place %= len(network)
    depth, width = network[place]
    first = min(first, depth)
    parts = [(part, width) for part in (first, depth - first) if part]
    cut = [*network[:place], *parts, *network[place + 1 :]]
    whole, halves = ([list(column) for column in zip(*one, strict=True)] for one in (network, cut))
    assert fit_line(*whole) == fit_line(*halves)


@given(networks)
@settings(deadline=None, max_examples=25)
def test_a_fit_is_a_line_of_regnets_parameters(network: list[tuple[int, int]]) -> None:
    depths, widths = ([pair[column] for pair in network] for column in (0, 1))
    found = fit_line(depths, widths)
    assert isinstance(found, NearestLine)
    assert found.w0 > 0 and found.wa >= 0 and 1.25 - 1e-9 <= found.wm <= 4 + 1e-9
    # A constant width is a line too, best at the median. Lines are ranked before they are rounded to 8 channels, so
    # one that is a little worse may be found.
    blocks = np.repeat(np.array(widths, dtype=np.float64), depths)
    constants = np.abs(np.log(np.unique(blocks)[:, None] / blocks)).mean(axis=1)
    assert 0 <= found.error <= constants.min() + 0.001


@pytest.mark.parametrize("depth", [2, 4, 8, 12, 16, 40])
def test_a_straight_line_is_a_quarter_of_a_level_off_at_most(depth: int) -> None:
    """w_j = 48 (j + 1), a stage for each block. Quantised with the smallest ratio of levels, 1.25, a block is half a
    level off at most and a quarter of one on average.
    """
    found = fit_line([1] * depth, [48 * (block + 1) for block in range(depth)])
    assert found.error < math.log(1.25) / 4
    assert found.error > 0 or depth == 2  # two widths are on many lines


@pytest.mark.parametrize(
    ("depths", "widths"),
    [([], []), ([1], []), ([], [8]), ([1, 2], [8]), ([1], [8, 16]), ([0, 1], [8, 8]), ([1], [0]), ([-1], [8])],
    ids=str,
)
def test_what_is_no_network_is_refused_with_its_numbers(depths: list[int], widths: list[int]) -> None:
    with pytest.raises(UsageError) as error:
        fit_line(depths, widths)
    assert str(error.value) == f"a fit needs a whole depth and width from 1 per stage, got {depths} and {widths}"
