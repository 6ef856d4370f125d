"""A search that has been checked and can start."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

from optuna.samplers import BaseSampler

from regnas.dataset import DataSet
from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.evaluator import (
    SupportsEarlier,
    SupportsPrepare,
    SupportsSeedNoise,
    SupportsTest,
    Task,
    check_facts,
    make_evaluator,
)
from regnas.fit import SupportsFit
from regnas.logger import check_logger
from regnas.measure import flag_of
from regnas.objective import ERROR, Objective
from regnas.options import SearchOptions
from regnas.plugins import spec
from regnas.pruner import NONE, after_steps
from regnas.sampler import SupportsInner, SupportsLeastBudget
from regnas.sampling.batch import Params
from regnas.strategy import make_strategy
from regnas.studies.audit.screen import NO_SCREEN, Scorer, Screen, learns_from, screened
from regnas.studies.executors.resources import Allocation, allocate
from regnas.studies.run.progress import duration
from regnas.studies.search.budget import CANDIDATES
from regnas.studies.search.identity import Settings, folder_name, study_name
from regnas.studies.search.images import FINGERPRINT, fingerprint_of, mirrored_said
from regnas.studies.search.known import enqueue, fitters, warm_start
from regnas.studies.search.known.fitters import Fitting
from regnas.studies.search.known.warm_start import WarmStart
from regnas.studies.search.pareto import axes
from regnas.studies.search.regime import epochs_of, images_of
from regnas.studies.search.request import SearchRequest, request_of
from regnas.studies.search.searched_space import halved, measured_on, placed
from regnas.studies.search.stream_version import (
    stored_pruner,
    stored_recipe,
)
from regnas.studies.storage.open import quiet, storage_url
from regnas.system.text import counted
from regnas.window import Window

_BLIND = ("random", "qmc", "grid")  # strategies that learn nothing
_MANY_TO_VALIDATE = 75  # an error of 25 % is then certain to 5 points


@dataclass(frozen=True, kw_only=True)
class SearchPlan:
    """A search that has been checked and can start.

    Attributes:
        limit: the window as it was asked for; the space's own may be its upper half.
        automatic: whether the space was chosen by images and window.
        seconds: that baselines and candidates may take; None for as long as they do.
        remarks: on the window, in words.
        objective: what is minimised; None for the error.
        screen: what candidates have to pass before training; None where nothing.
        loggers: specs of what hears of it.
        fitting: what is trained before the first candidate.
    """

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
    allocation: Allocation
    facts: Mapping[str, Any]
    can_test: bool
    repeat: int = 0
    baselines: bool = True
    epochs: int | None = None
    budget_epochs: int | None = None
    least_epochs: int = 0
    warm: WarmStart | None = None
    enqueued: tuple[Params, ...] = ()
    pareto: tuple[str, ...] = ()
    seed_sd: float | None = None
    limit: Window = Window()
    seconds: float | None = None
    automatic: bool = False
    remarks: tuple[str, ...] = ()
    objective: Objective | None = None
    screen: Screen | None = None
    loggers: tuple[str, ...] = ()
    fitting: Fitting = Fitting()

    @property
    def fitter(self) -> SupportsFit | None:
        """What trains something before the first candidate; None where nothing does."""
        return self.fitting.fitter

    @property
    def workers(self) -> int:
        """Candidates at a time; 0 for one in this process."""
        return self.allocation.count

    def _counted(self) -> str:
        """The images of every part, for the headline."""
        counts = self.facts.get("images", {}) if self.data else {}
        listed = "".join(f", {count:,} {part}" for part, count in counts.items())
        return f"{listed} images" if listed else ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should hear before the first candidate."""
        screen = () if self.screen is None else (self.screen.said(self.strategy not in _BLIND),)
        mirrored = mirrored_said(self.data, self.facts.get("recipe", {}), self.evaluator)
        return (
            *([] if mirrored is None else [mirrored]),
            *self.remarks,
            *screen,
            *self.allocation.notes,
            *self.facts.get("remarks", ()),
            *self._few_to_validate(),
        )

    def _few_to_validate(self) -> Iterator[str]:
        """That errors are counted on few images, where that is so."""
        count = self.facts.get("images", {}).get("validation", _MANY_TO_VALIDATE)
        if count < _MANY_TO_VALIDATE:
            noise = math.sqrt(0.25 * 0.75 / max(1, count))
            yield (
                f"few images to validate on: {count}; an error of 25 % is uncertain by {noise:.0%}, so the winner is "
                f"hardly more than one of the better ones"
            )

    @property
    def stops_early(self) -> bool:
        """Whether candidates may be stopped before their last epoch."""
        return self.settings.pruner != NONE or self.budget_epochs is not None

    def headline(self) -> str:
        """What is about to run, in three lines."""
        images = self.space.images
        inside = "" if self.space.window.open else f" inside {self.space.window}{self._half}"
        source = self.data.name if self.data else self.evaluator
        sizes = f"; {seen}" if (seen := self.space.sees()) else ""
        each = "each" if self.settings.pruner == NONE else f"at most, pruner {self.settings.pruner}"
        more = f" in place of {self._fewer_epochs}" if self._fewer_epochs else ""
        training = f", {counted(self.epochs, 'epoch')}{more} {each}{self._few}" if self.epochs else ""
        if self.budget_epochs is not None:
            training += f", {self.budget_epochs} in all"
            if self.budget_epochs < self.least_epochs:
                training += f", and it takes {self.least_epochs} until one candidate is whole"
        if self.seconds is not None:
            training += f", for {duration(self.seconds)}"
        automatic = " (--space auto)" if self.automatic else ""
        sought = "" if self.objective is None else f", objective {self.objective}"
        return (
            f"{self.space.spec}{automatic}{inside}, strategy {self.strategy}, seed {self.seed}{sought}\n"
            f"{source}: {images.resolution} px, {images.classes} classes{self._counted()}{training}{sizes}\n"
            f"{self.workers or 1} x {self.allocation.place}, study {self.name!r} in {self.folder}/"
        )

    @property
    def _half(self) -> str:
        """That only the upper half of what was allowed is searched, and how to search all of it."""
        found = [name for name, bounds in self.limit.items() if bounds != self.space.window.bounds(name)]
        if not found:
            return ""
        bounds = self.limit[found[0]]
        return f" (the upper half of {bounds}; {flag_of(found[0])} 0{bounds} is all of it)"

    @property
    def _few(self) -> str:
        """What follows from there being few images."""
        recipe, training = self.facts.get("recipe", {}), self.facts.get("images", {}).get("training")
        if training is None or recipe.get("drop_last", True):
            return ""
        batches = f"in batches of {recipe['batch_size']}"
        if self._fewer_epochs:
            return f", {batches}, as there are few images to train on ({training:,})"
        return f" {batches} (few images to train on: {training:,})"

    @property
    def _fewer_epochs(self) -> int:
        """Epochs of the data set's regime, where few images mean more; 0 where not, or the user said how many."""
        said = self.task.epochs is not None or "epochs" in spec.parse(self.evaluator, "evaluator")[2]
        if said or self.data is None or self.facts.get("recipe", {}).get("drop_last", True):
            return 0
        usual = self.data.regime.epochs
        return usual if usual < (self.epochs or 0) else 0


