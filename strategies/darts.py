"""DARTS: all networks of a space at once, in one whose choices are mixtures, trained by gradient; then one of them.

Source: Liu, Simonyan and Yang 2019 (arXiv 1806.09055); quark0/darts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch

from regnas import fit
from regnas.describe import summary
from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.fit import FitContext, Fitted
from regnas.strategies.one_shot.proposing import ProposesFitted, largest
from regnas.strategies.one_shot.relaxed_search import Settings, new_search
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategy import own_options
from regnas.supernet import SupportsRelaxation

VERSION = 1  # of the training: another one gives other alphas for the same settings
SIZES = {"cells": 0, "channels": 0, "partial": 1, "edges": False}
# Options of later releases: searches without them are those that they were.
ADDED = {"partial": 1, "edges": False, "hold": 0}
SMALL: dict[str, Any] = {"cells": 4, "channels": 4, "epochs": 10, "alpha_rate": 3e-3}
KNOWN: dict[str, Any] = {**SIZES, **asdict(Settings()), "small": False}
_LEAST = {"order": 1, "epochs": 1, "batch": 2, "skips": 1, "threads": 1, "partial": 1}


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """The derived network first, then random candidates, inside the window.

    Options:
        small: a setting for two cores, where nothing else is said: 4 cells of 4 channels, 10 epochs, alphas at 3e-3.
        cells, channels: of the relaxed network; 0 is the paper's, 8 and 16, or 5 a stage and 16 of NAS-Bench-201.
        partial: one channel in so many is mixed, the others pass (PC-DARTS; Xu et al. 2020, arXiv 1907.05737).
        edges: whether the inputs of a node are weighed beside operations, too, as there.
        order: 1, or 2 for the gradient through the next step of the weights.
        epochs, batch, rate, least_rate, momentum, decay, clip, alpha_rate, alpha_decay, alpha_beta, share, stop, skips,
            after, hold, threads: as of `regnas.strategies.one_shot.relaxed_search.Settings`.

    Raises:
        UsageError: a space without a relaxation, or an option that makes no sense.
    """
    chosen = own_options(options, "darts", KNOWN, _LEAST)
    if chosen.pop("small"):
        chosen |= {name: value for name, value in SMALL.items() if name not in options}
    sizes = {name: int(value) for name in SIZES if (value := chosen.pop(name)) != ADDED.get(name)}
    inner = Darts(space, Settings(**chosen), sizes)
    return FeasibleSampler(space, inner, seed=seed, duplicates=options.get("duplicates", "reject"), max_tries=2)


class Darts(ProposesFitted):
    """The inner sampler; its fit is the search.

    Raises:
        UsageError: the space has no relaxation, or none of these sizes.
    """

    def __init__(self, space: Space, settings: Settings, sizes: Mapping[str, int]) -> None:
        super().__init__(space, "darts")
        self._settings, self._sizes = settings, dict(sizes)
        if not isinstance(space, SupportsRelaxation):
            raise UsageError(
                f"darts mixes all operations of an edge, and {space.spec} has no such relaxation; search darts, "
                f"pnas or nasbench201"
            )
        self._relaxed = space
        with torch.device("meta"):  # what makes no sense is said now
            space.relaxation(**self._sizes)

    @property
    def fit_settings(self) -> Mapping[str, Any]:
        settings = {**self._sizes, **asdict(self._settings)}
        return {"version": VERSION} | {name: one for name, one in settings.items() if ADDED.get(name) != one}

    def check_fit(self, images: int) -> None:
        self._settings.check(images)

    def fit(self, context: FitContext) -> Fitted | None:
        self.check_fit(len(context.images.labels))
        search = new_search(self._relaxed, self._settings, self._sizes, context, self._described)
        return fit.run(search, context)

    def _described(self, chosen: Mapping[str, Any]) -> str:
        """The network with these choices, in a line."""
        return summary(self._space.decode(largest(self._space, chosen))).line
