"""The rules are worth what they catch: for each, a plug-in that breaks it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from regnas.architecture import Architecture, from_json
from regnas.candidate import Candidate
from regnas.costs import Complexity
from regnas.dataset import DataSet, Source, Split, make_dataset
from regnas.describe import Summary, TextTable
from regnas.design_space import Params, Space
from regnas.drawing import Profile
from regnas.errors import InfeasibleWindow, InvalidArchitecture, RegnasWarning, UsageError
from regnas.evaluator import Context, Evaluator, Result, Task, make_evaluator
from regnas.executor import Event, Executor, Judge, WorkerSpec
from regnas.messages import EvaluateJob, Job, expected
from regnas.metric import Metric
from regnas.sampler import Feedback
from regnas.search_spaces.staged.architecture import Staged
from regnas.strategies import FeasibleSampler
from regnas.system.files import write_json
from regnas.testing import (
    ArchitectureRules,
    DataSetRules,
    DistributionSpace,
    EvaluatorRules,
    ExecutorRules,
    SpaceRules,
    StrategyRules,
    Toy,
)


def staged(kind: type[Staged], classes: int) -> list[Architecture]:
    return [kind(stem_width=8, depths=(1,), widths=(width,), strides=(2,), classes=classes) for width in (8, 16)]


class Heavier(Staged):
    def complexity(self, resolution: int) -> Complexity:
        cost = super().complexity(resolution)
        return cost | {"params": cost.params + 1}


class RoundedUp(Staged):
    """Even sizes are right."""

    def complexity(self, resolution: int) -> Complexity:
        return super().complexity(resolution + resolution % 2 * 3)


class Forgetful(Staged):
    def key(self) -> str:
        return "0" * 16


class Unread(Staged):
    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "depths": self.depths}


class Talkative(Staged):
    def summary(self) -> Summary:
        return replace(super().summary(), line="two\nlines")


class Overwriting(Staged):
    def summary(self) -> Summary:
        return replace(super().summary(), attributes={"seed": 1.0})


class Torn(Staged):
    def tables(self, resolution: int) -> list[TextTable]:
        return [TextTable("", ("stage", "width"), (("1",),))]


class Invisible(Staged):
    def draw(self, axes: Axes, params: Mapping[str, Any]) -> None:
        """Nothing."""


class Global(Staged):
    def draw(self, axes: Axes, params: Mapping[str, Any]) -> None:
        from matplotlib import pyplot

        pyplot.figure()
        super().draw(axes, params)


class Unsteady(Staged):
    def profile(self) -> Profile:
        return replace(super().profile(), y=f"width of {len(self.widths)} from {self.widths[0]}")


class Endless(Staged):
    def quantities(self, told: Collection[str]) -> dict[str, float]:
        return {"depth": float("inf")}


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (Heavier, "test_complexity_is_what_hooks_count_on_the_network"),
        (RoundedUp, "test_complexity_is_what_hooks_count_on_the_network"),
        (Forgetful, "test_equal_architectures_have_equal_keys_and_others_do_not"),
        (Unread, "test_json_is_plain_and_reads_back"),
        (Talkative, "test_it_is_a_line_and_equal_networks_are_the_same_one"),
        (Overwriting, "test_numbers_of_it_are_finite"),
        (Endless, "test_numbers_of_it_are_finite"),
        (Torn, "test_rows_of_tables_have_a_cell_for_every_column"),
        (Invisible, "test_it_is_drawn_onto_the_axes_it_is_given"),
        (Global, "test_it_is_drawn_onto_the_axes_it_is_given"),
        (Unsteady, "test_profiles_are_drawn_on_the_same_axes"),
    ],
)
def test_of_architectures(broken: type[Staged], rule: str) -> None:
    class Rules(ArchitectureRules):
        def make(self, classes: int) -> Sequence[Architecture]:
            return staged(broken, classes)

    _fails(Rules(), rule)


def test_of_counting_which_measure_differs_and_both_numbers() -> None:
    class Rules(ArchitectureRules):
        def make(self, classes: int) -> Sequence[Architecture]:
            return staged(Heavier, classes)

    class OfOtherParams(Rules):
        counted = ("flops", "activations")

    right = staged(Staged, 4)[0].complexity(32).params
    says = f"params at 32 px: the closed form says {right + 1}, hooks on the built module count {right} "
    with pytest.raises(AssertionError, match=says):
        Rules().test_complexity_is_what_hooks_count_on_the_network()
    OfOtherParams().test_complexity_is_what_hooks_count_on_the_network()


class Unbuildable(Staged):
    def build(self) -> Any:
        raise UsageError("there is no module of this network")


@pytest.mark.parametrize("kind", [Staged, Heavier])
def test_of_counting_what_cannot_be_built_is_left_out_but_hides_nothing(kind: type[Staged]) -> None:
    class Rules(ArchitectureRules):
        def make(self, classes: int) -> Sequence[Architecture]:
            return [*staged(Unbuildable, classes), *staged(kind, classes)]

    said = pytest.skip.Exception if kind is Staged else AssertionError
    with pytest.raises(
        said, match="2 of the architectures cannot be built: there is no module" if kind is Staged else "params"
    ):
        Rules().test_complexity_is_what_hooks_count_on_the_network()


class Restless(DistributionSpace):
    """Two parameters mutate at once."""

    def mutate(self, params: Params, rng: np.random.Generator) -> Params:
        return self.canonical({name: float(rng.random()) for name in params})


class Wandering(DistributionSpace):
    """Canonical points move when they are made canonical again."""

    def canonical(self, params: Mapping[str, Any]) -> Params:
        return {name: value / 2 for name, value in super().canonical(params).items()}


class Boundless(DistributionSpace):
    """The window does not matter."""

    def judge(self, params: Params) -> Candidate | None:
        architecture = self.decode(params)
        return Candidate(params, architecture, architecture.complexity(self.resolution))


class Moody(DistributionSpace):
    """A draw depends on the draws before."""

    def draw(self, rng: np.random.Generator, count: int) -> dict[str, Any]:
        return super().draw(np.random.default_rng(next(_COUNTER)), count)


class Refusing(DistributionSpace):
    """Three quarters of the points are none, and it does not say why."""

    def decode(self, params: Params) -> Toy:
        if max(params.values()) > 0.5:
            raise InvalidArchitecture("x and y are at most a half")
        return super().decode(params)


class Ruling(DistributionSpace):
    """Nearly all are none, by a rule with a name."""

    def member(self, params: Params) -> str | None:
        return "x and y are small" if max(params.values()) > 0.05 else None


_COUNTER = itertools.count()


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (Restless, "test_a_mutation_changes_at_most_one_parameter"),
        (Wandering, "test_canonical_points_stay_as_they_are"),
        (Boundless, "test_a_network_outside_the_window_is_judged_so"),
        (Moody, "test_equal_seeds_give_equal_samples_and_others_do_not"),
        (Refusing, "test_no_more_than_half_of_the_points_are_refused_by_decode"),
    ],
)
def test_of_spaces(broken: type[DistributionSpace], rule: str) -> None:
    class Rules(SpaceRules):
        def make(self) -> Space:
            return broken.of({"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 1.0)})

    _fails(Rules(), rule)


def test_of_spaces_that_reject_by_a_rule_is_only_said_that_little_is_left() -> None:
    class Rules(SpaceRules):
        def make(self) -> Space:
            return Ruling.of({"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 1.0)})

    with pytest.warns(RegnasWarning, match=r"^\d of 200 draws are networks of toy, rejected by x and y are small 99"):
        Rules().test_no_more_than_half_of_the_points_are_refused_by_decode()


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (lambda space, seed: RandomSampler(seed=seed), "test_proposals_are_feasible_and_different"),
        (lambda space, seed: FeasibleSampler(space, seed=0), "test_seeds_matter"),
        (lambda space, seed: FeasibleSampler(space, seed=next(_COUNTER)), "test_equal_seeds_agree"),
        (lambda space, seed: FeasibleSampler(space, RandomSampler(), seed=next(_COUNTER)), "test_equal_seeds_agree"),
        (
            lambda space, seed: FeasibleSampler(space, Elsewhere(space)),
            "test_it_goes_on_after_a_stop_as_if_there_was_none",
        ),
        (lambda space, seed: FeasibleSampler(space), "test_an_option_it_does_not_have_is_refused"),
        (lambda space, seed: FeasibleSampler(space), "test_duplicates_may_be_allowed"),
    ],
)
def test_of_strategies(broken: Callable[[Space, int], BaseSampler], rule: str) -> None:
    class Rules(StrategyRules):
        def make(self, space: Space, *, seed: int, options: Mapping[str, Any]) -> BaseSampler:
            return broken(space, seed)

    _fails(Rules(), rule)


class Elsewhere(BaseSampler):
    """Proposes what depends on how often it was asked since it was made; what it hears it forgets."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._asked = 0

    def rekey(self, seed: int) -> None:
        """Nothing to do, it thinks."""

    def record(self) -> int:
        return self._asked

    def hear(self, feedback: Feedback) -> None:
        """Nothing to learn."""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._space.distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        self._asked += 1
        rng = np.random.default_rng([trial.number, self._asked])
        return {name: values.tolist()[0] for name, values in self._space.draw(rng, 1).items()}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        raise NotImplementedError


