"""What an inner sampler hears: whose candidate was evaluated, what stands for what, and what it recorded."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Mapping
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from regnas.design_space import Params, Space
from regnas.errors import UsageError
from regnas.sampler import Feedback, Origin, SupportsFeedback
from regnas.strategies import FeasibleSampler
from regnas.strategies.sampling.feedback import PROPOSAL
from regnas.strategy import WARM
from regnas.testing import DistributionSpace, ask_and_tell
from regnas.window import Window

pytestmark = pytest.mark.usefixtures("quiet_optuna")

# A point costs 1M + 1M (x - 1) / 8 of everything: the window leaves x from 5 to 9.
LINE: Space = DistributionSpace.of({"x": IntDistribution(1, 9)})
UPPER = LINE.within(Window.parse(flops="1.45M:"))


class Scripted(BaseSampler):
    """Says what it is told to say, None for nothing; records what number the proposal is, and hears."""

    def __init__(self, *points: Params | None, record: Callable[[int], Any] = lambda number: number) -> None:
        self._points = list(points)
        self._record = record
        self._said = 0
        self.heard: list[Feedback] = []

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def rekey(self, seed: int) -> None:
        """It draws nothing."""

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        self._said += 1
        return dict(self._points.pop(0) or {}) if self._points else {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        raise AssertionError("every parameter was proposed")

    def record(self) -> Any:
        return self._record(self._said)

    def hear(self, feedback: Feedback) -> None:
        self.heard.append(feedback)


def study_of(inner: BaseSampler, space: Space = UPPER, storage: Any = None, **options: Any) -> Study:
    sampler = FeasibleSampler(space, inner, seed=0, max_tries=1)
    return optuna.create_study(
        sampler=sampler, storage=storage, study_name="feedback", load_if_exists=True, **{"direction": None, **options}
    )


def test_it_hears_whose_candidate_was_evaluated() -> None:
    inner = Scripted({"x": 8}, {"x": 2}, {"x": 8}, None)
    own, nearest, repeat, stream = ask_and_tell(study_of(inner), UPPER, [0.4, 0.3, 0.2, 0.1])
    assert [one.origin for one in inner.heard] == [Origin.OWN, Origin.NEAREST, Origin.REPEAT, Origin.STREAM]
    assert [one.params for one in inner.heard] == [own, nearest, repeat, stream]
    assert own == {"x": 8} and all(one["x"] >= 5 for one in (nearest, repeat, stream))
    assert [one.proposal for one in inner.heard] == [{"x": 8}, {"x": 2}, {"x": 8}, None]
    assert [one.record for one in inner.heard] == [1, 2, 3, None]
    assert [one.error for one in inner.heard] == [0.4, 0.3, 0.2, 0.1]


def test_of_several_proposals_it_hears_of_the_one_that_is_evaluated() -> None:
    inner = Scripted({"x": 1}, {"x": 2}, {"x": 7})
    study = optuna.create_study(sampler=FeasibleSampler(UPPER, inner, max_tries=5))
    ask_and_tell(study, UPPER, [0.5])
    (heard,) = inner.heard
    assert (heard.origin, heard.params, heard.record) == (Origin.OWN, {"x": 7}, 3)


def test_where_nothing_near_is_left_the_stream_s_candidate_stands_for_no_proposal() -> None:
    inner = Scripted(*[{"x": 9}] * 5)
    ask_and_tell(study_of(inner), UPPER, [0.5] * 5)
    assert {one.params["x"] for one in inner.heard} == {5, 6, 7, 8, 9}
    assert [one.origin for one in inner.heard][-1] in (Origin.REPEAT, Origin.STREAM)


def test_errors_are_lower_where_better_in_every_direction() -> None:
    inner = Scripted({"x": 8}, {"x": 7})
    ask_and_tell(study_of(inner, direction="maximize"), UPPER, [0.9, 0.2])
    assert [one.error for one in inner.heard] == [-0.9, -0.2]


def test_it_hears_of_failures_and_of_trials_that_a_pruner_stopped() -> None:
    inner = Scripted({"x": 8}, {"x": 7}, {"x": 6})
    study = study_of(inner)
    ask_and_tell(study, UPPER, [None])
    trial = study.ask(UPPER.distributions)
    trial.report(0.7, 0)
    study.tell(trial, state=TrialState.PRUNED)
    study.tell(study.ask(UPPER.distributions), state=TrialState.PRUNED)
    assert [(one.error, one.pruned, one.record) for one in inner.heard] == [
        (None, False, 1),
        (0.7, True, 2),
        (None, True, 3),
    ]


def test_what_came_from_outside_is_given() -> None:
    """A trial of another study, and one that the user enqueued; trials of other spaces are none of its business."""
    inner = Scripted({"x": 8})
    study = study_of(inner)
    laws = UPPER.distributions
    study.add_trial(optuna.create_trial(value=0.1, params={"x": 9}, distributions=laws, user_attrs={WARM: "a:1"}))
    study.add_trial(optuna.create_trial(value=0.1, params={"y": 1}, distributions={"y": FloatDistribution(0, 1)}))
    study.add_trial(optuna.create_trial(state=TrialState.FAIL))
    study.enqueue_trial({"x": 6})
    ask_and_tell(study, UPPER, [0.2, 0.3])
    assert [(one.params["x"], one.origin, one.record) for one in inner.heard] == [
        (9, Origin.GIVEN, None),
        (6, Origin.GIVEN, None),
        (8, Origin.OWN, 1),
    ]


def test_after_a_stop_it_hears_of_all_before_in_the_order_in_which_it_ended() -> None:
    storage = optuna.storages.InMemoryStorage()
    inner = Scripted({"x": 8}, {"x": 2}, {"x": 8}, None)
    study = study_of(inner, storage=storage)
    trials = [study.ask(UPPER.distributions) for _ in range(4)]
    for trial in (trials[2], trials[0], trials[3]):
        study.tell(trial, trial.number / 10)
    other = Scripted({"x": 1})
    study = study_of(other, storage=storage)
    study.tell(trials[1].number, 0.4)  # it was in flight: what was noted with it is still there
    study.ask(UPPER.distributions)
    assert [one.number for one in other.heard] == [2, 0, 3, 1]
    assert other.heard[:3] == inner.heard
    assert (other.heard[3].origin, other.heard[3].proposal, other.heard[3].record) == (Origin.NEAREST, {"x": 2}, 2)


def test_a_copy_hears_for_itself() -> None:
    inner = Scripted({"x": 8}, record=_one)
    sampler = pickle.loads(pickle.dumps(FeasibleSampler(UPPER, inner, max_tries=1)))
    ask_and_tell(optuna.create_study(sampler=sampler), UPPER, [0.5])
    assert isinstance(sampler.inner, Scripted) and len(sampler.inner.heard) == 1 and not inner.heard


def _one(number: int) -> int:
    return 1


@pytest.mark.parametrize(
    ("record", "read"), [((1, 2), [1, 2]), ({"p": {"x": [0.25]}}, {"p": {"x": [0.25]}}), (None, None), ("word", "word")]
)
def test_a_record_is_heard_as_it_is_read_again(record: Any, read: Any) -> None:
    storage = optuna.storages.InMemoryStorage()
    live, again = (Scripted({"x": 8}, record=lambda number: record) for _ in range(2))
    ask_and_tell(study_of(live, storage=storage), UPPER, [0.5])
    study_of(again, storage=storage).ask(UPPER.distributions)
    assert live.heard[0].record == again.heard[0].record == read
    assert type(live.heard[0].record) is type(read)


@pytest.mark.parametrize("record", [math.nan, {1, 2}, object()])
def test_a_record_that_cannot_be_stored_is_refused(record: Any) -> None:
    study = study_of(Scripted({"x": 8}, record=lambda number: record))
    with pytest.raises(UsageError, match=r"a JSON value .*Scripted recorded .*\.tolist\(\)"):
        study.ask(UPPER.distributions)


def test_samplers_that_hear_nothing_leave_nothing_with_their_trials() -> None:
    study = optuna.create_study(sampler=FeasibleSampler(UPPER, optuna.samplers.TPESampler(seed=0)))
    ask_and_tell(study, UPPER, [0.5, 0.4])
    assert all(PROPOSAL not in trial.system_attrs for trial in study.trials)
    assert not isinstance(optuna.samplers.TPESampler(), SupportsFeedback)


class Counts(Scripted):
    """Proposes 1 for ever, which the window leaves out, until it has heard what is best."""

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: Mapping[str, BaseDistribution]
    ) -> dict[str, Any]:
        known = [one for one in self.heard if one.error is not None]
        best = min(known, key=lambda one: one.error or 0.0).params["x"] if len(known) >= 3 else 1
        return {"x": best}


def test_whose_proposals_are_all_replaced_can_learn_from_what_was_evaluated() -> None:
    """It proposes outside the window alone; what it hears leads it to the best of the window, 9."""
    inner = Counts()
    study = optuna.create_study(sampler=FeasibleSampler(UPPER, inner, max_tries=1, duplicates="allow"))
    for _ in range(30):
        trial = study.ask(UPPER.distributions)
        study.tell(trial, (9 - trial.params["x"]) / 10)
    first, last = inner.heard[:3], inner.heard[-1]
    assert {one.origin for one in first} == {Origin.NEAREST}
    assert (
        last.origin is Origin.OWN and last.params["x"] == min(inner.heard, key=lambda one: one.error or 0.0).params["x"]
    )
