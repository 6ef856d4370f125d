"""PNAS: networks that grow part by part, those of the next size chosen by a predictor that has never seen that size.

Source: Liu et al. 2018 (arXiv 1712.00559), algorithm 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import islice, product
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.errors import InfeasibleWindow, UsageError
from regnas.growth import SupportsGrowth, sizes_of
from regnas.sampler import Feedback
from regnas.sampling import keyed
from regnas.sampling.batch import Columns, Params
from regnas.sampling.screening import Tally, screen
from regnas.statistics.rank_correlation import kendall, kendall_bootstrap, percentiles
from regnas.strategies.models.decisions import Decisions
from regnas.strategies.models.small_networks import SmallNetworks
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategies.sampling.feedback import PROPOSAL
from regnas.strategies.sampling.joint import ProposesWhole
from regnas.strategies.sampling.told import told
from regnas.strategy import WARM, own_options

if TYPE_CHECKING:
    from optuna.study import Study

KNOWN: dict[str, Any] = {"first": 20, "keep": 20, "pool": 500, "predictor": "mlp", "bins": 16, "paper": ""}
PAPERS: Mapping[str, Mapping[str, Any]] = {"pnas": {"first": 256, "keep": 256, "pool": 200_000}}
_REPEATS = 1_000  # samples of an interval
_LEAST = {"first": 2, "keep": 1, "pool": 1, "bins": 2}


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """Progressive search inside the window, on a space of networks that grow (``growing:pnas``).

    Options:
        first: networks of the smallest size, or all that there are where these are fewer.
        keep: networks of every further size; the largest size gets the rest of the budget, and the predictor is
            fitted anew after so many of them.
        pool: networks of a size that are predicted, of which the best are kept; all extensions where they are fewer.
        predictor: ``mlp`` or ``lstm``.
        bins: values that a parameter with more of them is predicted from.
        paper: ``pnas``: all of the smallest, 256 of each further size, all extensions up to 200,000.

    Raises:
        UsageError: a space of networks of one size, an unknown paper, or an option that makes no sense.
    """
    chosen = own_options(options, "pnas", KNOWN, _LEAST)
    paper = chosen.pop("paper")
    if paper not in ("", *PAPERS):
        raise UsageError(f"paper of strategy pnas is one of {', '.join(PAPERS)}, got {paper!r}")
    chosen |= {name: value for name, value in PAPERS.get(paper, {}).items() if name not in options}
    inner = Progressive(space, chosen, seed=seed)
    return FeasibleSampler(space, inner, seed=seed, duplicates=options.get("duplicates", "reject"), max_tries=16)


class Progressive(ProposesWhole):
    """The inner sampler: blocks of trials, each of one size. What a block proposes is a function of the seed and of the
    results of the blocks before, so a search that goes on proposes what it would have.

    Raises:
        UsageError: the networks of the space have one size.
    """

    def __init__(self, space: Space, options: Mapping[str, Any], *, seed: int) -> None:
        super().__init__(space)
        self.sizes = sizes_of(space)
        if len(self.sizes) < 2 or not isinstance(space, SupportsGrowth):
            raise UsageError(
                f"pnas grows networks part by part, and those of {space.spec} have one size; search growing:pnas, "
                f"growing:darts, growing:anynetx-a or another growing:SPACE, or chain"
            )
        self._size = space.size_name
        self._options, self._seed = options, seed
        self._decisions = Decisions(space, options["bins"])
        self._model = SmallNetworks(options["predictor"], self._decisions.names, self._decisions.sizes, seed)
        self._first = self._smallest()
        self._networks: dict[int, Candidate | None] = {}  # by number of the trial
        self._block, self._ranked = -1, list[tuple[Candidate, float]]()
        self.rekey(0)

    @property
    def least_budget(self) -> int:
        """Evaluations of the first level, below which nothing is predicted."""
        return len(self._first)

    def rekey(self, seed: int) -> None:
        self._asked = 0
        self._latest: dict[str, Any] = {}

    def record(self) -> Any:
        return self._latest

    def hear(self, feedback: Feedback) -> None:
        """Nothing: results are read with the study, block by block."""

    # --- levels ---------------------------------------------------------------------------------------------

    def _smallest(self) -> list[Candidate]:
        """The networks of the first level."""
        smallest = self._space.derive({self._size: str(self.sizes[0])}).stream(seed=self._seed)
        found: list[Candidate] = []
        try:
            found.extend(islice(smallest, self._options["first"]))
        except InfeasibleWindow:
            if not found:
                raise
        return found

    def _place(self, position: int) -> tuple[int, int]:
        """Of the trial at a position, the level from 0 and where its block of trials begins."""
        if position < len(self._first):
            return 0, 0
        block = (position - len(self._first)) // self._options["keep"]
        return min(1 + block, len(self.sizes) - 1), len(self._first) + block * self._options["keep"]

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        own, others = self._trials(study, trial.number)
        level, begin = self._place(len(own))
        if level == 0:
            ranked = [(one, math.nan) for one in self._first]
        else:
            if begin != self._block:
                self._ranked, self._block = self._rank(study, [*others, *own[:begin]], level, begin), begin
            ranked = self._ranked
        seen = {self._key(one) for one in own}
        new = [(one, error) for one, error in ranked if one.architecture.key() not in seen]
        if self._asked >= len(new):
            return {}
        chosen, error = new[self._asked]
        self._asked += 1  # asked again, it says the next best
        unseen = level > 0 and begin == len(self._first) + (level - 1) * self._options["keep"]
        self._latest = {"size": self.sizes[level], **({"predicted": error} if unseen else {})}
        params = self._space.canonical(chosen.params)
        return {name: params[name] for name in search_space}

    def _trials(self, study: Study, but: int) -> tuple[list[FrozenTrial], list[FrozenTrial]]:
        """The trials of networks of the space that have not failed, by their numbers, and those of other studies."""
        found = [one for one in study.get_trials(deepcopy=False) if one.number != but and self._network(one)]
        alive = [one for one in found if one.state != TrialState.FAIL]
        return [one for one in alive if WARM not in one.user_attrs], [one for one in alive if WARM in one.user_attrs]

    def _network(self, trial: FrozenTrial) -> Candidate | None:
        if trial.number not in self._networks:
            point = self._space.read(trial.params) if trial.params else None
            if point is None:
                return None  # it has no candidate yet
            self._networks[trial.number] = self._space.judge(point)
        return self._networks[trial.number]

    def _key(self, trial: FrozenTrial) -> str:
        network = self._network(trial)
        return "" if network is None else network.architecture.key()

    # --- predictions ----------------------------------------------------------------------------------------

    def _rank(
        self, study: Study, trials: Sequence[FrozenTrial], level: int, begin: int
    ) -> list[tuple[Candidate, float]]:
        """Extensions of the networks of the size before, with predicted errors, the best first."""
        done = [one for one in trials if one.value is not None and one.state == TrialState.COMPLETE]
        networks = [found for one in done if (found := self._network(one)) is not None]
        parents = [one for one in networks if one.params[self._size] == self.sizes[level - 1]]
        children = self._grown(parents, self.sizes[level], keyed.integer("grown", self._seed, begin))
        if not children or len(networks) < 2:
            return []
        sign = 1 if study.direction == StudyDirection.MINIMIZE else -1
        errors = np.array([told(one, sign * (one.value or 0.0)) for one in done])
        tokens, taken = self._rows(networks)
        self._model.fit(tokens, taken, errors)
        predicted = self._model.predict(*self._rows(children))
        order = np.argsort(predicted, kind="stable").tolist()
        return [(children[place], float(predicted[place])) for place in order]

    def _rows(self, networks: Sequence[Candidate]) -> Any:
        rows = [self._decisions.tokens(self._space.canonical(one.params)) for one in networks]
        return np.stack([tokens for tokens, _ in rows]), np.stack([taken for _, taken in rows])

    def _grown(self, parents: Sequence[Candidate], size: int, seed: int) -> list[Candidate]:
        """Networks inside the window with one part more than a parent, each once; all of them where these are few."""
        if not parents:
            return []
        larger = [self._space.canonical({**one.params, self._size: size}) for one in parents]
        new = [name for name in self._space.active(larger[0]) if name not in self._space.active(parents[0].params)]
        new = [name for name in new if name in self._space.free]
        values = [self._space.free[name].levels(self._options["bins"]) for name in new]
        rng = keyed.generator("pool", seed)
        whole, pool = math.prod(map(len, values)), self._options["pool"]
        points: list[Params] = []
        if whole * len(parents) <= pool:
            parts = list(product(*values))
            points = [{**point, **dict(zip(new, part, strict=True))} for point in larger for part in parts]
        else:
            for _ in range(pool):
                drawn = {name: law[int(rng.integers(len(law)))] for name, law in zip(new, values, strict=True)}
                points.append({**larger[int(rng.integers(len(larger)))], **drawn})
        return self._inside(points)

    def _inside(self, points: Sequence[Params]) -> list[Candidate]:
        """Those of some points that the space and its window admit, mirrored ones once."""
        kinds = {name: law.draw(np.zeros(1)).dtype for name, law in self._space.dimensions.items()}
        kinds |= {name: kinds[source] for name, source in self._space.ties}
        columns: Columns = {name: np.array([one[name] for one in points], dtype=kinds[name]) for name in points[0]}
        found: dict[str, Candidate] = {}
        for _, one in screen(self._space, self._space.ordered_columns(columns), Tally()):
            found.setdefault(one.architecture.key(), one)
        return list(found.values())

    # --- what it says ---------------------------------------------------------------------------------------

    def remarks(self, study: Study) -> list[str]:
        """Level by level, how well the predictor ordered the networks of a size that it had never seen."""
        pairs: dict[int, list[tuple[float, float]]] = {}
        for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
            stored = trial.system_attrs.get(PROPOSAL, {})
            said = (stored.get("record") or {}) if stored.get("origin") == "own" else {}
            if "predicted" in said and trial.value is not None:
                sign = 1 if study.direction == StudyDirection.MINIMIZE else -1
                pairs.setdefault(said["size"], []).append((said["predicted"], sign * trial.value))
        lines = []
        for size, found in sorted(pairs.items()):
            if len(found) >= 3:
                columns = [np.array(column) for column in zip(*found, strict=True)]
                draws = kendall_bootstrap(*columns, repeats=_REPEATS, rng=np.random.default_rng(size))
                tau = percentiles(kendall(*columns), draws)
                lines.append(
                    f"pnas: of {len(found)} networks of size {size}, a size the predictor had never seen, it ordered "
                    f"the errors with tau {tau.estimate:+.2f} [{tau.low:+.2f}, {tau.high:+.2f}]"
                )
        return lines