class Deaf(FeasibleSampler):
    """Does not say what became of a trial."""

    def after_trial(self, *_: Any) -> None:
        pass


class OutOfOrder(FeasibleSampler):
    """Says it at a resume only, all the same."""

    def after_trial(self, study: Study, trial: FrozenTrial, *state: Any) -> None:
        if trial.number % 2:
            super().after_trial(study, trial, *state)


@pytest.mark.parametrize("broken", [Deaf, OutOfOrder])
def test_of_strategies_that_keep_silent(broken: type[FeasibleSampler], monkeypatch: pytest.MonkeyPatch) -> None:
    class Rules(StrategyRules):
        def make(self, space: Space, *, seed: int, options: Mapping[str, Any]) -> BaseSampler:
            return broken(space, Elsewhere(space), seed=seed)

    with pytest.raises(AssertionError):
        Rules().test_it_hears_of_every_trial_once_and_again_after_a_stop(monkeypatch)


class Counting:
    """Counts its calls where a seed should count, and reports what it likes."""

    def __init__(self, epochs: Sequence[int], *, heeds: bool) -> None:
        self._calls = 0
        self._epochs = epochs
        self._heeds = heeds

    def __call__(self, architecture: Architecture, *, seed: int, context: Context) -> Result:
        self._calls += 1
        errors = []
        for epoch in self._epochs:
            errors.append(1 / (self._calls + epoch))
            if not context.report(epoch, errors[-1]) and self._heeds:
                break
        return Result(error=errors[-1], seconds=0.0, epochs=len(errors), errors=tuple(errors))


