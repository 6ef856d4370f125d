"""What could be proposed of a space: for any that declares the kinds of its parameters.

Ranges and values follow from the networks that are looked at; ties and orders do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from regnas.design_space import Space
from regnas.dimension import Choice, Dimension, Range, values_of
from regnas.errors import RegnasError
from regnas.refinement import refinements_of
from regnas.statistics.arrays import Floats
from regnas.statistics.best_range import best_models, best_range
from regnas.studies.refine.changes import FAMILY, RANGE, TIE, VALUES, Change
from regnas.studies.refine.models import Model

MOST_KEPT = 0.75  # share of a law above which a narrower range is none worth a test
_FEW, _MANY = 4, 32  # values from which a choice of sizes has ranges; values of a choice that are tried one by one
_LEAST_SEEN = 3  # networks with a value that its mean is taken of
_REPEATS = 1000


def proposals(space: Space, models: Sequence[Model], errors: Floats, rng: np.random.Generator) -> dict[str, Change]:
    """Changes by what they are about; some may change nothing, see `changing`.

    Args:
        models: networks that have the parameters of the space.
        errors: ``(n,)``, of each, at equal complexity.
    """
    made = [*_ties(space), *_family(space), *_ranges(space, models, errors, rng), *_values(space, models, errors)]
    return {one.key: one for one in made}


def changing(space: Space, changes: Mapping[str, Change]) -> dict[str, Change]:
    """Those that make another space."""
    return {key: one for key, one in changes.items() if _changes(space, one)}


def _changes(space: Space, change: Change) -> bool:
    try:
        return change.apply(space).spec != space.spec
    except RegnasError:
        return False  # such as a combination that a family does not allow


def families(space: Space) -> dict[str, tuple[str, ...]]:
    """Parameters of equal laws whose names differ in numbers alone, such as one of every stage; two or more each."""
    found: dict[tuple[str, Dimension], list[str]] = {}
    for name, law in space.free.items():
        found.setdefault((re.sub(r"\d+", "#", name), law), []).append(name)
    return {pattern: tuple(names) for (pattern, _), names in found.items() if len(names) > 1}


def _ties(space: Space) -> Iterator[Change]:
    tied = dict(space.ties)
    for names in families(space).values():
        if not set(names) & set(tied.values()):
            yield Change(TIE, names, tuple((name, names[0]) for name in names[1:]))


def _family(space: Space) -> Iterator[Change]:
    for one in refinements_of(space):
        options = tuple(one.options.items())
        yield Change(FAMILY, one.about, options, one.base, one.rising, one.quantity, one.name)


def _ranges(space: Space, models: Sequence[Model], errors: Floats, rng: np.random.Generator) -> Iterator[Change]:
    """Every range of sizes narrowed to where the best networks are: the 95 % range of the empirical bootstrap."""
    best = best_models(errors, repeats=_REPEATS, rng=rng)
    for name, law in space.free.items():
        ordered = isinstance(law, Range) or (isinstance(law, Choice) and bool(law.ordered) and law.size >= _FEW)
        if not ordered or law.size < _FEW:
            continue
        found = best_range([float(one.params[name]) for one in models], best)
        low, high = law.snap(found.low), law.snap(found.high)
        if low < high and _mass(law, low, high) <= MOST_KEPT:
            yield Change(RANGE, (name,), ((name, f"{low}:{high}"),))


def _mass(law: Dimension, low: float, high: float) -> float:
    """The probability of the values between two ends."""
    ladder = law.ladder()
    if ladder is None:
        return 1.0
    inside = (ladder.values >= low) & (ladder.values <= high)
    return float(np.diff(ladder.edges)[inside].sum())


def _values(space: Space, models: Sequence[Model], errors: Floats) -> Iterator[Change]:
    """Of every choice the best value alone, and all but the worst; of choices that many parameters share, for all."""
    for group in _choices(space):
        law = space.free[group[0]]
        means = _means(group, values_of(law), models, errors)
        if len(means) < 2:
            continue
        ranked = sorted(means, key=lambda value: means[value])
        yield _keeping(space, group, [ranked[0]], "fix")
        if law.size > 2 and len(means) == law.size:
            yield _keeping(space, group, [value for value in values_of(law) if value != ranked[-1]], "drop")


def _choices(space: Space) -> Iterator[tuple[str, ...]]:
    """Parameters that are choices, each by itself, and those of a family of names without sizes together."""
    short = {name: law for name, law in space.free.items() if isinstance(law, Choice) and law.size <= _MANY}
    for name in short:
        yield (name,)
    together: dict[tuple[str, Dimension], list[str]] = {}
    for name, law in short.items():
        if not law.ordered and not law.labels:
            together.setdefault((re.sub(r"\d+|_[a-z]$", "#", name), law), []).append(name)
    for names in together.values():
        if len(names) > 1:
            yield tuple(names)


def _means(
    names: Sequence[str], values: Sequence[object], models: Sequence[Model], errors: Floats
) -> Mapping[object, float]:
    """The mean error of the networks with each value, each network as often as it has it; of values that some have."""
    found = {}
    for value in values:
        counts = np.array([sum(one.params[name] == value for name in names) for one in models], dtype=np.float64)
        if (counts > 0).sum() >= _LEAST_SEEN:
            found[value] = float(counts @ errors / counts.sum())
    return found


def _keeping(space: Space, names: Sequence[str], kept: Sequence[object], name: str) -> Change:
    """These values alone: by a key of the spec that stands for all the names, where there is one."""
    text = "|".join(map(str, kept))
    parts = {part for one in names for part in _parts(one)}
    key = next((one for one in sorted(parts) if tuple(space.parameters_of(one)) == tuple(names)), None)
    options = ((key, text),) if key is not None else tuple((one, text) for one in names)
    return Change(VALUES, tuple(names), options, name=f"{name} {','.join(names)}")


def _parts(name: str) -> Iterator[str]:
    """Keys that may stand for several parameters: the words of a name, and pairs of them."""
    words = [word for word in re.split(r"_|\d+", name) if word]
    yield from words
    yield from (f"{a}_{b}" for a in words for b in words)
