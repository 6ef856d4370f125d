"""What a change does to the law of a space: whether parent networks are a sample of the child, and how large it is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.dimension import Choice, Dimension
from regnas.refinement import points_of
from regnas.sampling import keyed
from regnas.statistics.arrays import Floats

_SURVEY = 2000  # draws of a parent that tell the share of the child
_RAW = 64  # raw draws that tell whether points of a space are rearranged


def decades(space: Space) -> float:
    """The decimal logarithm of the number of points."""
    return math.log10(max(1, points_of(space)))


def freedom(space: Space) -> int:
    """Parameters that there are to choose."""
    return len(space.free)


def conditional(parent: Space, child: Space) -> bool:
    """Whether the law of the child is that of the parent, given that a network lies in the child.

    Then networks of the parent that lie in the child are a sample of it. It is so where values are left out of choices
    and of ranges, and where uniform parameters are tied; not where draws are sorted, or where a tie, say of two
    log-uniform depths, has another law than two equal draws.
    """
    options = [{key: value for key, value in one.overrides if not one.parameters_of(key)} for one in (parent, child)]
    if type(parent) is not type(child) or parent.name != child.name or options[0] != options[1]:
        return False
    if parent.conditions or _rearranged(parent) or _rearranged(child):
        return False
    groups: dict[str, list[str]] = {name: [name] for name in child.dimensions}
    for name, source in child.ties:
        groups[source].append(name)
    return all(_conditioned(parent, names, child.dimensions[source]) for source, names in groups.items())


def _conditioned(parent: Space, names: Sequence[str], law: Dimension) -> bool:
    """Whether one law is that of several parameters of the parent, given that they are equal and among its values."""
    tied = dict(parent.ties)
    laws = [parent.dimensions[name] for name in dict.fromkeys(tied.get(name, name) for name in names)]
    if laws == [law]:
        return True
    tables = [_probabilities(one) for one in (law, *laws)]
    if any(table is None for table in tables):
        return False
    own, *others = (table or {} for table in tables)
    joint = {value: math.prod(table.get(value, 0.0) for table in others) for value in own}
    total = sum(joint.values())
    return total > 0 and all(abs(joint[value] / total - own[value]) < 1e-9 for value in own)


def _probabilities(law: Dimension) -> dict[Any, float] | None:
    """The probability of every value; None where they are not known."""
    if isinstance(law, Choice):
        return dict.fromkeys(law.values, 1 / law.size)
    ladder = law.ladder()
    return None if ladder is None else dict(zip(ladder.values.tolist(), np.diff(ladder.edges).tolist(), strict=True))


@lru_cache(maxsize=64)
def _rearranged(space: Space) -> bool:
    """Whether points of the law become others before they are networks, as sorted stages and cells do."""
    columns = space.draw(keyed.generator("refine raw", space.spec), _RAW)
    ordered = space.ordered_columns(columns)
    return any((columns[name] != ordered[name]).any() for name in columns)


def holds(child: Space, params: Mapping[str, Any]) -> bool:
    """Whether a point of a parent lies in a child whose law is `conditional`."""
    inside = all(law.contains(params[name]) for name, law in child.dimensions.items())
    return inside and all(params[n] == params[s] for n, s in child.ties) and child.member(dict(params)) is None


@lru_cache(maxsize=4)
def survey(space: Space, seed: int) -> tuple[Candidate, ...]:
    """A sample of the law that nothing is trained of; fewer where the space is small."""
    stream = space.stream(seed=keyed.integer("refine survey", seed), duplicates="allow")
    return tuple(one for one, _ in zip(stream, range(_SURVEY), strict=False))


def shares(parent: Space, child: Space, complexity: str, edges: Floats, seed: int) -> Floats:
    """``(k,)``: which share of the parent's networks in each bin of complexity lies in the child; 0 in empty bins."""
    drawn = survey(parent, seed)
    costs = np.array([one.complexity.get(complexity, 0.0) for one in drawn], dtype=np.float64)
    inside = np.array([holds(child, one.params) for one in drawn], dtype=np.float64)
    k = len(edges) - 1
    places = np.clip(np.searchsorted(edges, costs, side="right") - 1, 0, k - 1)
    counted = (costs >= edges[0]) & (costs <= edges[-1])
    total = np.bincount(places[counted], minlength=k)
    return np.asarray(np.bincount(places[counted], inside[counted], minlength=k) / np.maximum(total, 1))


def share(parent: Space, child: Space, seed: int) -> float:
    """Which share of the parent's networks lies in a `conditional` child."""
    return float(np.mean([holds(child, one.params) for one in survey(parent, seed)]))