def plan(
    space: str | Space = "regnetx", *, repeat: int = 0, upper_half: bool = False, **options: Unpack[SearchOptions]
) -> SearchPlan:
    """Check everything that can be checked before a search starts.

    Args:
        repeat: above 0, the same candidates are trained with further seeds of this number, in a study of their own.
        upper_half: a window that is only a limit means the half below it: for searches, not for populations.
        options: as `regnas.options.SearchOptions` describes them.

    Raises:
        UsageError: what was asked makes no sense.
        RegnasError: a data set, device, plug-in or window that is not there.
    """
    asked = request_of(space, options, repeat, upper_half)
    for text in asked.log:
        check_logger(text)
    return plan_of(asked)


def plan_of(asked: SearchRequest) -> SearchPlan:
    """The plan of a request; errors as of `plan`."""
    evaluator = make_evaluator(asked.evaluator, asked.task)
    allocation = allocate(evaluator, asked.resources, _most_at_a_time(asked))
    data = images_of(evaluator, asked.task)
    facts = check_facts(evaluator, evaluator.prepare()) if isinstance(evaluator, SupportsPrepare) else {}
    fingerprint = fingerprint_of(data)
    facts |= {FINGERPRINT: fingerprint} if fingerprint else {}
    epochs = epochs_of(evaluator, facts)
    pruner = asked.budget.checked_pruner(epochs, asked.duplicates)
    asked.budget.check_objective(asked.sought, facts.get("scored"))
    url = storage_url(asked.place.storage, asked.place.out)
    name, space = placed(asked, evaluator, data, allocation, pruner=pruner, url=url)
    limit, budget = space.window, asked.budget.count(epochs, pruner)
    space, remarks = halved(asked, space, budget, url, name, data) if data is not None else (space, ())
    first = study_name(space, asked.label, asked.seed, 0, pruner, asked.also)  # of whose networks a repeat is
    begun = stored_recipe(url, *((name, first) if asked.repeat else (name,)))
    begun = begun or warm_start.recipe_of(asked.warm_start, url)
    if isinstance(evaluator, SupportsEarlier) and (options := evaluator.as_begun(begun)):
        return _as_begun(asked, options, url)
    source = asked.task.data if data is not None else asked.evaluator
    if pruner != NONE and epochs and facts.get("steps") and stored_pruner(url, name) != pruner:
        pruner = after_steps(pruner, epochs, facts["steps"])
    settings = _settings(asked, space, pruner, facts, source, fingerprint)
    sampler = _screened(asked, space, allocation.count, data, asked.place.out / folder_name(name))
    return SearchPlan(
        space=space,
        strategy=asked.label,
        sampler=sampler,
        settings=settings,
        task=replace(asked.task, download=False),
        evaluator=asked.evaluator,
        data=data,
        budget=budget,
        seed=asked.seed,
        name=name,
        folder=asked.place.out / folder_name(name),
        storage=url,
        allocation=allocation,
        facts=facts,
        can_test=isinstance(evaluator, SupportsTest),
        repeat=asked.repeat,
        baselines=asked.baselines,
        epochs=epochs,
        budget_epochs=asked.budget.epochs,
        least_epochs=asked.budget.least(epochs, pruner),
        warm=warm_start.read(asked.warm_start, url, settings, space, asked.sought),
        enqueued=() if asked.enqueue is None else enqueue.read(asked.enqueue, space),
        pareto=axes(asked.pareto, space),
        seed_sd=evaluator.seed_sd if isinstance(evaluator, SupportsSeedNoise) else None,
        limit=limit,
        remarks=remarks,
        seconds=asked.budget.seconds,
        automatic=asked.automatic,
        objective=asked.sought,
        screen=asked.screened,
        loggers=tuple(asked.log),
        fitting=fitters.of(asked, sampler, evaluator, facts if data is not None else None, space),
    )


