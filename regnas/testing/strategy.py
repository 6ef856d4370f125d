"""The rules of strategies."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from regnas.candidate import Candidate
from regnas.design_space import Params, Space
from regnas.errors import UsageError
from regnas.sampler import Feedback, Origin, SupportsAssign, SupportsFeedback, SupportsInner, SupportsRekey
from regnas.testing.toy import DistributionSpace, conditional_toy
from regnas.window import Window

_COMMON = {"argument": "", "duplicates": "reject", "parallel": False}


class StrategyRules:
    """Subclass, and override `make`."""

    def make(self, space: Space, *, seed: int, options: Mapping[str, Any]) -> BaseSampler:
        """What the entry point of ``regnas.strategies`` names: usually one line that calls it."""
        raise NotImplementedError

    def space(self) -> Space:
        """Where the strategy is tried: a toy with a whole, a real and an unordered parameter, inside a window."""
        laws = {
            "whole": IntDistribution(1, 64, log=True),
            "real": FloatDistribution(0.0, 1.0),
            "name": CategoricalDistribution(("a", "b", "c")),
        }
        return DistributionSpace.of(laws).within(Window.parse(flops="1.3M:1.6M"))

    @pytest.fixture(autouse=True)
    def _quietly(self) -> Iterator[None]:
        level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        yield
        optuna.logging.set_verbosity(level)

    # --- randomness -----------------------------------------------------------------------------------------

    def test_equal_seeds_agree(self) -> None:
        assert self._run(15, seed=3) == self._run(15, seed=3)

    def test_seeds_matter(self) -> None:
        assert self._run(15, seed=3) != self._run(15, seed=4)

    def test_a_candidate_keeps_its_index_over_a_failure(self) -> None:
        """Where a sampler takes an index, its first proposal is a function of the index, not of the trial."""
        space = self.space()
        proposals = []
        for failures in (0, 2):
            sampler = self._make(space, seed=3)
            if not isinstance(sampler, SupportsAssign):
                pytest.skip("this sampler counts trials")
            study = optuna.create_study(sampler=sampler)
            for _ in range(failures):
                study.add_trial(optuna.create_trial(state=TrialState.FAIL))
            sampler.assign(7)
            proposals.append(study.ask(space.distributions).params)
        assert proposals[0] == proposals[1]

    # --- proposals ------------------------------------------------------------------------------------------

    def test_proposals_are_feasible_and_different(self) -> None:
        space = self.space()
        found = [_judged(space, params) for params in self._run(30, seed=0)]
        assert len({one.architecture.key() for one in found}) == 30

    def test_asks_need_no_tell(self) -> None:
        """Ten workers ask before the first one tells, then the results come in another order."""
        space = self.space()
        study = optuna.create_study(sampler=self._make(space, seed=0, parallel=True))
        trials = [study.ask(space.distributions) for _ in range(10)]
        assert len({_judged(space, trial.params).architecture.key() for trial in trials}) == 10
        for trial in reversed(trials):
            study.tell(trial, _error(space, trial.params))
        _judged(space, study.ask(space.distributions).params)

    def test_failed_trials_are_no_obstacle(self) -> None:
        space = self.space()
        study = optuna.create_study(sampler=self._make(space, seed=0))
        for number in range(30):
            trial = study.ask(space.distributions)
            if number % 3 == 0:
                study.tell(trial, state=TrialState.FAIL)
            else:
                study.tell(trial, _error(space, trial.params))

    @pytest.mark.parametrize("threads", [1, 2])
    def test_it_works_in_plain_optuna(self, threads: int) -> None:
        space = self.space()

        def objective(trial: optuna.trial.Trial) -> float:
            space.suggest(trial)
            return _error(space, trial.params)

        study = optuna.create_study(sampler=self._make(space, seed=0))
        study.optimize(objective, n_trials=20, n_jobs=threads)
        assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 20

    def test_it_resumes_and_proposes_nothing_again(self) -> None:
        space = self.space()
        storage = optuna.storages.InMemoryStorage()
        keys: list[str] = []
        for _ in range(2):
            study = optuna.create_study(
                storage=storage, study_name="resumed", load_if_exists=True, sampler=self._make(space, seed=0)
            )
            for _ in range(15):
                trial = study.ask(space.distributions)
                candidate = _judged(space, trial.params)
                keys.append(candidate.architecture.key())
                study.tell(trial, _error(space, trial.params))
        assert len(set(keys)) == 30

    def test_it_goes_on_after_a_stop_as_if_there_was_none(self) -> None:
        """Where a sampler inside can be rekeyed, proposals are a function of the seed, the index and the results."""
        space = self.space()
        inner = _inner(self._make(space, seed=3))
        if inner is not None and not isinstance(inner, SupportsRekey):
            pytest.skip("the sampler inside keeps random numbers of its own")
        assert self._run(24, seed=3, stops=(12,)) == self._run(24, seed=3)

    # --- feedback -------------------------------------------------------------------------------------------

    def test_it_hears_of_every_trial_once_and_again_after_a_stop(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of what was evaluated, whoever proposed it, in the order in which the trials ended."""
        space = self.space()
        storage = optuna.storages.InMemoryStorage()
        study, live = self._heard(storage, monkeypatch)
        trials = [study.ask(space.distributions) for _ in range(15)]
        for trial in reversed(trials):
            failed = trial.number % 5 == 4
            state = TrialState.FAIL if failed else None
            study.tell(trial, None if failed else _error(space, trial.params), state=state)
        study, again = self._heard(storage, monkeypatch)
        study.ask(space.distributions)
        assert [one.number for one in live] == list(reversed(range(15)))
        assert again == live
        for one, told in zip(reversed(live), study.trials, strict=False):
            assert (one.params, one.error) == (space.canonical(told.params), told.value)
            assert one.origin is not Origin.OWN or one.proposal == one.params

    # --- conditional parameters -----------------------------------------------------------------------------

    def test_it_searches_a_tree_of_parameters(self) -> None:
        """Where some are active only under a value of another, no network comes twice in the guise of what is not."""
        space = conditional_toy().within(Window.parse(flops="1.1M:1.8M"))
        storage = optuna.storages.InMemoryStorage()
        found: list[Candidate] = []
        for _ in range(2):
            study = optuna.create_study(
                storage=storage, study_name="tree", load_if_exists=True, sampler=self._make(space, seed=0)
            )
            for _ in range(10):
                trial = study.ask(space.distributions)
                found.append(_judged(space, trial.params))
                study.tell(trial, _error(space, trial.params))
        assert len({one.architecture.key() for one in found}) == 20
        assert len({one.params["kind"] for one in found}) > 1

    # --- options --------------------------------------------------------------------------------------------

    def test_an_option_it_does_not_have_is_refused(self) -> None:
        with pytest.raises(UsageError):
            self._make(self.space(), seed=0, no_such_option=1)

    def test_duplicates_may_be_allowed(self) -> None:
        """Where repeats are allowed, a space smaller than the budget is no obstacle."""
        space = DistributionSpace.of({"name": CategoricalDistribution(("a", "b", "c"))})
        study = optuna.create_study(sampler=self._make(space, seed=0, duplicates="allow"))
        for _ in range(12):
            study.tell(study.ask(space.distributions), 0.5)

    # --- helpers --------------------------------------------------------------------------------------------

    def _make(self, space: Space, *, seed: int, **options: Any) -> BaseSampler:
        return self.make(space, seed=seed, options={**_COMMON, **options})

    def _heard(
        self, storage: optuna.storages.BaseStorage, monkeypatch: pytest.MonkeyPatch
    ) -> tuple[optuna.Study, list[Feedback]]:
        """A study with a new sampler, and what the sampler inside hears from here on."""
        sampler = self._make(self.space(), seed=0)
        inner = _inner(sampler)
        if not isinstance(inner, SupportsFeedback):
            pytest.skip("there is no sampler inside that hears")
        heard, hear = list[Feedback](), inner.hear

        def listen(feedback: Feedback) -> None:
            heard.append(feedback)
            hear(feedback)

        monkeypatch.setattr(inner, "hear", listen)
        made = optuna.create_study(storage=storage, study_name="heard", load_if_exists=True, sampler=sampler)
        return made, heard

    def _run(self, count: int, *, seed: int, stops: Collection[int] = ()) -> list[Params]:
        """The points of so many trials; at each of the stops, the sampler is made anew."""
        space = self.space()
        study = optuna.create_study(sampler=self._make(space, seed=seed))
        for number in range(count):
            if number in stops:
                study.sampler = self._make(space, seed=seed)
            trial = study.ask(space.distributions)
            study.tell(trial, _error(space, trial.params))
        return [trial.params for trial in study.trials]


def _inner(sampler: BaseSampler) -> BaseSampler | None:
    return sampler.inner if isinstance(sampler, SupportsInner) else sampler


def _judged(space: Space, params: Params) -> Candidate:
    candidate = space.judge(space.canonical(params))
    assert candidate is not None, f"{params} lies outside {space.spec} or its window {space.window}"
    return candidate


def _error(space: Space, params: Params) -> float:
    """A made-up validation error, best at three tenths of every range."""
    places = []
    params = space.active(space.canonical(params))
    for name, law in space.distributions.items():
        if name not in params:
            continue
        if isinstance(law, CategoricalDistribution):
            places.append(law.choices.index(params[name]) / len(law.choices))
        elif isinstance(law, IntDistribution | FloatDistribution):
            scale = math.log if law.log else float
            low, high, value = (scale(number) for number in (law.low, law.high, params[name]))
            places.append((value - low) / (high - low))
    return sum((place - 0.3) ** 2 for place in places) / len(places)
