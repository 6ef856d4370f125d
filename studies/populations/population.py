"""A population: the random models of one space, trained alike. What spaces are compared by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.architecture import canonical
from regnas.errors import UsageError
from regnas.measure import BUILT_IN, costs_in, ordered
from regnas.studies.search.identity import in_present_words
from regnas.studies.search.images import DATA, FINGERPRINT, other_images

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SCHEMA = 1
_NO_ARRAYS = ("architectures", "values", "words", "further", "settings", "failures", "averaged", "marks")
# What must be equal for two populations to be compared: the images, the window, how candidates are drawn and trained.
CONDITIONS = (DATA, "images", "window", "evaluator", "recipe", "duplicates")


class PopulationError(UsageError):
    """Models that are no population, or populations that cannot be compared."""


@dataclass(frozen=True, eq=False)
class Population:
    """n models, each trained with up to s seeds for up to t epochs.

    Attributes:
        name: what tables and figures call it.
        settings: how the models were drawn and trained, as a study stores it; empty where unknown.
        indices: ``(n,)``, places in the stream of candidates.
        errors: ``(n, s)``, validation error of the last epoch, a fraction; NaN where a seed was not trained.
        curves: ``(n, s, t)``, error after each epoch; NaN where unknown. t may be 0.
        seeds: ``(n, s)``, training seeds; -1 where not trained or unknown.
        flops, params, activations: ``(n,)``; NaN where unknown.
        further: other measures by name, each ``(n,)``; NaN where unknown.
        seconds: ``(n, s)``; NaN where unknown.
        diverged: ``(n, s)``, trainings that count with the error of guessing.
        architectures: n JSON objects, or None where unknown.
        e_fit: ``(n,)``, distance to a quantised line, see `regnas.search_spaces.staged.fit.nearest`; NaN where unknown.
        values: parameters by name, each ``(n,)``.
        words: parameters that are no numbers, such as the choice of an operation, by name, n each.
        failures: places in the stream of candidates that failed and have no error, ascending.
        averaged: seeds that ``error`` is the mean over; all that every model was trained with for None.
        marks: what was forced, in words; printed with every result.

    Raises:
        PopulationError: it is empty, or an error is no fraction in [0, 1].
    """

    name: str
    indices: Ints
    errors: Floats
    flops: Floats
    params: Floats
    activations: Floats
    curves: Floats
    seeds: Ints
    seconds: Floats
    diverged: npt.NDArray[np.bool_]
    architectures: tuple[Mapping[str, Any] | None, ...]
    e_fit: Floats
    values: Mapping[str, Floats]
    settings: Mapping[str, Any] = field(default_factory=dict)
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    further: Mapping[str, Floats] = field(default_factory=dict)
    failures: tuple[int, ...] = ()
    averaged: int | None = None
    marks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.indices):
            raise PopulationError(f"population {self.name} is empty: it has no completed random evaluation")
        first = self.errors[:, 0]
        if not np.isfinite(first).all():
            bad = int(self.indices[np.flatnonzero(~np.isfinite(first))[0]])
            raise PopulationError(f"population {self.name}: the error of model {bad} is not a number; leave it out")
        known = self.errors[~np.isnan(self.errors)]
        if (known < 0).any() or (known > 1).any():
            bad_error = float(known[(known < 0) | (known > 1)][0])
            way_out = "; divide percentages by 100" if bad_error > 1 else ""
            raise PopulationError(f"population {self.name}: errors are fractions in [0, 1], got {bad_error:g}{way_out}")

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def costs(self) -> dict[str, Floats]:
        """Every measure that is a column, by name, each ``(n,)``; NaN where unknown."""
        return {**{name: getattr(self, name) for name in BUILT_IN}, **self.further}

    @property
    def common_seeds(self) -> int:
        """Seeds that every model was trained with."""
        return int(np.isfinite(self.errors).all(axis=0).sum())

    @cached_property
    def error(self) -> Floats:
        """``(n,)``: mean error over the seeds that every model was trained with, so that all are as noisy.

        Where `averaged` says so, over the first of these alone: populations that are compared are as noisy, too.
        """
        common = self.errors[:, np.isfinite(self.errors).all(axis=0)]
        return np.asarray(common[:, : self.averaged].mean(axis=1))

    def complexity(self, name: str) -> Floats:
        """``(n,)`` of a measure.

        Raises:
            PopulationError: the population does not know it.
        """
        found = self.costs.get(name)
        if found is None:
            raise PopulationError(f"complexity is one of {', '.join(self.costs)}, got {name!r}")
        if not np.isfinite(found).all():
            raise PopulationError(
                f"population {self.name} does not know the {name} of all its models; give --complexity another one, "
                f"or none"
            )
        return found

    @property
    def failed(self) -> int:
        """Candidates that failed."""
        return len(self.failures)

    @property
    def failure_rate(self) -> float:
        """Share of the candidates that failed."""
        return self.failed / (self.failed + len(self))

    def first(self, count: int) -> Population:
        """The first ``count`` models of the stream, and the failures among them: later ones change nothing here."""
        kept = self.take(np.argsort(self.indices, kind="stable")[:count])
        if len(kept) == len(self):
            return kept
        last = int(kept.indices.max())
        return replace(kept, failures=tuple(index for index in self.failures if index < last))

    def take(self, rows: Any) -> Population:
        """Some of the models: rows as NumPy indexes with."""
        places = np.arange(len(self))[rows]
        return replace(
            self,
            indices=self.indices[places],
            errors=self.errors[places],
            flops=self.flops[places],
            params=self.params[places],
            activations=self.activations[places],
            curves=self.curves[places],
            seeds=self.seeds[places],
            seconds=self.seconds[places],
            diverged=self.diverged[places],
            architectures=tuple(self.architectures[place] for place in places.tolist()),
            e_fit=self.e_fit[places],
            values={name: value[places] for name, value in self.values.items()},
            words={name: tuple(value[place] for place in places.tolist()) for name, value in self.words.items()},
            further={name: value[places] for name, value in self.further.items()},
        )

    def marked(self, mark: str) -> Population:
        """The same models with one more mark."""
        return replace(self, marks=(*self.marks, mark))


def from_arrays(name: str, errors: npt.ArrayLike, **columns: Any) -> Population:
    """A population of bare numbers.

    Args:
        errors: ``(n,)`` or ``(n, seeds)``, fractions.
        columns: any other attribute of `Population`; what is left out is unknown.
    """
    table = np.atleast_2d(np.asarray(errors, dtype=np.float64).T).T
    n, s = table.shape
    unknown: dict[str, Any] = {
        "indices": np.arange(n),
        "flops": np.full(n, np.nan),
        "params": np.full(n, np.nan),
        "activations": np.full(n, np.nan),
        "curves": np.full((n, s, 0), np.nan),
        "seeds": np.full((n, s), -1),
        "seconds": np.full((n, s), np.nan),
        "diverged": np.zeros((n, s), dtype=np.bool_),
        "architectures": (None,) * n,
        "e_fit": np.full(n, np.nan),
        "values": {},
    }
    given = {key: value if key in _NO_ARRAYS else np.asarray(value) for key, value in columns.items()}
    return Population(name=name, errors=table, **{**unknown, **given})


Row = Mapping[str, Any]


def from_rows(name: str, rows: Iterable[Row], *, settings: Mapping[str, Any] | None = None) -> Population:
    """A population of trainings, one row each, as `regnas.studies.search.outcome.row_of` gives them.

    Rows of the same ``index`` are trainings of one model with other seeds. Rows in state ``FAIL`` count as failed,
    those that are not ``COMPLETE`` for another reason (running, waiting, sampled) not at all.

    Raises:
        PopulationError: nothing complete, or one index with two architectures.
    """
    models, failed = _by_index(name, list(rows))
    ordered = [models[index] for index in sorted(models)]
    n = len(ordered)
    s = max((len(one) for one in ordered), default=1)
    t = max((len(row.get("errors", ())) for one in ordered for row in one), default=0)
    errors, seconds = np.full((n, s), np.nan), np.full((n, s), np.nan)
    curves, seeds = np.full((n, s, t), np.nan), np.full((n, s), -1, dtype=np.int64)
    diverged = np.zeros((n, s), dtype=np.bool_)
    for i, trainings in enumerate(ordered):
        networks = {canonical(row.get("architecture") or {}) for row in trainings}
        costs = {tuple(costs_in(row).items()) for row in trainings}
        if len(networks) > 1 or len(costs) > 1:
            raise PopulationError(f"population {name}: index {trainings[0]['index']} is two different networks")
        for j, row in enumerate(trainings):
            errors[i, j] = _number(row["error"])
            seconds[i, j] = _number(row.get("seconds", ""))
            curve = [float(value) for value in row.get("errors", ())]
            curves[i, j, : len(curve)] = curve
            seeds[i, j] = -1 if row.get("seed", "") == "" else int(row["seed"])
            diverged[i, j] = bool(row.get("diverged") or False)
    heads = [trainings[0] for trainings in ordered]
    return Population(
        name=name,
        indices=np.array(sorted(models), dtype=np.int64),
        errors=errors,
        flops=_column(heads, "flops"),
        params=_column(heads, "params"),
        activations=_column(heads, "activations"),
        curves=curves,
        seeds=seeds,
        seconds=seconds,
        diverged=diverged,
        architectures=tuple(row.get("architecture") or None for row in heads),
        e_fit=_column(heads, "e_fit"),
        further={name: _column(heads, name) for name in _further(heads)},
        **_parameters(heads),
        settings=in_present_words(settings or {}),
        failures=tuple(sorted(failed - set(models))),
    )


def _further(rows: Iterable[Row]) -> list[str]:
    """Names of the measures beyond the built-in ones that some row knows."""
    return ordered({name for row in rows for name in costs_in(row) if name not in BUILT_IN})


def _by_index(name: str, rows: list[Row]) -> tuple[dict[int, list[Row]], set[int]]:
    """Complete trainings by index, and the indices of failed ones."""
    unnamed = sum(row.get("index", "") == "" for row in rows)
    if 0 < unnamed < len(rows):
        raise PopulationError(f"population {name}: {unnamed} of {len(rows)} rows have no index; give all one, or none")
    models: dict[int, list[Row]] = {}
    failed: set[int] = set()
    for place, row in enumerate(rows):
        index = place if unnamed else int(row["index"])
        if row.get("state", "COMPLETE") == "COMPLETE":
            models.setdefault(index, []).append(row)
        elif row["state"] == "FAIL":
            failed.add(index)
    for index, trainings in models.items():
        seeds = [row["seed"] for row in trainings if row.get("seed", "") != ""]
        if len(set(seeds)) < len(seeds):
            raise PopulationError(f"population {name}: model {index} is there twice with one training seed")
    return models, failed


def to_rows(population: Population) -> list[dict[str, Any]]:
    """One row per training and one per failure, as `from_rows` reads them."""
    rows: list[dict[str, Any]] = []
    space = population.settings.get("space", population.name)
    strategy = population.settings.get("strategy", "")
    for i, index in enumerate(population.indices.tolist()):
        for j in np.flatnonzero(np.isfinite(population.errors[i])).tolist():
            curve = population.curves[i, j]
            row: dict[str, Any] = {
                "space": space,
                "index": index,
                "seed": int(population.seeds[i, j]) if population.seeds[i, j] >= 0 else "",
                "error": float(population.errors[i, j]),
                "architecture": population.architectures[i] or "",
                "seconds": _blank(population.seconds[i, j]),
                "epochs": _length(curve) or "",
                "diverged": int(population.diverged[i, j]),
                "state": "COMPLETE",
                "strategy": strategy,
                "errors": [float(value) for value in curve[: _length(curve)]],
                "params_by_name": {name: _blank(column[i]) for name, column in population.values.items()}
                | {name: column[i] for name, column in population.words.items()},
            }
            row |= {name: _blank(column[i]) for name, column in population.costs.items()}
            row["e_fit"] = _blank(population.e_fit[i])
            rows.append(row)
    rows += [{"space": space, "index": index, "state": "FAIL", "strategy": strategy} for index in population.failures]
    return rows


def _length(curve: Floats) -> int:
    """Epochs up to the last one that is known."""
    known = np.flatnonzero(np.isfinite(curve))
    return int(known[-1]) + 1 if len(known) else 0


def _blank(value: Any) -> Any:
    """A number as a cell: whole numbers that are exact without a point, nothing where it is unknown."""
    if not np.isfinite(value):
        return ""
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else float(value)


def _number(value: Any) -> float:
    return float("nan") if value in ("", None) else float(value)


def _column(rows: list[Row], name: str) -> Floats:
    return np.array([_number(row.get(name, "")) for row in rows], dtype=np.float64)


def _parameters(rows: list[Row]) -> dict[str, Any]:
    """Columns of the parameters: ``values`` that are numbers, and ``words``."""
    names = list(dict.fromkeys(name for row in rows for name in row.get("params_by_name", {})))
    values: dict[str, Floats] = {}
    words: dict[str, tuple[str, ...]] = {}
    for name in names:
        column = [row.get("params_by_name", {}).get(name, "") for row in rows]
        if all(isinstance(value, int | float) or value == "" for value in column):
            values[name] = np.array([_number(value) for value in column], dtype=np.float64)
        else:
            words[name] = tuple(map(str, column))
    return {"values": values, "words": words}


def differences(populations: list[Population]) -> list[str]:
    """What keeps populations from being compared, in words: nothing where they were drawn and trained alike."""
    found = []
    first = populations[0]
    for other in populations[1:]:
        known = FINGERPRINT in first.settings and FINGERPRINT in other.settings
        if known and (images := other_images(first.settings, other.settings)):
            found.append(f"{first.name} and {other.name}: {images[0]}")
        for name in CONDITIONS[known:]:  # the name of the data set says nothing where its images are known
            one, two = first.settings.get(name), other.settings.get(name)
            if one != two:
                found.append(
                    f"{name}: {first.name} has {_short(name, one, two)}, {other.name} {_short(name, two, one)}"
                )
    return found


def _short(name: str, value: Any, other: Any) -> str:
    if value is None:
        return "none on record"
    if isinstance(value, Mapping):
        known = other if isinstance(other, Mapping) else {}
        return ", ".join(f"{key} {value[key]}" for key in value if value[key] != known.get(key)) or "fewer settings"
    return str(value)
