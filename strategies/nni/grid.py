"""NNI's grid tuner: a coarse grid, then finer ones, each in the order of counting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from regnas.design_space import Space
from regnas.errors import InfeasibleWindow
from regnas.hosts.nni.importing import load
from regnas.hosts.nni.json_space import search_space_json
from regnas.sampling.batch import Columns
from regnas.sampling.stream import Stream, Tally
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategy import own_options

# Points that are made before they are judged: NNI takes a tenth of a millisecond for one.
_AT_ONCE = 512


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """Every point of NNI's grids that is a new network inside the window, in NNI's order; the seed does not matter."""
    own_options(options, "nni-grid", {})
    duplicates = options.get("duplicates", "reject")
    points = TunerPoints(space, again=duplicates != "reject")
    stream = Stream(space, seed=seed, duplicates=duplicates, points=points, tally=points.tally)
    return FeasibleSampler(space, seed=seed, duplicates=duplicates, stream=stream)


class TunerPoints:
    """The points of NNI's grid tuner, some at a time: it knows no window, so the stream leaves out what lies outside.

    Args:
        again: whether the grids start over at their end.
    """

    def __init__(self, space: Space, *, again: bool = False) -> None:
        self._space = space
        self._again = again
        self._used_up: type[Exception] = load("nni").NoMoreTrialError
        self._laws = space.free
        self._tuner = self._new()
        self.tally = Tally()

    def _new(self) -> Any:
        tuner = load("nni.algorithms.hpo.gridsearch_tuner").GridSearchTuner()
        tuner.update_search_space(search_space_json(self._space))
        return tuner

    def __call__(self, count: int) -> Columns:
        """The next points, at most ``count``, fewer at the end.

        Raises:
            InfeasibleWindow: there are no more.
        """
        points = self._some(count)
        if not points and self._again and self.tally.accepted:
            self._tuner = self._new()
            points = self._some(count)
        if not points:
            raise self._exhausted()
        columns = self._space.at(np.zeros((len(self._laws), len(points))))  # what is fixed
        for name, law in self._laws.items():
            columns[name] = np.array([law.snap(point[name]) for point in points], dtype=columns[name].dtype)
        return {**columns, **{name: columns[source] for name, source in self._space.ties}}

    def _some(self, count: int) -> list[dict[str, Any]]:
        points: list[dict[str, Any]] = []
        while len(points) < min(count, _AT_ONCE):
            try:
                points.append(self._tuner.generate_parameters(0))
            except self._used_up:
                break
        return points

    def _exhausted(self) -> InfeasibleWindow:
        space, found = self._space, self.tally.accepted - self.tally.repeats
        inside = "" if space.window.open else f" inside {space.window}"
        return InfeasibleWindow(
            f"all {self.tally.drawn:,} points of NNI's grids of {space.spec} at {space.resolution} px are visited: "
            f"{found:,} are different networks{inside}; ask for fewer, widen the window, or start over with "
            f"--duplicates allow"
        )
