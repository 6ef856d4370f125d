"""What strategies share that find one network before the first candidate: it is the first trial, and random candidates
follow, to be compared with.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.fit import FitContext, Fitted
from regnas.objective import error_of
from regnas.sampler import Feedback, Origin
from regnas.sampling.batch import Params
from regnas.strategies.sampling.feedback import PROPOSAL
from regnas.strategies.sampling.joint import ProposesWhole

if TYPE_CHECKING:
    from optuna.study import Study

PARAMS = "params"  # of the facts of a fit: the parameters of the space that it chose
SAID = "said"  # of the facts of a fit: a sentence for the end of a search
_LEVELS = 16  # values of a parameter that a fit leaves free
_MOST = 10_000  # combinations of these


class ProposesFitted(ProposesWhole):
    """An inner sampler that proposes what its fit found, once, and then nothing: random candidates follow.

    A fit says among its facts, as `PARAMS`, the parameters of the space that it chose. The others, such as the width
    and the number of cells, are those of the largest network inside the window.

    Args:
        name: of the strategy.
    """

    def __init__(self, space: Space, name: str) -> None:
        super().__init__(space)
        self._name = name
        self._found: Fitted | None = None
        self._point: Params | None = None

    @property
    @abstractmethod
    def fit_settings(self) -> Mapping[str, Any]:
        """As of `regnas.fit.SupportsFit`."""

    @abstractmethod
    def check_fit(self, images: int) -> None:
        """As of `regnas.fit.SupportsFit`."""

    @abstractmethod
    def fit(self, context: FitContext) -> Fitted | None:
        """As of `regnas.fit.SupportsFit`."""

    def take_fit(self, found: Fitted, folder: Path) -> None:
        self._found = found
        self._point = largest(self._space, found.facts[PARAMS])

    def rekey(self, seed: int) -> None:
        """Nothing here is random."""

    def record(self) -> Any:
        return {"fitted": True}

    def hear(self, feedback: Feedback) -> None:
        """Nothing: results change no proposal."""

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """What the fit found, unless a trial is of it already.

        Raises:
            UsageError: there is no fit.
        """
        if self._point is None:
            raise UsageError(
                f"strategy {self._name} trains a network of its own before it proposes one, which regnas search does; "
                f"a benchmark and a study of Optuna's do not"
            )
        if any(_is_fitted(one) for one in study.get_trials(deepcopy=False)):
            return {}
        return {name: self._point[name] for name in search_space}

    def remarks(self, study: Study) -> list[str]:
        """What was found, after how long, and what random search found in its time."""
        if self._found is None:
            return []
        said = [str(self._found.facts[SAID])] if SAID in self._found.facts else []
        done = [one for one in study.get_trials(deepcopy=False) if one.state == TrialState.COMPLETE]
        own = [one for one in done if _is_fitted(one)]
        search = short_of(self._found.seconds)
        if not own:
            return [*said, f"{self._name}: the network found after {search} of search was not trained to its end"]
        trained = short_of(own[0].user_attrs.get("seconds", 0.0))
        line = f"{self._name}: {_error(own[0]):.2%} after {search} of search and {trained} of training"
        if (others := [one for one in done if _origin(one) == Origin.STREAM.value]) != []:
            spent = short_of(sum(one.user_attrs.get("seconds", 0.0) for one in others))
            best = min(map(_error, others))
            line += f"; random search for {spent}: best of {len(others)}, {best:.2%}"
        if _origin(own[0]) != Origin.OWN.value:
            line += "; what was found lies outside the window or was there already: the nearest network was trained"
        return [*said, line]


def largest(space: Space, chosen: Mapping[str, Any]) -> Params:
    """The point with these parameters that has the most multiply-adds inside the window; one outside of it where none
    lies inside.
    """
    rest, count = [name for name in space.free if name not in chosen], _LEVELS
    while math.prod(min(count, space.free[name].size) for name in rest) > _MOST and count > 1:
        count //= 2
    levels = [space.free[name].levels(count) for name in rest]
    points = [space.canonical({**chosen, **dict(zip(rest, values, strict=True))}) for values in product(*levels)]
    inside = [one for one in map(space.judge, points) if one is not None]
    return max(inside, key=_flops).params if inside else points[0]


def _flops(one: Candidate) -> float:
    return float(one.complexity.get("flops", 0))


def short_of(seconds: float) -> str:
    """A time in words: ``12.3 s``, ``4.0 min``."""
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.1f} min"


def _is_fitted(trial: FrozenTrial) -> bool:
    stored = trial.system_attrs.get(PROPOSAL, {})
    return bool((stored.get("record") or {}).get("fitted")) if isinstance(stored, Mapping) else False


def _origin(trial: FrozenTrial) -> str:
    return str(trial.system_attrs.get(PROPOSAL, {}).get("origin", ""))


def _error(trial: FrozenTrial) -> float:
    return error_of(trial) or 0.0
