"""A search that has been checked and can start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from optuna.samplers import BaseSampler

from regnas.dataset import DataSet
from regnas.design_space import Space, make_space
from regnas.errors import UsageError
from regnas.evaluator import SupportsPrepare, SupportsTest, Task, make_evaluator
from regnas.pruner import NONE
from regnas.sampling.batch import Params
from regnas.sampling.stream import DUPLICATES
from regnas.search_spaces.staged.complexity import feature_sizes
from regnas.search_spaces.staged.space import StagedSpace
from regnas.strategy import make_strategy
from regnas.studies.executors.make import PROCESS
from regnas.studies.executors.resources import Staff, staff
from regnas.studies.search import enqueue as enqueued
from regnas.studies.search import warm_start as warm
from regnas.studies.search.budget import candidates, check_early
from regnas.studies.search.identity import Settings, folder_name, images_json, study_name
from regnas.studies.search.pareto import axes
from regnas.studies.search.regime import epochs_of, images_of, in_regime
from regnas.studies.search.stream_version import stored_version
from regnas.studies.search.warm_start import WarmStart
from regnas.studies.storage.open import quiet, storage_url
from regnas.window import Window


@dataclass(frozen=True, kw_only=True)
class SearchPlan:
    """A search that has been checked and can start."""

    space: Space
    strategy: str
    sampler: BaseSampler
    settings: Settings
    task: Task
    evaluator: str
    data: DataSet | None
    budget: int
    seed: int
    name: str
    folder: Path
    storage: str
    staff: Staff
    facts: Mapping[str, Any]
    can_test: bool
    repeat: int = 0
    epochs: int | None = None
    budget_epochs: int | None = None
    warm: WarmStart | None = None
    enqueued: tuple[Params, ...] = ()
    pareto: tuple[str, ...] = ()

    @property
    def workers(self) -> int:
        """Candidates at a time; 0 for one in this process."""
        return self.staff.count

    @property
    def stops_early(self) -> bool:
        """Whether candidates may be stopped before their last epoch."""
        return self.settings.pruner != NONE or self.budget_epochs is not None

    def headline(self) -> str:
        """What is about to run, in three lines."""
        images = self.space.images
        inside = "" if self.space.window.open else f" inside {self.space.window}"
        source = self.data.name if self.data else self.evaluator
        sizes = ""
        if isinstance(self.space, StagedSpace):
            pixels = feature_sizes(self.space.template(), images.resolution)
            sizes = f"; stem and stages see {', '.join(map(str, pixels))} px"
        each = "each" if self.settings.pruner == NONE else f"at most, pruner {self.settings.pruner}"
        training = f", {self.epochs} epochs {each}" if self.epochs else ""
        if self.budget_epochs is not None:
            training += f", {self.budget_epochs} in all"
        return (
            f"{self.space.spec}{inside}, strategy {self.strategy}, seed {self.seed}\n"
            f"{source}: {images.resolution} px, {images.classes} classes{training}{sizes}\n"
            f"{self.workers or 1} x {self.staff.place}, study {self.name!r} in {self.folder}/"
        )


def plan(
    space: str | Space = "regnetx",
    *,
    strategy: str | BaseSampler = "random",
    budget: int | None = None,
    budget_epochs: int | None = None,
    pruner: str = NONE,
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
    executor: str = PROCESS,
    ray_address: str | None = None,
    per_device: int | str = 1,
    timeout: float | None = None,
    retrain: int | None = None,
    warm_start: str | Path | None = None,
    enqueue: str | Path | None = None,
    pareto: Sequence[str] = (),
    repeat: int = 0,
) -> SearchPlan:
    """Check everything that can be checked before a search starts.

    Args:
        budget: candidates that are evaluated, or with a pruner started; 25 unless said, and without
            ``budget_epochs``.
        budget_epochs: epochs of all candidates together, after which the study ends.
        pruner: a spec such as ``asha[eta=4]``, or ``none``.
        warm_start: another study, by its folder or its name in the storage, whose trials the strategy learns from.
        enqueue: a file of networks to evaluate first (see `regnas.studies.search.enqueue.read`).
        executor: who evaluates, a spec; with ``ray_address``, ``workers``, ``device``, ``per_device`` and ``timeout``
            as `regnas.studies.executors.resources.staff` takes them. None of these is part of a study's identity.
        pareto: complexities, ``flops``, ``params`` or ``activations``, against which the best errors are listed.
        repeat: above 0, the same candidates are trained with further seeds of this number, in a study of their own.

    Raises:
        UsageError: what was asked makes no sense.
        RegnasError: a data set, device, plug-in or window that is not there.
    """
    _check_numbers(epochs, duplicates, budget=budget, budget_epochs=budget_epochs)
    if retrain is not None and retrain < 1:
        raise UsageError(f"--retrain is the number of epochs, at least 1; got {retrain}")
    found = make_space(space) if isinstance(space, str) else space
    window = Window.parse(flops, params, acts)
    cache = Path(out) / "cache"
    task = Task(
        data=data,
        data_root=str(data_root) if data_root else None,
        cache=str(cache),
        resolution=resolution,
        epochs=epochs,
        download=download,
    )
    made = make_evaluator(evaluator, task)
    evaluating = staff(
        made,
        executor=executor,
        ray_address=ray_address,
        device=device,
        workers=workers,
        per_device=per_device,
        timeout=timeout,
    )
    images = images_of(made, task)
    found = in_regime(found, made, images, window)
    facts = dict(made.prepare()) if isinstance(made, SupportsPrepare) else {}
    whole = epochs_of(made, facts)
    pruner = check_early(pruner, budget_epochs, whole, duplicates)
    label = strategy if isinstance(strategy, str) else type(strategy).__name__
    name = study or study_name(found, label, seed, repeat, pruner)
    url = storage_url(storage, Path(out))
    names = (name, study_name(found, label, seed, 0, pruner)) if repeat else (name,)
    found = found.on_stream(stored_version(url, *names) or found.stream_version)
    settings = Settings(
        space=found.spec,
        window=str(found.window),
        images=images_json(found.images),
        strategy=label,
        seed=seed,
        duplicates=duplicates,
        evaluator=evaluator,
        data=data if images is not None else evaluator,
        recipe=facts.get("recipe", {}),
        stream_version=found.stream_version,
        repeat=repeat,
        pruner=pruner,
    )
    return SearchPlan(
        space=found,
        strategy=label,
        sampler=_sampler(strategy, found, seed, duplicates, evaluating.count),
        settings=settings,
        task=replace(task, download=False),
        evaluator=evaluator,
        data=images,
        budget=candidates(budget, budget_epochs, whole, pruner),
        seed=seed,
        name=name,
        folder=Path(out) / folder_name(name),
        storage=url,
        staff=evaluating,
        facts=facts,
        can_test=isinstance(made, SupportsTest),
        repeat=repeat,
        epochs=whole,
        budget_epochs=budget_epochs,
        warm=None if warm_start is None else warm.read(warm_start, url, settings.to_json(), found),
        enqueued=() if enqueue is None else enqueued.read(enqueue, found),
        pareto=axes(pareto),
    )


def _check_numbers(epochs: int | None, duplicates: str, *, budget: int | None, budget_epochs: int | None) -> None:
    if budget is not None and budget < 1:
        raise UsageError(f"--budget is the number of evaluations, at least 1; got {budget}")
    if budget_epochs is not None and budget_epochs < 1:
        raise UsageError(f"--budget-epochs is at least 1, got {budget_epochs}")
    if epochs is not None and epochs < 1:
        raise UsageError(f"--epochs is at least 1, got {epochs}")
    if duplicates not in DUPLICATES:
        raise UsageError(f"--duplicates is one of {', '.join(DUPLICATES)}, got {duplicates!r}")


def _sampler(strategy: str | BaseSampler, space: Space, seed: int, duplicates: str, workers: int) -> BaseSampler:
    if isinstance(strategy, str):
        with quiet():  # some of Optuna's samplers warn that they are experimental
            return make_strategy(strategy, space, seed=seed, duplicates=duplicates, parallel=workers > 1)
    from regnas.strategies.sampling.feasible import FeasibleSampler

    if isinstance(strategy, FeasibleSampler):
        if strategy.space.stream_version != space.stream_version:
            raise UsageError(
                f"this study began with version {space.stream_version} of the stream of candidates; give a "
                f"FeasibleSampler of space.on_stream({space.stream_version})"
            )
        return strategy
    return FeasibleSampler(space, strategy, seed=seed, duplicates=duplicates)


def on_stream(one: SearchPlan, version: int) -> SearchPlan:
    """A plan with a strategy by name, on a version of the stream."""
    if one.space.stream_version == version:
        return one
    space = one.space.on_stream(version)
    sampler = _sampler(one.strategy, space, one.seed, one.settings.duplicates, one.workers)
    return replace(one, space=space, sampler=sampler, settings=replace(one.settings, stream_version=version))