@pytest.mark.parametrize(
    ("epochs", "heeds", "rule"),
    [
        ([1, 2], True, "test_a_call_does_not_depend_on_the_calls_before"),
        ([2, 1], True, "test_every_epoch_is_reported_once_and_in_order"),
        ([1, 2], False, "test_it_stops_when_told_to"),
        ([1, 2], True, "test_an_option_it_does_not_have_is_refused"),
    ],
)
def test_of_evaluators(epochs: list[int], heeds: bool, rule: str) -> None:
    class Rules(EvaluatorRules):
        def make(self, task: Task, options: Mapping[str, Any]) -> Evaluator:
            return Counting(epochs, heeds=heeds)

    _fails(Rules(), rule)


class Measuring:
    """Returns what it likes beside the error."""

    def __init__(self, declared: Sequence[Metric], value: float) -> None:
        self.metrics = declared
        self._value = value

    def __call__(self, architecture: Architecture, *, seed: int, context: Context) -> Result:
        return Result(error=0.5, seconds=0.0, metrics={"share": self._value})


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ([], 0.5),
        ([Metric("other")], 0.5),
        ([Metric("share", range=(0.0, 1.0))], 50.0),
        ([Metric("share"), Metric("share")], 0.5),
    ],
)
def test_of_evaluators_that_measure_more(declared: Sequence[Metric], value: float) -> None:
    class Rules(EvaluatorRules):
        def make(self, task: Task, options: Mapping[str, Any]) -> Evaluator:
            return Measuring(declared, value)

    _fails(Rules(), "test_further_metrics_are_declared_and_possible")


class Interrupted:
    """Goes on where it was stopped, and no longer knows what was before."""

    def __call__(self, architecture: Architecture, *, seed: int, context: Context) -> Result:
        note = context.folder / "note" if context.folder is not None and context.resumable else None
        first = int(note.read_text()) if note is not None and note.exists() else 1
        errors = []
        for epoch in range(first, 4):
            errors.append(1 / (1 + epoch))
            if not context.report(epoch, errors[-1]):
                if note is not None:
                    note.write_text(str(epoch + 1))
                break
        return Result(error=errors[-1], seconds=0.0, epochs=len(errors), errors=tuple(errors))


