"""ENAS: all networks of a space share the weights of one child, which rewards the controller that draws them.

Source: Pham, Guan, Zoph, Le and Dean 2018 (arXiv 1802.03268); melodyguan/enas, whose settings are the defaults.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import torch

from regnas import fit
from regnas.describe import summary
from regnas.design_space import Space
from regnas.dimension import values_of
from regnas.errors import UsageError
from regnas.fit import FitContext, Fitted
from regnas.sampling import keyed
from regnas.states import SupportsStates
from regnas.strategies.one_shot.attention import AttentionController
from regnas.strategies.one_shot.proposing import ProposesFitted, largest
from regnas.strategies.one_shot.shared_search import Networks, Point, SharedSearch
from regnas.strategies.one_shot.shared_settings import MACRO, MICRO, Settings
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategy import own_options
from regnas.supernet import SupportsSupernet

VERSION = 1  # of the training: another one gives another controller for the same settings
SIZES = {"cells": 0, "channels": 0}
# Moving averages of a short training do not suit what many networks share: they are judged by the batch's statistics.
SMALL: dict[str, Any] = {
    **{"channels": 8, "epochs": 10, "batch": 64, "statistics": "batch"},
    **{"controller_rate": 0.01, "updates": 20, "samples": 5, "networks": 50},
}
_LEAST = {"epochs": 1, "batch": 2, "samples": 1, "networks": 2, "units": 1, "restart": 1, "growth": 1, "threads": 1}


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """The best of the networks that the controller draws first, then random candidates, inside the window.

    Options:
        small: a setting for two cores, where nothing else is said: 8 channels, 10 epochs, batches of 64, whose
            statistics judge networks, 20 updates of 5 networks after each at 0.01, 50 networks at the end.
        cells, channels: of the shared child; 0 is the authors', 8 and 20, or 36 channels of layers with skips.
        epochs, batch, rate, least_rate, restart, growth, momentum, decay, statistics, share, controller_rate, updates,
            samples, entropy, baseline, skip_weight, skip_target, units, start, tanh, reduce, networks, threads: as of
            `regnas.strategies.one_shot.shared_settings.Settings`; defaults are the authors' for cells, or for layers
            with skips.

    Raises:
        UsageError: a space without a supernet, or an option that makes no sense.
    """
    usual = MACRO if _skips(space) else MICRO
    rest = {one.name: one.default for one in fields(Settings) if one.name not in usual}
    chosen = own_options(options, "enas", {**SIZES, **usual, **rest, "small": False}, _LEAST)
    if chosen.pop("small"):
        chosen |= {name: value for name, value in SMALL.items() if name not in options}
    sizes = {name: value for name in SIZES if (value := chosen.pop(name))}
    inner = Enas(space, Settings(**chosen), sizes)
    return FeasibleSampler(space, inner, seed=seed, duplicates=options.get("duplicates", "reject"), max_tries=2)


def _skips(space: Space) -> bool:
    decided = space.decided() if isinstance(space, SupportsStates) else ()
    return any(state.skips for part in decided for state in part.states)


class Enas(ProposesFitted):
    """The inner sampler; its fit is the search.

    Raises:
        UsageError: the space has no supernet, none of these sizes, or fewer than two networks to choose among.
    """

    def __init__(self, space: Space, settings: Settings, sizes: Mapping[str, int]) -> None:
        super().__init__(space, "enas")
        self._settings, self._sizes = settings, dict(sizes)
        if not isinstance(space, SupportsSupernet) or not isinstance(space, SupportsStates):
            raise UsageError(
                f"enas trains weights that all networks share, and {space.spec} has no such supernet; search enas, "
                f"enas-macro, nasnet, amoebanet, pnas, darts or nasbench201"
            )
        self._shared, self._parts = space, space.decided()
        names = [(*state.inputs, *state.operations, *state.skips) for part in self._parts for state in part.states]
        self._allowed = {name: list(values_of(space.dimensions[name])) for state in names for name in state}
        if math.prod(map(len, self._allowed.values())) < 2:
            raise UsageError(f"{space.spec} has one network to choose, whatever its size; leave something free")
        with torch.device("meta"):  # what makes no sense is said now
            space.supernet(**self._sizes)

    @property
    def fit_settings(self) -> Mapping[str, Any]:
        return {"version": VERSION, **SIZES, **self._sizes, **asdict(self._settings)}

    def check_fit(self, images: int) -> None:
        self._settings.check(images)

    def fit(self, context: FitContext) -> Fitted | None:
        self.check_fit(len(context.images.labels))
        torch.set_num_threads(self._settings.threads)
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(keyed.integer("enas start", context.seed))
            supernet = self._shared.supernet(**self._sizes)
        start = torch.Generator().manual_seed(keyed.integer("enas controller", context.seed))
        controller = AttentionController(self._parts, self._allowed, self._settings.shape, start)
        return fit.run(SharedSearch(supernet, controller, self._settings, context, self._networks), context)

    @property
    def _networks(self) -> Networks:
        space = self._space
        usual = {name: law.levels(1)[0] for name, law in space.free.items() if name not in self._allowed}

        def network(point: Point) -> Any:
            return space.decode(space.canonical({**usual, **point}))

        def line(point: Point) -> str:
            return summary(space.decode(largest(space, point))).line

        def inside(point: Point) -> bool:
            return space.window.open or space.judge(largest(space, point)) is not None

        def random(seed: int, count: int) -> list[dict[str, Any]]:
            drawn = space.sample(count, seed=seed, duplicates="allow")
            return [{name: one.params[name] for name in self._allowed} for one in drawn]

        most = sum(math.log(len(values)) for values in self._allowed.values())
        return Networks(network=network, line=line, inside=inside, random=random, most=most)
