"""``regnas search``: sample, train, rank, store; and the same from Python."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import BaseSampler

from regnas import weights
from regnas.complexity import feature_sizes
from regnas.dataset import DataSet, make_dataset
from regnas.design_space import Space, make_space
from regnas.errors import StudyError, UsageError
from regnas.evaluator import SupportsPrepare, SupportsTest, Task
from regnas.files import write_json
from regnas.search_spaces.staged import StagedSpace
from regnas.strategy import make_strategy
from regnas.stream import DUPLICATES
from regnas.studies import outcome
from regnas.studies.driver import Driver, Interrupted
from regnas.studies.pool import Pool, make_pool
from regnas.studies.progress import Progress, Silent
from regnas.studies.settings import ATTRIBUTE, Settings, check_same, folder_name, images_json, study_name
from regnas.studies.storage import FolderLock, open_study, quiet, storage_url
from regnas.studies.worker import make_evaluator
from regnas.window import Window

# Distinct candidates that must exist are looked for before any training, up to this many.
_LOOK_AHEAD = 1000


@dataclass(frozen=True, eq=False)
class SearchResult:
    """What a search returns.

    Attributes:
        best: the winner by validation error.
        rows: every trial as a mapping, in the order of the candidate index.
        study: the Optuna study.
        folder: the study's files.
        notes: what the data set says of its regime.
    """

    best: outcome.Best
    rows: list[dict[str, Any]]
    study: optuna.Study
    folder: Path
    settings: Mapping[str, Any]
    facts: Mapping[str, Any]
    seed_sd: float | None = None

    @property
    def trials(self) -> Any:
        """A pandas DataFrame of the trials where pandas is installed, else `rows`."""
        try:
            import pandas
        except ImportError:
            return self.rows
        return pandas.DataFrame(self.rows)


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
) -> Plan:
    """Check everything that can be checked before a search starts.

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
    )
    name = study or study_name(found, label, seed)
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


def run(search_plan: Plan, progress: Progress) -> SearchResult:
    """Run a checked search to its budget, or go on with one.

    Raises:
        Interrupted: Ctrl-C; what is finished is stored.
        StudyError: the study is another one, is in use, or its candidates fail.
    """
    one = search_plan
    lock = FolderLock(one.folder)
    pool: Pool | None = None
    try:
        study = open_study(one.storage, one.name, one.sampler)
        settings = one.settings.to_json()
        _settle(study, settings, one.name)
        _check_folder(one)
        write_json(one.folder / "study.json", {"name": one.name, "storage": one.storage, "settings": settings})
        done = len(study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,)))
        if done < one.budget:
            one.space.sample(min(one.budget, _LOOK_AHEAD), seed=one.seed, duplicates=one.settings.duplicates)
            pool = _pool(one, one.workers)
            _drive(one, study, pool, progress)
        return _finish(one, study, settings, pool)
    except (OSError, optuna.exceptions.StorageInternalError) as error:
        raise StudyError(f"cannot go on with study {one.name!r}: {error}") from error
    finally:
        progress.stop()
        if pool is not None:
            pool.close()
        lock.release()


def _check_folder(one: Plan) -> None:
    """Two names can make one folder, ``a/b`` and ``a-b``; two studies cannot."""
    try:
        other = json.loads((one.folder / "study.json").read_text())["name"]
    except (OSError, ValueError, KeyError):
        return
    if other != one.name:
        raise StudyError(f"{one.folder} is the folder of study {other!r}; give this one another name with --study")


def _settle(study: optuna.Study, settings: dict[str, Any], name: str) -> None:
    stored = study.user_attrs.get(ATTRIBUTE)
    if stored is None:
        if study.get_trials(deepcopy=False):
            raise StudyError(f"study {name!r} was not made by regnas search; give this one another name with --study")
        study.set_user_attr(ATTRIBUTE, json.dumps(settings, sort_keys=True))
        return
    check_same(json.loads(stored), settings, name)


def _pool(one: Plan, workers: int) -> Pool:
    return make_pool(one.evaluator, one.task, one.devices, workers, one.folder / "logs")


def _drive(one: Plan, study: optuna.Study, pool: Pool, progress: Progress) -> None:
    driver = Driver(
        study, one.space, pool, one.folder, seed=one.seed, duplicates=one.settings.duplicates, progress=progress
    )
    try:
        driver.run(one.budget)
    finally:
        outcome.write_files(one.folder, outcome.rows_of(study, one.space))


def _finish(one: Plan, study: optuna.Study, settings: dict[str, Any], pool: Pool | None) -> SearchResult:
    rows = outcome.rows_of(study, one.space)
    outcome.write_files(one.folder, rows)
    winner = outcome.complete_rows(rows)[0]
    test_error = outcome.known_test_error(one.folder, winner, settings)
    if test_error is None:
        test_error = _test(one, winner, pool)
    best = outcome.write_best(one.folder, winner, test_error, dict(one.facts), settings)
    regime = one.data.regime
    # The noise was measured with the regime's own recipe, and says nothing of another.
    usual = one.evaluator == "train" and one.task.epochs in (None, regime.epochs)
    return SearchResult(best, rows, study, one.folder, settings, one.facts, regime.seed_sd if usual else None)


def _test(one: Plan, winner: dict[str, Any], pool: Pool | None) -> float | None:
    """Score the winner's kept weights on the test images, in a worker: the only use of these images."""
    kept, result = one.folder / "checkpoints" / str(winner["index"]), one.folder / "test.json"
    if not one.can_test or not (kept / weights.WEIGHTS).exists():
        return None
    lent = pool or _pool(one, min(1, one.workers))
    try:
        job = {"index": -1, "test": True, "architecture": winner["architecture"]}
        lent.submit({**job, "folder": str(kept), "result": str(result)})
        while not (ends := [event for event in lent.events(1.0) if event.kind != "epoch"]):
            pass
        if ends[0].kind == "failed":
            raise StudyError(f"the winner cannot be tested: {ends[0].message}; the same command tries again")
        error: float | None = json.loads(result.read_text())["test_error"]
        return error
    finally:
        if pool is None:
            lent.close()


def search(
    space: str | Space = "regnetx", *, quiet: bool = False, retrain: int | None = None, **options: Any
) -> SearchResult:
    """What ``regnas search`` does, from Python; the options are its flags.

    Args:
        space: a spec string, or a space with a window of its own.
        strategy: a spec string, or any Optuna sampler.
        retrain: epochs to train the winner afterwards, on training and validation images.

    Returns:
        The winner, all trials, and the Optuna study. A finished study returns what is stored.

    Raises:
        RegnasError: see `plan` and `run`.
    """
    from rich.console import Console

    from regnas.studies.progress import Lines

    checked = plan(space, retrain=retrain, **options)
    progress: Progress = Silent() if quiet else Lines(Console(), checked.workers)
    result = run(checked, progress)
    if retrain is not None:
        from regnas.studies.train import train

        where = {"data_root": options.get("data_root"), "device": options.get("device", "auto")}
        train(str(result.folder), epochs=retrain, quiet=quiet, **where)
    return result


__all__ = ["Interrupted", "Plan", "SearchResult", "plan", "run", "search"]
