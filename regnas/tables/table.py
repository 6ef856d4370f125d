"""A table: recorded evaluations of many networks, in which a search can be replayed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.errors import UsageError
from regnas.images import Images
from regnas.measure import BUILT_IN
from regnas.sampling import keyed
from regnas.sampling.batch import Params
from regnas.tables.point import Point

Floats = npt.NDArray[np.float64]

ONE_SEED, MEAN = "one recorded training", "mean over the recorded trainings"
HELD_OUT = "mean over the recorded trainings that were not shown"

_CEILING_DRAWS = 200


class TableError(UsageError):
    """Recorded evaluations that are no table, or a table that cannot do what is asked."""


@dataclass(frozen=True, eq=False)
class Table:
    """n networks, each trained with up to s seeds for up to t epochs.

    A search sees `signal`, one recorded seed of each network; what it found is reported by `score`. All errors are
    fractions in [0, 1].

    Attributes:
        name: what reports call it.
        keys: n different keys of architectures.
        points: parameters of each network by name, or None where unknown.
        signal: ``(n, s)``, what a search may see; NaN where missing, the first column never.
        score: ``(n,)``, what is reported.
        seconds: ``(n,)``, recorded training time behind the signal; NaN where unknown.
        curves: ``(n, s, t)``, error after each epoch; NaN where unknown. t may be 0.
        flops, params, activations, depth: ``(n,)``; NaN where unknown.
        exhaustive: every network of the space is there.
        signal_name, score_name: what the two are, in words.
        images: the images that the networks were trained on.
        architectures: n JSON objects, or None where keys and points say all.
        failed: candidates on record that have no error and are left out.
        space: spec of the space that the networks are from, or None where unknown.
        hold_out: whether what is reported leaves out the training that a run was shown, where there are others.

    Raises:
        TableError: arrays of other shapes, a signal or score that is not finite, or no fraction.
    """

    name: str
    keys: tuple[str, ...]
    points: tuple[Params, ...] | None
    signal: Floats
    score: Floats
    seconds: Floats
    curves: Floats
    flops: Floats
    params: Floats
    activations: Floats
    depth: Floats
    exhaustive: bool
    signal_name: str
    score_name: str
    images: Images = Images()
    architectures: tuple[Mapping[str, Any], ...] | None = None
    failed: int = 0
    space: str | None = None
    hold_out: bool = True

    def __post_init__(self) -> None:
        self._check_shapes()
        for name, column in ((self.signal_name, self.signal[:, 0]), (self.score_name, self.score)):
            if len(bad := np.flatnonzero(~np.isfinite(column))):
                raise TableError(
                    f"table {self.name}: {name} of {self._network(int(bad[0]))} is {column[bad[0]]}, not a finite "
                    f"number; leave the network out, or give it one"
                )
        for name, array in ((self.signal_name, self.signal), (self.score_name, self.score), ("curve", self.curves)):
            self._check_fractions(name, array)

    def _check_shapes(self) -> None:
        n = len(self.keys)
        if not n:
            raise TableError(f"table {self.name} is empty: it has no network with an error")
        if len(self.row_of_key) < n:
            row = next(row for row, key in enumerate(self.keys) if self.row_of_key[key] != row)
            raise TableError(
                f"table {self.name} has {self._network(row)} twice; one network is one row, its seeds are columns"
            )
        s = self.signal.shape[1] if self.signal.ndim == 2 else 0
        t = self.curves.shape[2] if self.curves.ndim == 3 else 0
        wanted = {"signal": (n, max(s, 1)), "score": (n,), "seconds": (n,), "curves": (n, max(s, 1), t), "depth": (n,)}
        for name, shape in {**wanted, **{cost: (n,) for cost in BUILT_IN}}.items():
            if (found := getattr(self, name).shape) != shape:
                raise TableError(f"table {self.name}: {name} of {n} networks has shape {shape}, got {found}")
        for name in ("points", "architectures"):
            if getattr(self, name) is not None and len(getattr(self, name)) != n:
                raise TableError(f"table {self.name}: {n} networks and {len(getattr(self, name))} {name}")

    def _check_fractions(self, name: str, array: Floats) -> None:
        with np.errstate(invalid="ignore"):
            wrong = (array < 0) | (array > 1)
        if wrong.any():
            place = tuple(int(at) for at in np.argwhere(wrong)[0])
            way_out = "; divide percentages by 100" if array[place] > 1 else ""
            raise TableError(
                f"table {self.name}: errors are fractions in [0, 1], got {array[place]:g} as {name} of "
                f"{self._network(place[0])}{way_out}"
            )

    def _network(self, row: int) -> str:
        """A network in the words of an error message."""
        point = self.points[row] if self.points else {}
        named = ", ".join(f"{name}={value}" for name, value in point.items())
        return f"network {self.keys[row]}" + (f" ({named})" if named else "")

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def row_of_key(self) -> Mapping[str, int]:
        """Rows by the key of the network."""
        return {key: row for row, key in enumerate(self.keys)}

    @cached_property
    def _row_of_point(self) -> Mapping[str, int]:
        """Rows by the key of the point: the space ``table:FILE`` knows a network by its parameters."""
        return {} if self.points is None else {self.point(row).key(): row for row in range(len(self))}

    def row(self, key: str) -> int | None:
        """The row of an architecture's key, or of its point's; None where it is not there."""
        found = self.row_of_key.get(key)
        return self._row_of_point.get(key) if found is None else found

    def point(self, row: int) -> Point:
        """A network as the architecture of the space ``table:FILE``.

        Raises:
            TableError: the table knows no parameters.
        """
        if self.points is None:
            raise TableError(f"table {self.name} knows no parameters: its file has no column param.NAME")
        return point(self.points[row], *(getattr(self, cost)[row] for cost in BUILT_IN))

    @cached_property
    def _known(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """``(n, s)`` columns with the recorded ones of each row first, and ``(n,)`` how many these are."""
        missing = np.isnan(self.signal)
        return np.asarray(np.argsort(missing, axis=1, kind="stable")), np.asarray((~missing).sum(axis=1))

    @property
    def holds_out(self) -> bool:
        """Whether a search is shown one of several trainings, and what is reported can be the mean of the others."""
        return self.hold_out and (self.signal_name, self.score_name) == (ONE_SEED, MEAN)

    def reported(self, row: int, seed: int) -> float:
        """The score of a network in a run of this seed: the mean over the trainings that the run was not shown.

        The mean with the one that made it look good is optimistic. A network with one recorded training has no other,
        and where signal and score are something else, the score is what it is.
        """
        order, count = self._known
        if not self.holds_out or count[row] == 1:
            return float(self.score[row])
        shown, _ = self.seen(row, seed)
        return float((np.nansum(self.signal[row]) - shown) / (count[row] - 1))

    def seen(self, row: int, seed: int) -> tuple[float, Floats]:
        """What a search sees of a network: one of its recorded trainings.

        Args:
            seed: with equal seeds the same network always looks the same, whatever was asked before.

        Returns:
            The error, and its curve ``(t,)`` up to the last epoch that is known; empty where it has gaps.
        """
        order, count = self._known
        column = order[row, keyed.integer("signal", seed, self.keys[row]) % int(count[row])]
        curve = self.curves[row, column]
        known = np.flatnonzero(np.isfinite(curve))
        whole = len(known) > 0 and int(known[-1]) == len(known) - 1
        return float(self.signal[row, column]), curve[: len(known)] if whole else curve[:0]

    def ceiling(self) -> float:
        """Expected score of the network that looks best when every network is looked at once.

        No search that sees each network once can expect more: with noise this is worse than the best score. The
        expectation over which recorded seed of each network is shown is the mean over 200 keyed draws; equal looks
        count equally. Scores are of the trainings that are not shown, see `reported`.
        """
        order, count = self._known
        scores, total = [], np.nansum(self.signal, axis=1)
        others = np.maximum(count - 1, 1)
        for draw in range(_CEILING_DRAWS):
            uniforms = keyed.generator("ceiling", draw).random(len(self))
            chosen = np.take_along_axis(order, (uniforms * count).astype(np.int64)[:, None], axis=1)
            looks = np.take_along_axis(self.signal, chosen, axis=1)[:, 0]
            held = np.where(self.holds_out & (count > 1), (total - looks) / others, self.score)
            scores.append(held[looks == looks.min()].mean())
        return float(np.mean(scores))

    def take(self, rows: Sequence[int]) -> Table:
        """Some of the networks."""
        kept = np.asarray(rows, dtype=np.int64)
        arrays = ("signal", "score", "seconds", "curves", "depth", *BUILT_IN)
        lists: dict[str, Any] = {
            name: tuple(found[row] for row in rows)
            for name in ("keys", "points", "architectures")
            if (found := getattr(self, name)) is not None
        }
        return replace(self, **{name: getattr(self, name)[kept] for name in arrays}, **lists)

    def permuted(self, seed: int) -> Table:
        """A null table: which network has which errors is a random permutation, so nothing can be learned.

        Signal, score and curves of one network stay together; costs and seconds stay where they are.
        """
        rows = keyed.generator("permuted", seed).permutation(len(self))
        return replace(self, signal=self.signal[rows], score=self.score[rows], curves=self.curves[rows])


def point(params: Params, flops: float, costs: float, activations: float) -> Point:
    """The architecture of one row of a table; NaN is a cost that it does not know."""
    known = (None if math.isnan(cost) else round(cost) for cost in (flops, costs, activations))
    return Point(tuple(params.items()), *known)


def unknown(*shape: int) -> Floats:
    """An array of what is not known, of any shape such as ``(n, s)``."""
    return np.full(shape, np.nan)
