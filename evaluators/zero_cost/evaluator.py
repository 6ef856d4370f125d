"""The evaluator ``zero-cost``: scores networks as they are built, without training."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch

from regnas.architecture import Architecture
from regnas.dataset import DataSet, Split, SupportsCounts, SupportsRemarks, make_dataset
from regnas.errors import DataError, UsageError
from regnas.evaluator import Context, Result, Task
from regnas.evaluators.training.batches import Batches, checked, statistics
from regnas.evaluators.training.devices import seeded, settle
from regnas.evaluators.zero_cost.parts import NoScore
from regnas.evaluators.zero_cost.scores import SCORES, Batch, Found, error_of, in_order, mean_of, score_all
from regnas.measure import BUILT_IN
from regnas.metric import Metric
from regnas.sampling import keyed

ALL = "all"
IMAGES = ("data", "noise")
_LARGEST = {"batch": 4096, "inits": 100, "repeats": 1000, "draw": 1_000_000}


@dataclass(frozen=True)
class Scoring:
    """What is scored, and on what.

    Attributes:
        score: what a search maximises.
        beside: further scores of the same pass: names joined by ``+``, or ``all``.
        batch: images of the one batch; scores are compared at one size alone.
        images: ``data``, training images drawn once for all networks, or ``noise``, standard normal with random labels.
        draw: which batch: another number, other images.
        inits: starting weights that a score is the mean over.
        repeats: draws of zen for each of them.

    Raises:
        UsageError: an unknown score or kind of images, or a number out of range.
    """

    score: str
    beside: str = ""
    batch: int = 64
    images: str = "data"
    draw: int = 0
    inits: int = 1
    repeats: int = 4

    def __post_init__(self) -> None:
        for name in (self.score, *self._beside):
            if name not in SCORES:
                raise UsageError(f"the scores of zero-cost are {', '.join(SCORES)}, got {name!r}")
        if self.images not in IMAGES:
            raise UsageError(f"images of zero-cost are {' or '.join(IMAGES)}, got {self.images!r}")
        for name, high in _LARGEST.items():
            low = {"batch": 2, "draw": 0}.get(name, 1)
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise UsageError(f"{name} of zero-cost is a whole number from {low} to {high:,}, got {value!r}")

    @property
    def _beside(self) -> tuple[str, ...]:
        if self.beside == ALL:
            return SCORES
        return tuple(name.strip() for name in self.beside.split("+")) if self.beside else ()

    @property
    def wanted(self) -> tuple[str, ...]:
        """Every score that is taken, each once."""
        return tuple(in_order((self.score, *self._beside)))


@dataclass(frozen=True, eq=False)
class ZeroCostEvaluator:
    """Scores networks: a high score promises a good network, and every score is a metric that is to be maximised.

    The error of a result is no share of images: it is `regnas.evaluators.zero_cost.scores.error_of` the score, which
    falls where the score rises, so that whatever minimises errors maximises the score. Order is all it keeps.

    Attributes:
        data: gives the images, their size and the classes.
    """

    data: DataSet
    scoring: Scoring
    _loaded: dict[torch.device, Batch] = field(default_factory=dict)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The scores, in the order of `regnas.evaluators.zero_cost.scores.SCORES`."""
        return tuple(Metric(name, "maximize") for name in self.scoring.wanted)

    @cached_property
    def _split(self) -> Split:
        split = checked(self.data.fit()[0], self.data, "training")
        if len(split) < self.scoring.batch:
            raise DataError(
                f"batch={self.scoring.batch} is more than the {len(split)} training images of {self.data.name}; give "
                f"a smaller batch"
            )
        return split

    def prepare(self) -> dict[str, Any]:
        """Read the images that are scored on; say that nothing is trained.

        Raises:
            DataError: fewer training images than the batch holds.
        """
        scoring, data = self.scoring, self.data
        facts: dict[str, Any] = {
            "data": data.name,
            "class_names": list(data.class_names),
            "resolution": data.regime.images.resolution,
            "recipe": asdict(scoring),
            "scored": scoring.score,
        }
        remarks = [
            f"nothing is trained: errors are a falling function of the score {scoring.score}, no share of images"
        ]
        if scoring.images == "data":
            facts["images"] = {
                "training": len(self._split),
                **(data.counts() if isinstance(data, SupportsCounts) else {}),
            }
            remarks += data.remarks() if isinstance(data, SupportsRemarks) else ()
        return {**facts, "remarks": remarks}

    def __call__(self, architecture: Architecture, *, seed: int, context: Context) -> Result:
        """The scores of one network: its weights depend on the seed, the batch does not.

        Raises:
            NoScore: it lacks the layers of the score, or the score is not finite. Of the scores beside it, such a one
                is left out, and a note says why.
        """
        started = time.perf_counter()
        found = self._scored(architecture, seed, settle(context.device, context.threads))
        score = self.scoring.score
        if score in found.missing:
            raise NoScore(found.missing[score])
        return Result(
            error=error_of(found.values[score]),
            seconds=time.perf_counter() - started,
            notes={"scored": score, **({"left_out": found.missing} if found.missing else {})},
            metrics=found.values,
        )

    def _scored(self, architecture: Architecture, seed: int, device: torch.device) -> Found:
        scoring = self.scoring
        passes = [name for name in scoring.wanted if name not in BUILT_IN]
        found = []
        for init in range(scoring.inits if passes else 0):
            key = keyed.integer("zero-cost", seed, init)
            with seeded(key):
                network = architecture.build().to(device)
                found.append(score_all(network, self._batch(device), passes, seed=key, repeats=scoring.repeats))
        whole = mean_of(found) if found else Found({}, {})
        costs = architecture.complexity(self.data.regime.images.resolution)
        for name in set(scoring.wanted) & set(BUILT_IN):
            if name in costs:
                whole.values[name] = float(costs[name])
            else:
                whole.missing[name] = f"networks of this kind do not know their {name}; take another score"
        return Found({name: whole.values[name] for name in in_order(tuple(whole.values))}, whole.missing)

    def _batch(self, device: torch.device) -> Batch:
        """The images of every network."""
        if device not in self._loaded:
            self._loaded[device] = self._noise(device) if self.scoring.images == "noise" else self._drawn(device)
        return self._loaded[device]

    def _drawn(self, device: torch.device) -> Batch:
        scoring, split = self.scoring, self._split
        mean, std = statistics(split)
        rows = keyed.generator("zero-cost images", scoring.draw).permutation(len(split))[: scoring.batch]
        return Batch(*next(Batches(split[rows], device, mean=mean, std=std).in_order(scoring.batch)))

    def _noise(self, device: torch.device) -> Batch:
        scoring, pixels = self.scoring, self.data.regime.images.resolution
        rng = keyed.generator("zero-cost noise", scoring.draw)
        images = rng.standard_normal((scoring.batch, 3, pixels, pixels), dtype=np.float32)
        labels = rng.integers(len(self.data.class_names), size=scoring.batch)
        return Batch(torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device))


def make(task: Task, options: Mapping[str, Any]) -> ZeroCostEvaluator:
    """The evaluator ``zero-cost[score=NAME,beside=NAME+NAME,batch=64,images=data,draw=0,inits=1,repeats=4]``.

    Raises:
        UsageError: no score, an option it does not have, or a number of epochs.
    """
    known = Scoring.__dataclass_fields__
    for name, value in options.items():
        if name not in known:
            raise UsageError(f"zero-cost has no option {name!r}; its options: {', '.join(known)}")
        if not isinstance(value, int if known[name].type == "int" else str):
            raise UsageError(f"option {name} of zero-cost is a {known[name].type}, got {value!r}")
    if "score" not in options:
        raise UsageError(f"zero-cost needs a score, as in 'zero-cost[score=naswot]'; there are {', '.join(SCORES)}")
    if task.epochs is not None:
        raise UsageError(
            f"--epochs {task.epochs} trains nothing here: zero-cost scores networks untrained; leave it out"
        )
    data = make_dataset(
        task.data, root=task.data_root, download=task.download, resolution=task.resolution, cache=task.cache
    )
    return ZeroCostEvaluator(data, Scoring(**options))