def _as_begun(asked: SearchRequest, options: Mapping[str, Any], url: str) -> SearchPlan:
    """The plan with an evaluator that goes on as the study began, under the name that the user gives it."""
    earlier = plan_of(replace(asked, evaluator=spec.with_options(asked.evaluator, options), warm_start=None))
    settings = replace(earlier.settings, evaluator=asked.evaluator)
    warm = warm_start.read(asked.warm_start, url, settings, earlier.space, asked.sought)
    return replace(earlier, settings=settings, warm=warm)


def _most_at_a_time(asked: SearchRequest) -> int | None:
    """Candidates at a time on GPUs where nobody says how many: a strategy that learns proposes those in flight without
    knowing of each other, so they are a tenth of its budget.
    """
    learns = asked.label.partition("[")[0] not in _BLIND
    return math.ceil((asked.budget.candidates or CANDIDATES) / 10) if learns else None


def _settings(
    asked: SearchRequest,
    space: Space,
    pruner: str,
    facts: Mapping[str, Any],
    data: str,
    fingerprint: Mapping[str, Any] | None,
) -> Settings:
    return Settings(
        space=space.spec,
        window=str(space.window),
        images=space.images.to_json(),
        strategy=asked.label,
        seed=asked.seed,
        duplicates=asked.duplicates,
        evaluator=asked.evaluator,
        data=data,
        recipe=facts.get("recipe", {}),
        stream_version=space.stream_version,
        repeat=asked.repeat,
        pruner=pruner,
        measured_on=measured_on(space),
        fingerprint=fingerprint,
        objective=str(asked.sought or ERROR),
        screen=str(asked.screened or NO_SCREEN),
    )


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


def _screened(asked: SearchRequest, space: Space, workers: int, data: DataSet | None, folder: Path) -> BaseSampler:
    """The sampler, with the scores that it learns from, behind the screen that was asked for.

    Raises:
        UsageError: no such score, no images to score on, or a strategy that no screen is for.
    """
    made = _sampler(asked.strategy, space, asked.seed, asked.duplicates, workers)
    _check_least(asked, made)
    if data is not None:
        learns_from(made, asked.task, folder=folder, seed=asked.seed)
    if (screen := asked.screened) is None:
        return made
    if data is None:
        raise UsageError(f"--screen scores networks on training images, and --evaluator {asked.evaluator} has none")
    make_evaluator(screen.evaluator, replace(asked.task, epochs=None))  # what makes no sense is said now
    scorer = Scorer(screen, asked.task, folder, asked.seed)
    found: BaseSampler = screened(made, asked.label, space, scorer, seed=asked.seed, duplicates=asked.duplicates)
    return found


def _check_least(asked: SearchRequest, sampler: BaseSampler) -> None:
    """Refuse a budget within which a strategy does nothing that it is for."""
    inner = sampler.inner if isinstance(sampler, SupportsInner) else None
    budget = asked.budget.candidates
    if isinstance(inner, SupportsLeastBudget) and budget is not None and budget < inner.least_budget:
        raise UsageError(
            f"--budget {budget} is below the first level of {asked.label}, {inner.least_budget} networks of the "
            f"smallest size: nothing larger would be trained; give more, or {asked.label.partition('[')[0]}[first=N]"
        )


def on_stream(one: SearchPlan, version: int) -> SearchPlan:
    """A plan with a strategy by name, on a version of the stream."""
    if one.space.stream_version == version:
        return one
    space = one.space.on_stream(version)
    sampler = _sampler(one.strategy, space, one.seed, one.settings.duplicates, one.workers)
    if one.data is not None:
        learns_from(sampler, one.task, folder=one.folder, seed=one.seed)
    settings = replace(one.settings, stream_version=version)
    fitting = one.fitting.with_sampler(sampler)
    return replace(one, space=space, sampler=sampler, settings=settings, fitting=fitting)
