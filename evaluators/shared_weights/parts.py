"""A network with shared weights: its own module, whose parameters are slices of those of a supernet."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import nn

from regnas import weights
from regnas.architecture import Architecture
from regnas.candidate import Candidate
from regnas.design_space import Space, make_space
from regnas.errors import InfeasibleWindow, RegnasError, StudyError, UsageError
from regnas.evaluators.training.batches import Batches
from regnas.evaluators.training.devices import seeded
from regnas.images import Images
from regnas.supernet import SlicedSupernet, SupportsSupernet
from regnas.system.files import write_json
from regnas.system.reading import fields_if_whole
from regnas.window import Window

SPACE = "space.json"  # in the folder of a fit: of which space and window it is


def part_of(supernet: SlicedSupernet, architecture: Architecture, device: torch.device) -> nn.Module:
    """The network's module with views of the shared weights: a step on them is one of the supernet.

    Raises:
        UsageError: it is no network of the supernet.
    """
    with seeded(0):  # which only keeps the generator as it is
        network = architecture.build().to(device)
    for name, weight in supernet.slices(architecture, network).items():
        place, _, own = name.rpartition(".")
        setattr(network.get_submodule(place), own, nn.Parameter(weight))  # much faster than `load_state_dict`
    return network


@torch.no_grad()
def calibrate(network: nn.Module, batches: Batches, size: int) -> None:
    """Give normalisations the mean statistics of all batches; nothing else of the network changes.

    Source: Guo et al. 2020 (arXiv 1904.00420), section 3.4.
    """
    norms = [one for one in network.modules() if isinstance(one, nn.modules.batchnorm._BatchNorm)]
    momenta = [one.momentum for one in norms]
    for one in norms:
        one.reset_running_stats()
        one.momentum = None  # torch: the mean over all batches
    network.train()
    for images, _ in batches.in_order(size):
        network(images)
    for one, momentum in zip(norms, momenta, strict=True):
        one.momentum = momentum


def drawn(space: Space, count: int, seed: int) -> list[Candidate]:
    """The first networks of a stream of the space inside its window; fewer where there are fewer.

    Raises:
        UsageError: fewer than two.
    """
    stream, found = space.stream(seed=seed), list[Candidate]()
    try:
        for one in islice(stream, count):
            found.append(one)
    except InfeasibleWindow:
        pass  # these are all
    if len(found) < 2:
        raise UsageError(
            f"a supernet is of two networks or more, and {space.spec} has {len(found)} inside {space.window}; widen it"
        )
    return found


def in_bins(networks: list[Candidate], bins: int) -> list[list[Candidate]]:
    """Networks by their multiply-adds, in bins of equal width; those without a network are left out.

    Source: Guo et al. 2020 (arXiv 1904.00420), the authors' code: bins of 10 million.
    """
    flops = np.array([float(one.complexity.get("flops", 0)) for one in networks])
    edges = np.linspace(flops.min(), flops.max(), bins + 1)[1:-1]
    places = np.searchsorted(edges, flops, side="right")
    return [[networks[at] for at in np.flatnonzero(places == place)] for place in np.unique(places)]


def made(space: Space) -> SlicedSupernet:
    """The supernet of a space.

    Raises:
        UsageError: it has none whose parts are slices.
    """
    found = space.supernet() if isinstance(space, SupportsSupernet) else None
    if not isinstance(found, SlicedSupernet):
        raise UsageError(
            f"the evaluator supernet is for spaces whose networks are slices of one, such as regnetx and anynetx-a, "
            f"and {space.spec} is none; take --evaluator train"
        )
    return found


def write(supernet: SlicedSupernet, space: Space, folder: Path) -> None:
    """The shared weights, and what they are of."""
    weights.save(cast(nn.Module, supernet), folder)
    known = {"spec": space.spec, "window": str(space.window), "images": space.images.to_json()}
    write_json(folder / SPACE, known)


def read(folder: Path, device: torch.device) -> SlicedSupernet:
    """What `write` wrote.

    Raises:
        StudyError: it is not there, damaged, or of another release.
    """
    stored = fields_if_whole(folder / SPACE, spec=str, window=str, images=dict)
    if stored is None:
        raise StudyError(f"{folder / SPACE} is not there or damaged: move {folder} away, and the fit is done again")
    space = make_space(stored["spec"]).on(Images.from_json(stored["images"])).within(Window.read(stored["window"]))
    with seeded(0):
        supernet = made(space)
    try:
        weights.load_into(cast(nn.Module, supernet), folder)
    except RegnasError as error:  # which may have a line for every weight
        raise StudyError(
            f"{folder / weights.WEIGHTS} does not hold the shared weights of {space.spec} inside {space.window}: move "
            f"{folder} away, and the fit is done again"
        ) from error
    cast(nn.Module, supernet).to(device)
    return supernet