def test_of_an_evaluator_that_goes_on(tmp_path: Path) -> None:
    class Rules(EvaluatorRules):
        def make(self, task: Task, options: Mapping[str, Any]) -> Evaluator:
            return Interrupted()

    Rules().test_it_stops_when_told_to()
    with pytest.raises(AssertionError):
        Rules().test_stopped_and_asked_again_it_ends_as_without_a_stop(tmp_path)


class Careless:
    """Evaluates in this process, and does not keep one rule."""

    def __init__(self, spec: WorkerSpec, broken: str) -> None:
        self._evaluator = make_evaluator(spec.evaluator, spec.task)
        self._broken = broken
        self._closed = 0
        self._job: EvaluateJob | None = None
        self._judge: Judge | None = None

    def free(self) -> int:
        return 0 if self._job else 1

    def submit(self, job: Job, judge: Judge | None = None) -> None:
        self._job, self._judge = expected(job, EvaluateJob), judge

    def events(self, timeout: float) -> list[Event]:
        job, self._job = self._job, None
        return [] if job is None else self._evaluate(job)

    def _evaluate(self, job: EvaluateJob) -> list[Event]:
        said: list[Event] = []

        def report(epoch: int, error: float) -> bool:
            said.append(Event("epoch", job.index, epoch, error))
            return self._judge is None or self._judge(epoch, error) or self._broken == "deaf"

        folder = None if self._broken == "no files" else Path(job.folder or "")
        context = Context(folder=folder, report=report, resumable=job.resumable)
        try:
            result = self._evaluator(from_json(job.architecture), seed=job.seed, context=context)
        except RuntimeError as error:
            return [*said, Event("failed", job.index, message=str(error) if self._broken == "two lines" else "")]
        if self._broken != "no result":
            write_json(Path(job.result), {"result": result.to_json()})
        return [*(reversed(said) if self._broken == "backwards" else said), Event("done", job.index)]

    def close(self) -> None:
        self._closed += 1
        assert self._closed < 2 or self._broken != "closed once"


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        ("no result", "test_the_result_and_the_files_of_a_job_lie_where_it_asked"),
        ("no files", "test_the_result_and_the_files_of_a_job_lie_where_it_asked"),
        ("backwards", "test_epochs_are_reported_in_order_before_the_end"),
        ("deaf", "test_a_job_stops_when_its_judge_says_so_and_goes_on_when_it_is_asked_again"),
        ("two lines", "test_a_job_that_raises_has_failed_and_says_why_in_one_line"),
        ("no reason", "test_a_job_that_raises_has_failed_and_says_why_in_one_line"),
        ("closed once", "test_it_can_be_closed_twice_and_in_the_middle_of_a_job"),
    ],
)
def test_of_executors(broken: str, rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Rules(ExecutorRules):
        def make(self, spec: WorkerSpec) -> Executor:
            return Careless(spec, broken)

    rules = Rules()
    rules.install(tmp_path, monkeypatch)
    _fails(rules, rule)


class Leaking:
    """The images of ``fake``, handed out in a wrong way."""

    def __init__(self, change: Callable[[Split, Split], tuple[Split, Split]]) -> None:
        self._inner = make_dataset("fake")
        self._change = change
        self.name, self.class_names, self.regime = self._inner.name, self._inner.class_names, self._inner.regime

    def fit(self) -> tuple[Split, Split]:
        return self._change(*self._inner.fit())

    def test(self) -> Split | None:
        return None


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda one, two: (one.joined(two), two), "test_splits_share_no_images"),
        (lambda one, two: (one, two[two.labels > 0]), "test_every_class_is_in_every_split"),
        (lambda one, two: (one, Split(two.images / 255, two.labels)), "test_images_are_bytes_and_labels_are_classes"),
        (lambda one, two: (one[np.random.permutation(len(one))], two), "test_splits_are_the_same_every_time"),
        (lambda one, two: (one, two), "test_resolution_can_be_chosen"),
    ],
)
def test_of_data_sets(change: Callable[[Split, Split], tuple[Split, Split]], rule: str) -> None:
    class Rules(DataSetRules):
        def make(self, source: Source) -> DataSet:
            return Leaking(change)

    _fails(Rules(), rule)


def _fails(rules: Any, rule: str) -> None:
    broken = getattr(rules, rule)
    with pytest.raises((AssertionError, pytest.fail.Exception, InfeasibleWindow)):
        broken()
