"""Local search: hill climbing by single changes (White et al. 2020, arXiv 2005.02960, algorithm 1)."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.sampling import keyed
from regnas.sampling.batch import Params
from regnas.sampling.moves import into_window
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategies.sampling.joint import ProposesWhole
from regnas.strategies.sampling.told import told
from regnas.strategy import own_options
from regnas.system.optuna_internals import set_trial_system_attribute

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.study import Study

RESTARTS = ("best", "random")
# What a trial notes of its climb, so that a search goes on where it was: the climb, and the point it is a neighbour of.
_CLIMB, _BASE = "local-search:climb", "local-search:base"


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """Hill climbing inside the window.

    Options:
        init: random candidates before the first climb, which starts from the best of them.
        greedy: move to the first neighbour that is better; false evaluates all neighbours and moves to the best.
        restart: what follows a local optimum: ``best`` goes on from the best point that has neighbours left;
            ``random`` climbs from a new random candidate, as in the paper, and found less on NAS-Bench-201's CIFAR-100.
    """
    chosen = own_options(options, "local-search", {"init": 10, "greedy": True, "restart": "best"})
    inner = LocalSearch(space, seed=seed, **chosen)
    duplicates = options.get("duplicates", "reject")
    return FeasibleSampler(space, inner, seed=seed, duplicates=duplicates, max_tries=256)


@dataclass(order=True)
class Point:
    """An evaluated candidate; the better of two comes first."""

    value: float
    number: int
    params: Params = field(compare=False)
    neighbours: Iterator[Params] | None = field(default=None, compare=False)


class LocalSearch(ProposesWhole):
    """The inner sampler: proposes the neighbours of the best point of a climb, in an order shuffled by the seed.

    A climb is a set of evaluated points, and its best one is where it stands. With restarts at the best there is one
    climb; with random restarts every new random candidate begins one, and an older climb that can go on does so
    first. A neighbour outside the window is replaced by the nearest point inside that keeps the change, if there is
    one (`regnas.sampling.moves`). Where no climb can go on, the sampler has no opinion.

    Raises:
        UsageError: no first candidate, or another restart than `RESTARTS`.
    """

    def __init__(self, space: Space, *, seed: int, init: int, greedy: bool, restart: str) -> None:
        if init < 1:
            raise UsageError(f"local-search needs init, its first random candidates, to be at least 1; got {init}")
        if restart not in RESTARTS:
            raise UsageError(f"restart of local-search is one of {', '.join(RESTARTS)}; got {restart!r}")
        super().__init__(space)
        self._seed = seed
        self._init = init
        self._greedy = greedy
        self._restart = restart
        self._begun: set[int] = set()  # numbers of all trials that have parameters
        self._asked: set[str] = set()  # keys of their architectures
        self._climbs: dict[int, list[Point]] = {}  # heaps
        self._stands: dict[int, Point] = {}  # where a climb stands that moves only when it has seen all neighbours
        self._points: dict[int, Point] = {}
        self._started = False

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        self._read_once(study, but=trial.number)
        random = len(self._begun - {trial.number}) < self._init
        found = None if random else self._next()
        self._begun.add(trial.number)
        climb = 0 if random or self._restart == "best" else trial.number
        if found is None:
            _note(study, trial, climb, -1)
            return {}
        climb, base, params = found
        _note(study, trial, climb, base)
        return {name: params[name] for name in search_space}

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._read_once(study, but=trial.number)
        self._learn(study, trial, values[0] if state == TrialState.COMPLETE and values else None)

    # --- what is known --------------------------------------------------------------------------------------

    def _read_once(self, study: Study, but: int) -> None:
        """On resume, rebuild the climbs from the study: once, so that a trial costs the same for ever."""
        if self._started:
            return
        self._started = True
        for trial in study.get_trials(deepcopy=False):
            if trial.number != but:
                complete = trial.state == TrialState.COMPLETE
                self._learn(study, trial, trial.value if complete else None)
        for trial in study.get_trials(deepcopy=False):  # the last neighbour asked for is of where a climb stands
            base = self._points.get(trial.system_attrs.get(_BASE, -1))
            if base is not None:
                self._stands[trial.system_attrs[_CLIMB]] = base

    def _learn(self, study: Study, trial: FrozenTrial, value: float | None) -> None:
        """Take up a trial; without a value (it runs, failed or was pruned) it is only not asked for again."""
        params = self._space.read(trial.params)
        candidate = None if params is None else self._space.judge(params)
        if params is None or candidate is None:
            return
        self._begun.add(trial.number)
        self._asked.add(candidate.architecture.key())
        if value is None:
            return
        if_minimised = told(trial, value) if study.direction == StudyDirection.MINIMIZE else -value
        point = Point(if_minimised, trial.number, params)
        self._points[trial.number] = point
        heapq.heappush(self._climbs.setdefault(trial.system_attrs.get(_CLIMB, 0), []), point)

    # --- climbing -------------------------------------------------------------------------------------------

    def _next(self) -> tuple[int, int, Params] | None:
        """The next neighbour: its climb, the number of the point that it belongs to, and its parameters."""
        for climb in sorted(self._climbs):
            found = self._step(climb)
            if found is not None:
                point, params = found
                self._stands[climb] = point
                return climb, point.number, params
        return None

    def _step(self, climb: int) -> tuple[Point, Params] | None:
        stands = self._stands.get(climb)
        if not self._greedy and stands is not None and (params := self._neighbour(stands)) is not None:
            return stands, params
        points = self._climbs[climb]
        while points:
            params = self._neighbour(points[0])
            if params is not None:
                return points[0], params
            if self._restart == "random":
                return None  # a local optimum, until one of its neighbours in flight proves better
            heapq.heappop(points)
        return None

    def _neighbour(self, point: Point) -> Params | None:
        """The next neighbour of a point that nobody asked for; it counts as asked for from here on."""
        if point.neighbours is None:
            point.neighbours = self._neighbours(point.params)
        for params in point.neighbours:
            candidate = self._space.judge(params)
            if candidate is not None and (key := candidate.architecture.key()) not in self._asked:
                self._asked.add(key)
                return params
        return None

    def _neighbours(self, params: Params) -> Iterator[Params]:
        """All neighbours in the point's own order: those inside the window, then those that had to be repaired."""
        near = self._space.neighbours(params)
        rng = keyed.generator("local-search", self._seed, repr(params))
        outside = []
        for at in rng.permutation(len(near)).tolist():
            if self._space.judge(near[at]) is not None:
                yield near[at]
            else:
                outside.append(near[at])
        for one in outside:
            changed = [name for name in one if one[name] != params[name]]
            # What was asked for is skipped later: here it would make the neighbours another list after resuming.
            inside = into_window(self._space, one, rng, keep=changed)
            if inside is not None and inside.params != params:
                yield inside.params


def _note(study: Study, trial: FrozenTrial, climb: int, base: int) -> None:
    # As Optuna's own samplers keep their state: in the trial's system attributes.
    set_trial_system_attribute(study, trial, _CLIMB, climb)
    set_trial_system_attribute(study, trial, _BASE, base)
