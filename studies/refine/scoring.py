"""What proposals promise: estimated on networks that did not choose their values, by cross-fitting.

The networks that propose are split in two, several times. One half chooses ranges and values; on the other the error is
regressed on how far a network is from the child. Where no network lies in a child (a tie of four stages), the line is
followed to distance 0: an extrapolation, which is why nothing is accepted that was not tested.

Source: sample splitting as in Cox 1975; both halves in turn as in Chernozhukov et al. 2018 (arXiv 1608.00060), s. 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from regnas.design_space import Space
from regnas.sampling import keyed
from regnas.statistics.arrays import Floats
from regnas.studies.refine.changes import Change, distances
from regnas.studies.refine.law import decades, freedom
from regnas.studies.refine.models import Model
from regnas.studies.refine.proposals import changing, proposals

_SPLITS = 5
LEAST = 12  # networks below which nothing is proposed
CLEAR = 2.0  # standard errors from which a gain is one that is worth a test of its own


@dataclass(frozen=True)
class Scored:
    """A proposal with what it promises.

    Attributes:
        gain: mean error of the parent minus that of the child, estimated; a fraction.
        error: its standard error.
        inside: networks that propose and lie in the child.
        freedom: parameters that the change takes away.
        decades: of the number of points, likewise.
        chance: that the child is no worse by the margin, by the estimate alone.
    """

    change: Change
    gain: float
    error: float
    inside: int
    freedom: int
    decades: float
    chance: float

    @property
    def clear(self) -> bool:
        """Whether it promises a better space, not just a simpler one."""
        return self.gain > CLEAR * self.error

    @property
    def aimed(self) -> float | None:
        """The gain that its test is planned to see: one standard error below what it promises; None for no loss."""
        if self.clear:
            return self.gain - self.error
        return None if self.simpler else 0.0

    @property
    def simpler(self) -> bool:
        """Whether the child has fewer parameters or points, and not more of either."""
        return simpler(self.freedom, self.decades)

    @property
    def rank(self) -> tuple[int, float]:
        """Smaller is tried earlier: better spaces by what they surely gain, then simpler ones by what they drop."""
        return (
            (0, CLEAR * self.error - self.gain) if self.clear else (1, -self.chance * (self.decades + self.freedom / 4))
        )

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {**asdict(self), "change": self.change.to_json(), "clear": self.clear}


def simpler(freedom_dropped: int, decades_dropped: float) -> bool:
    """Whether a child that has so many parameters and decades of points fewer is simpler than its parent."""
    return freedom_dropped >= 0 and decades_dropped > -1e-9 and (freedom_dropped > 0 or decades_dropped > 1e-9)


def adjusted(models: Sequence[Model], complexity: str) -> Floats:
    """``(n,)``: errors of networks, less what their complexity explains on a line of its logarithm."""
    errors = np.array([one.error for one in models])
    covariates = _covariates(models, complexity)
    return np.asarray(errors - covariates @ np.linalg.lstsq(covariates, errors, rcond=None)[0])


def score(
    space: Space,
    models: Sequence[Model],
    *,
    complexity: str,
    margin: float,
    accepted: Sequence[tuple[Change, Space]] = (),
    seed: int = 0,
) -> list[Scored]:
    """All proposals of a space, the most promising first; none where there are fewer than `LEAST` networks.

    Args:
        models: that propose; of this space or of those before it in the chain.
        accepted: changes that led to this space, with their parents: how far a network is from each is a covariate.
        seed: of splits and bootstraps.
    """
    names = set(space.free)
    known = [one for one in models if names <= one.params.keys()]
    if len(known) < LEAST:
        return []
    rng = keyed.generator("refine propose", seed, space.spec, len(known))
    covariates = np.hstack([_covariates(known, complexity), _steps(known, accepted)])
    final = changing(space, proposals(space, known, adjusted(known, complexity), rng))
    far: dict[Change, Floats] = {}
    errors = np.array([one.error for one in known])
    gains: dict[str, list[tuple[float, float]]] = {key: [] for key in final}
    for chooses, tells in _halves(len(known), rng):
        half = [known[place] for place in chooses]
        found = proposals(space, half, adjusted(half, complexity), rng)
        for key in [key for key in final if key in found]:
            change = found[key]
            if change not in far:
                far[change] = distances(change, known, space)
            said = _promised(far[change][tells], errors[tells], covariates[tells])
            if said is not None:
                gains[key].append(said)
    inside = {key: int((distances(one, known, space) <= 1e-12).sum()) for key, one in final.items()}
    told = [(key, said) for key, said in gains.items() if len(said) >= _SPLITS]
    made = [_scored(final[key], said, space, inside[key], margin) for key, said in told]
    return sorted(made, key=lambda one: (one.rank, one.change.key))


def _covariates(models: Sequence[Model], complexity: str) -> Floats:
    costs = np.array([max(one.cost(complexity), 1.0) for one in models])
    return np.stack([np.ones(len(models)), np.log(costs)], axis=1)[:, : 1 + bool(np.ptp(costs) > 0)]


def _steps(models: Sequence[Model], accepted: Sequence[tuple[Change, Space]]) -> Floats:
    """``(n, steps)``: how far each network is from what was accepted before."""
    columns = [distances(change, models, parent) for change, parent in accepted]
    known = [column for column in columns if np.isfinite(column).all() and np.ptp(column) > 0]
    return np.stack(known, axis=1) if known else np.empty((len(models), 0))


def _halves(count: int, rng: np.random.Generator) -> Iterator[tuple[list[int], list[int]]]:
    """Places of both halves, in both roles, of every split."""
    for _ in range(_SPLITS):
        order = rng.permutation(count).tolist()
        one, other = sorted(order[: count // 2]), sorted(order[count // 2 :])
        yield one, other
        yield other, one


def _promised(far: Floats, errors: Floats, covariates: Floats) -> tuple[float, float] | None:
    """Gain and its standard error on networks that did not choose the change; None where they cannot tell."""
    if not np.isfinite(far).all() or np.ptp(far) < 1e-12:
        return None
    table = np.hstack([covariates, far[:, None]])
    found, _, rank, _ = np.linalg.lstsq(table, errors, rcond=None)
    freedom_left = len(errors) - table.shape[1]
    if rank < table.shape[1] or freedom_left < 2:
        return None
    spread = float(((errors - table @ found) ** 2).sum()) / freedom_left
    variance = spread * float(np.linalg.inv(table.T @ table)[-1, -1])
    reach = float(far.mean())
    return float(found[-1]) * reach, math.sqrt(max(variance, 0.0)) * reach


def _scored(change: Change, said: Sequence[tuple[float, float]], space: Space, inside: int, margin: float) -> Scored:
    gains, errors = np.array(said).T
    # The two halves of a split are independent; further splits are of the same networks and make nothing surer.
    gain, error = float(gains.mean()), float(np.sqrt((errors**2).mean() / 2))
    child = change.apply(space)
    return Scored(
        change=change,
        gain=gain,
        error=error,
        inside=inside,
        freedom=freedom(space) - freedom(child),
        decades=decades(space) - decades(child),
        chance=float(ndtr((margin + gain) / error)) if error > 0 else 1.0,
    )


def as_own(change: Change, space: Space) -> Scored:
    """A person's own change: nothing is promised, and what it simplifies is counted.

    Raises:
        UsageError: as `Change.apply`.
    """
    child = change.apply(space)
    dropped = freedom(space) - freedom(child), decades(space) - decades(child)
    return Scored(change, 0.0, math.inf, 0, *dropped, chance=0.5)


def listed(scores: Sequence[Scored], count: int = 10) -> list[Mapping[str, Any]]:
    """The most promising proposals as JSON values."""
    return [one.to_json() for one in scores[:count]]
