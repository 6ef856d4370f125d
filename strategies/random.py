"""Random search: candidate i of the space's own stream. The baseline, and the only source of populations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regnas.design_space import Space
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategy import own_options


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """Draws from the space's law inside its window, whatever the results."""
    own_options(options, "random", {})
    return FeasibleSampler(space, seed=seed, duplicates=options.get("duplicates", "reject"))
