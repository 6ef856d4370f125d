"""A run: what one strategy did on one space under one seed, evaluation by evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.errors import UsageError
from regnas.studies.search.identity import in_present_words
from regnas.system.files import write_json
from regnas.system.reading import fields_if_whole

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SCHEMA = 1


class TimeOver(Exception):
    """The time that a benchmark may take is over."""


@dataclass(frozen=True, eq=False)
class Run:
    """n evaluations in the order in which they ended.

    Attributes:
        networks: keys of the networks.
        signal: ``(n,)``, the error that the strategy was told; NaN where the evaluation failed.
        score: ``(n,)``, the error that is reported; the strategy never saw it.
        started, ended: ``(n,)``, seconds of the clock, simulated or real.
        epochs: ``(n,)``, epochs trained; 0 where the evaluator has none.
        whole: ``(n,)``, whether it was trained to the last epoch.
        returned_by_model: score of the network that the model rule returns, by number of evaluations; empty where it
            was not asked for.
        outside: evaluations that a surrogate answered outside the range it knows.
        refused: proposals of the strategy's sampler that were outside the window or seen before, and became no
            evaluation.
        proposal_seconds: processor time of all proposals, the one thing that two equal runs differ in; None where it
            was not measured.
        origins: of a strategy that is told what became of its proposals, by `regnas.sampler.Origin`, of how many
            evaluations the candidate was its own, the nearest one to a proposal outside the window (``nearest``) or
            evaluated before (``repeat``), or a random one (``stream``).
        unanswered: proposals that a program was to make and did not.
    """

    strategy: str
    seed: int
    networks: tuple[str, ...]
    signal: Floats
    score: Floats
    started: Floats
    ended: Floats
    epochs: Ints
    whole: npt.NDArray[np.bool_]
    returned_by_model: Mapping[int, float] = field(default_factory=dict)
    outside: int = 0
    refused: int = 0
    proposal_seconds: float | None = None
    origins: Mapping[str, int] = field(default_factory=dict)
    unanswered: int = 0

    def __len__(self) -> int:
        return len(self.networks)

    @property
    def choosable(self) -> Floats:
        """``(n,)``: the smaller, the sooner a network is returned; infinity where its evaluation failed.

        Whole trainings come first; of two that were stopped the one with more epochs, as errors of other epochs say
        little.
        """
        behind = np.where(self.whole, 0, 1 + self.epochs.max(initial=0) - self.epochs)
        return np.where(np.isfinite(self.signal), self.signal + behind, np.inf)

    @property
    def new(self) -> npt.NDArray[np.bool_]:
        """``(n,)``: whether the network was not evaluated before in this run."""
        seen: set[str] = set()
        fresh = []
        for key in self.networks:
            fresh.append(key not in seen)
            seen.add(key)
        return np.array(fresh, dtype=np.bool_)

    @property
    def failed(self) -> int:
        """Evaluations that failed."""
        return int(np.isnan(self.signal).sum())


def write_run(path: Path, run: Run, settings: Mapping[str, Any]) -> None:
    """Put a run on disk, whole, with what it is a run of."""
    columns = {name: _plain(getattr(run, name)) for name in ("signal", "score", "started", "ended", "epochs", "whole")}
    write_json(
        path,
        {
            "schema": SCHEMA,
            "settings": dict(settings),
            "strategy": run.strategy,
            "seed": run.seed,
            "networks": list(run.networks),
            **columns,
            "returned_by_model": {str(n): score for n, score in run.returned_by_model.items()},
            "outside": run.outside,
            "refused": run.refused,
            "proposal_seconds": run.proposal_seconds,
            **({"origins": dict(run.origins), "unanswered": run.unanswered} if run.origins else {}),
        },
    )


def read_run(path: Path, settings: Mapping[str, Any]) -> Run | None:
    """The run on disk if it is one of these very settings, else None."""
    stored = fields_if_whole(path, schema=int, settings=dict, strategy=str, seed=int, networks=list)
    if stored is None:
        return None
    try:
        if stored["schema"] != SCHEMA or in_present_words(stored["settings"]) != json.loads(json.dumps(dict(settings))):
            return None
        return Run(
            strategy=stored["strategy"],
            seed=stored["seed"],
            networks=tuple(stored["networks"]),
            **{name: _column(stored[name]) for name in ("signal", "score", "started", "ended")},
            epochs=np.array(stored["epochs"], dtype=np.int64),
            whole=np.array(stored["whole"], dtype=np.bool_),
            returned_by_model={int(n): score for n, score in stored["returned_by_model"].items()},
            outside=stored["outside"],
            refused=stored["refused"],
            proposal_seconds=stored["proposal_seconds"],
            origins=dict(stored.get("origins", {})),
            unanswered=stored.get("unanswered", 0),
        )
    except (UsageError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None


def _plain(column: npt.NDArray[Any]) -> list[Any]:
    return [None if isinstance(value, float) and not np.isfinite(value) else value for value in column.tolist()]


def _column(values: list[Any]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
