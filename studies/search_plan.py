"""A search that has been checked and can start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from optuna.samplers import BaseSampler

from regnas.complexity import feature_sizes
from regnas.dataset import DataSet, make_dataset
from regnas.design_space import Space, make_space
from regnas.errors import UsageError
from regnas.evaluator import SupportsPrepare, SupportsTest, Task
from regnas.search_spaces.staged import StagedSpace
from regnas.strategy import make_strategy
from regnas.stream import DUPLICATES
from regnas.studies.settings import Settings, folder_name, images_json, study_name
from regnas.studies.storage import quiet, storage_url
from regnas.studies.worker import make_evaluator
from regnas.window import Window


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A search that has been checked and can start."""

    space: Space
    strategy: str
    sampler: BaseSampler
    settings: Settings
    task: Task
    evaluator: str
    data: DataSet
    budget: int
    seed: int
    name: str
    folder: Path
    storage: str
    workers: int
    devices: tuple[str, ...]
    facts: Mapping[str, Any]
    can_test: bool
    repeat: int = 0

    def headline(self) -> str:
        """What is about to run, in three lines."""
        images = self.space.images
        sizes = ""
        if isinstance(self.space, StagedSpace):
            pixels = feature_sizes(self.space.template(), images.resolution)
            sizes = f"; stem and stages see {', '.join(map(str, pixels))} px"
        epochs = self.facts.get("recipe", {}).get("epochs")
        training = f", {epochs} epochs each" if epochs else ""
        return (
            f"{self.space.spec} inside {self.space.window}, strategy {self.strategy}, seed {self.seed}\n"
            f"{self.data.name}: {images.resolution} px, {images.classes} classes{training}{sizes}\n"
            f"{self.workers or 1} x {self.devices[0].split(':')[0]}, study {self.name!r} in {self.folder}/"
        )


def plan(
    space: str | Space = "regnetx",
    *,
    strategy: str | BaseSampler = "random",
    budget: int = 25,
    seed: int = 0,
    study: str | None = None,
    storage: str | None = None,
    out: str | Path = "regnas-runs",
    evaluator: str = "train",
    data: str = "fashion-mnist-mini",
    data_root: str | Path | None = None,
    download: bool = False,
    resolution: int | None = None,
    epochs: int | None = None,
    flops: str | float | None = None,
    params: str | float | None = None,
    acts: str | float | None = None,
    duplicates: str = "reject",
    workers: int | None = None,
    device: str = "auto",
    retrain: int | None = None,
    repeat: int = 0,
) -> Plan:
    """Check everything that can be checked before a search starts.

    Args:
        repeat: above 0, the same candidates are trained with further seeds of this number, in a study of their own.

    Raises:
        UsageError: what was asked makes no sense.
        RegnasError: a data set, device, plug-in or window that is not there.
    """
    _check_numbers(budget, epochs, workers, duplicates)
    if retrain is not None and retrain < 1:
        raise UsageError(f"--retrain is the number of epochs, at least 1; got {retrain}")
    found = make_space(space) if isinstance(space, str) else space
    cache = Path(out) / "cache"
    images = make_dataset(data, root=data_root, download=download, resolution=resolution, cache=cache)
    found = _in_regime(found, images, Window.parse(flops, params, acts))
    from regnas.evaluators.runtime import devices

    leased = tuple(devices(device))
    count = (len(leased) if leased[0] != "cpu" else _cores()) if workers is None else workers
    task = Task(
        data=data,
        data_root=str(data_root) if data_root else None,
        cache=str(cache),
        resolution=resolution,
        epochs=epochs,
        download=download,
    )
    made = make_evaluator(evaluator, task)
    facts = dict(made.prepare()) if isinstance(made, SupportsPrepare) else {}
    label = strategy if isinstance(strategy, str) else type(strategy).__name__
    settings = Settings(
        space=found.spec,
        window=str(found.window),
        images=images_json(found.images),
        strategy=label,
        seed=seed,
        duplicates=duplicates,
        evaluator=evaluator,
        data=data,
        recipe=facts.get("recipe", {}),
        repeat=repeat,
    )
    name = study or study_name(found, label, seed, repeat)
    return Plan(
        space=found,
        strategy=label,
        sampler=_sampler(strategy, found, seed, duplicates, count),
        settings=settings,
        task=replace(task, download=False),
        evaluator=evaluator,
        data=images,
        budget=budget,
        seed=seed,
        name=name,
        folder=Path(out) / folder_name(name),
        storage=storage_url(storage, Path(out)),
        workers=count,
        devices=leased,
        facts=facts,
        can_test=isinstance(made, SupportsTest),
        repeat=repeat,
    )


def _check_numbers(budget: int, epochs: int | None, workers: int | None, duplicates: str) -> None:
    if budget < 1:
        raise UsageError(f"--budget is the number of evaluations, at least 1; got {budget}")
    if epochs is not None and epochs < 1:
        raise UsageError(f"--epochs is at least 1, got {epochs}")
    if workers is not None and workers < 0:
        raise UsageError(f"--workers is at least 0 (0: this process), got {workers}")
    if duplicates not in DUPLICATES:
        raise UsageError(f"--duplicates is one of {', '.join(DUPLICATES)}, got {duplicates!r}")


def _in_regime(space: Space, data: DataSet, window: Window) -> Space:
    """The space on the data set's images, inside the window asked for, or its own, or the data set's."""
    asked = window if not window.open else space.window
    if asked.open:
        asked = Window.parse(flops=data.regime.flops)
    return space.on(data.regime.images).within(asked)


def _sampler(strategy: str | BaseSampler, space: Space, seed: int, duplicates: str, workers: int) -> BaseSampler:
    if isinstance(strategy, str):
        with quiet():  # some of Optuna's samplers warn that they are experimental
            return make_strategy(strategy, space, seed=seed, duplicates=duplicates, parallel=workers > 1)
    from regnas.strategies.feasible import FeasibleSampler

    if isinstance(strategy, FeasibleSampler):
        return strategy
    return FeasibleSampler(space, strategy, seed=seed, duplicates=duplicates)


def _cores() -> int:
    import os

    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return count or 1
