"""`FeasibleSampler`: inside the window, never the same network twice, around any sampler."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, CmaEsSampler, NSGAIISampler, QMCSampler, RandomSampler, TPESampler
from optuna.trial import TrialState

from regnas.design_space import Params, Space, make_space
from regnas.errors import HostError, InfeasibleWindow, UsageError
from regnas.strategies import FeasibleSampler
from regnas.strategies import optuna as strategies_optuna
from regnas.strategy import make_strategy
from regnas.testing import DistributionSpace
from regnas.window import Window

HUB = Path(__file__).resolve().parents[2] / "contrib" / "optunahub" / "package" / "samplers" / "regularized_evolution"
NARROW = make_space("regnetx").within(Window.parse(flops="360M:400M"))  # holds 0.25 % of the draws
SQUARE = DistributionSpace.of({"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 1.0)})
CORNER = SQUARE.within(Window.parse(flops="1.8M:"))  # (x + y) / 2 of at least 0.8


class Stubborn(BaseSampler):
    """Proposes one point for ever."""

    def __init__(self, point: Params) -> None:
        self._point = point

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(self, study: Any, trial: Any, search_space: dict[str, BaseDistribution]) -> Params:
        return dict(self._point)

    def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
        raise AssertionError("a whole point was proposed")


def ask(sampler: BaseSampler, space: Space, count: int, value: Callable[[Params], float] = lambda _: 0.5) -> Any:
    """A study with ``count`` trials told one by one."""
    study = optuna.create_study(sampler=sampler)
    for _ in range(count):
        trial = study.ask(space.distributions)
        study.tell(trial, value(trial.params))
    return study


def architectures(study: optuna.Study, space: Space) -> list[str]:
    """Keys of the networks of all trials, each of which lies in the window."""
    keys = []
    for trial in study.trials:
        candidate = space.judge(space.canonical({name: trial.params[name] for name in space.distributions}))
        assert candidate is not None, trial.params
        keys.append(candidate.architecture.key())
    return keys


# --- the window ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["random", "evolution[population=4]", "tpe[startup=8,candidates=4]"])
def test_a_narrow_window_wastes_no_trial(strategy: str) -> None:
    study = optuna.create_study(sampler=make_strategy(strategy, NARROW, seed=0))

    def objective(trial: optuna.trial.Trial) -> float:
        return NARROW.suggest(trial).complexity(NARROW.resolution).params / 1e9

    study.optimize(objective, n_trials=15)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 15
    assert len(set(architectures(study, NARROW))) == 15


def test_an_impossible_window_is_an_error_and_not_a_trial() -> None:
    space = make_space("regnetx").within(Window.parse(flops=":1k"))
    study = optuna.create_study(sampler=FeasibleSampler(space))
    with pytest.raises(InfeasibleWindow, match="flops above 1k"):
        study.optimize(lambda trial: space.suggest(trial).complexity(224).flops, n_trials=1)


@pytest.mark.parametrize("inner", [None, RandomSampler(seed=0), TPESampler(seed=0, n_startup_trials=1)])
def test_a_space_that_is_used_up_is_an_error(inner: BaseSampler | None) -> None:
    space = DistributionSpace.of({"name": CategoricalDistribution(("a", "b", "c"))})
    study = ask(FeasibleSampler(space, inner), space, 3)
    assert len(set(architectures(study, space))) == 3
    with pytest.raises(InfeasibleWindow, match="only 3 different networks"):
        study.ask(space.distributions)


# --- random search ------------------------------------------------------------------------------------------


def test_random_proposals_are_the_sample_of_the_space() -> None:
    expected = [candidate.params for candidate in NARROW.sample(12, seed=7)]
    study = ask(FeasibleSampler(NARROW, seed=7), NARROW, 12)
    assert [trial.params for trial in study.trials] == expected


def test_random_proposals_do_not_depend_on_order_or_threads() -> None:
    expected = [candidate.params for candidate in NARROW.sample(12, seed=7)]
    study = optuna.create_study(sampler=FeasibleSampler(NARROW, seed=7))
    study.optimize(lambda trial: NARROW.suggest(trial).complexity(224).flops, n_trials=12, n_jobs=4)
    assert [trial.params for trial in study.trials] == expected
    backwards = FeasibleSampler(NARROW, seed=7)
    study = optuna.create_study(sampler=backwards)
    for index in reversed(range(12)):
        backwards.assign(index)
        assert study.ask(NARROW.distributions).params == expected[index]
        assert backwards.proposed is not None
        assert backwards.proposed.draws == NARROW.sample(12, seed=7)[index].draws


def test_the_draws_between_candidates_estimate_the_share_of_the_window() -> None:
    """400 candidates: the standard error is 5 %, and five of them are the tolerance."""
    sampler = FeasibleSampler(CORNER, seed=1)
    study = optuna.create_study(sampler=sampler)
    draws = 0
    for _ in range(400):
        study.tell(study.ask(CORNER.distributions), 0.5)
        assert sampler.proposed is not None
        draws += sampler.proposed.draws
    assert 400 / draws == pytest.approx(0.4**2 / 2, rel=0.25)


# --- around Optuna's samplers -------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("argument", "count"),
    [
        ("CmaEsSampler", 100),
        ("NSGAIISampler", 100),
        ("QMCSampler", 100),
        (f"hub/{HUB}", 100),
        ("TPESampler", 40),
        ("GPSampler", 13),  # the first ten are random
        pytest.param("TPESampler", 100, marks=pytest.mark.slow),
        pytest.param("GPSampler", 40, marks=pytest.mark.slow),
    ],
    ids=lambda value: str(value).rpartition("/")[2],
)
def test_samplers_of_optuna_and_its_hub_stay_in_a_narrow_window(argument: str, count: int) -> None:
    """Every proposal is another network of the window, and no trial is wasted (benchmarks/hosts.py: 100 of GP, too)."""
    sampler = make_strategy(f"optuna:{argument}", NARROW, seed=0)
    study = ask(sampler, NARROW, count, lambda params: abs(params["depth"] - 20) / 100)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * count
    assert len(set(architectures(study, NARROW))) == count


def test_cma_es_comes_close_to_the_optimum() -> None:
    """The window leaves a tenth of the square; 60 random points come within 0.05 of its best corner in 1 of 17."""
    sampler = FeasibleSampler(CORNER, CmaEsSampler(seed=0), seed=0)
    study = ask(sampler, CORNER, 60, lambda params: (params["x"] - 1) ** 2 + (params["y"] - 0.6) ** 2)
    assert study.best_value**0.5 < 0.05


def test_a_genetic_algorithm_breeds_although_it_leaves_mutated_parameters_out() -> None:
    """A child of NSGA-II has its parents' values but for the mutated ones; a random candidate shares few."""
    space = make_space("regnetx").within(Window.parse(flops="100M:4G"))
    study = ask(FeasibleSampler(space, NSGAIISampler(population_size=5, seed=0), seed=0), space, 30)
    params = [trial.params for trial in study.trials]
    continuous = ("depth", "w0", "wa", "wm")
    inherited = [
        sum(any(one[name] == old[name] for old in params[:at]) for name in continuous) for at, one in enumerate(params)
    ]
    assert sum(count >= 2 for count in inherited[10:]) >= 15


def test_quasi_random_points_are_kept_where_they_are_feasible() -> None:
    def qmc() -> QMCSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return QMCSampler(seed=0)

    wide = SQUARE.within(Window.parse(flops=":1.9M"))
    bare = ask(qmc(), wide, 16)
    kept = ask(FeasibleSampler(wide, qmc(), seed=0), wide, 16)
    points = [tuple(trial.params.values()) for trial in bare.trials]
    assert sum(tuple(trial.params.values()) in points for trial in kept.trials) >= 12


# --- proposals that cannot be taken -------------------------------------------------------------------------


def test_an_infeasible_proposal_falls_to_a_near_feasible_candidate() -> None:
    """The window is a corner triangle. The nearest of 256 of its points to (1, 0) lies near its corner (1, 0.6): one
    within 0.2 is missed with probability below (1 - 0.2^2 / 8 / 0.08)^256 = 3e-8.
    """
    study = ask(FeasibleSampler(CORNER, Stubborn({"x": 1.0, "y": 0.0}), seed=0), CORNER, 5)
    for trial in study.trials:
        assert trial.params["x"] > 0.8 and trial.params["y"] < 0.8
    assert len(set(architectures(study, CORNER))) == 5


class InParts(Stubborn):
    """Its candidates have x = 0.9, those from number 2 on x = 1."""

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, BaseDistribution]:
        return SQUARE.distributions

    def part(self, index: int) -> Space:
        return CORNER.fix(x=0.9 if index < 2 else 1.0)


@pytest.mark.parametrize("point", [{}, {"x": 0.9, "y": 0.1}], ids=["no opinion", "outside"])
def test_what_is_evaluated_in_place_of_a_proposal_is_of_its_part_of_the_space(point: Params) -> None:
    study = ask(FeasibleSampler(CORNER, InParts(point), seed=0), CORNER, 4)
    assert [trial.params["x"] for trial in study.trials] == [0.9, 0.9, 1.0, 1.0]
    assert len(set(architectures(study, CORNER))) == 4


def test_a_feasible_proposal_is_taken_once() -> None:
    point = {"x": 0.9, "y": 0.9}
    study = ask(FeasibleSampler(CORNER, Stubborn(point), seed=0), CORNER, 3)
    assert study.trials[0].params == point
    assert point not in [trial.params for trial in study.trials[1:]]
    for trial in study.trials[1:]:
        assert abs(trial.params["x"] - 0.9) < 0.2 and abs(trial.params["y"] - 0.9) < 0.2
    again = ask(FeasibleSampler(CORNER, Stubborn(point), duplicates="allow"), CORNER, 3)
    assert [trial.params for trial in again.trials] == [point] * 3


@pytest.mark.parametrize("strategy", ["tpe[startup=4]", "evolution[population=4]"])
def test_equal_histories_and_index_give_an_equal_proposal(strategy: str) -> None:
    """Whatever was asked before in this process, and whatever the number of the trial."""
    past = ask(make_strategy(strategy, NARROW, seed=3), NARROW, 8, lambda params: params["depth"] / 100).trials
    proposals = []
    for failures in (0, 3):
        sampler: Any = make_strategy(strategy, NARROW, seed=3)
        study = optuna.create_study(sampler=sampler)
        study.add_trials(past)
        for _ in range(failures):
            study.add_trial(optuna.create_trial(state=TrialState.FAIL))
        sampler.assign(8)
        proposals.append(study.ask(NARROW.distributions).params)
    assert proposals[0] == proposals[1]


# --- study.enqueue_trial ------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["random", "tpe", "evolution"])
def test_what_is_enqueued_is_kept_and_the_rest_chosen_to_fit(strategy: str) -> None:
    study = optuna.create_study(sampler=make_strategy(strategy, NARROW, seed=0))
    for fixed in ({"depth": 20}, {"wm": 2.5, "group_width": 16}, {"wa": 36.44}):
        study.enqueue_trial(fixed)
        trial = study.ask(NARROW.distributions)
        assert fixed.items() <= trial.params.items()
        assert NARROW.judge(NARROW.canonical(trial.params)) is not None
        study.tell(trial, 0.5)
    assert study.ask(NARROW.distributions).params["depth"] != 20


def test_ordered_parameters_can_be_enqueued() -> None:
    space = make_space("anynetx-e").within(Window.parse(flops="200M:2G"))
    study = optuna.create_study(sampler=FeasibleSampler(space))
    study.enqueue_trial({"width_2": 256, "depth_4": 5})
    trial = study.ask(space.distributions)
    assert (trial.params["width_2"], trial.params["depth_4"]) == (256, 5)
    assert space.judge(space.canonical(trial.params)) is not None


def test_an_enqueued_value_that_no_network_of_the_window_has_is_an_error() -> None:
    study = optuna.create_study(sampler=FeasibleSampler(CORNER))
    study.enqueue_trial({"x": 0.1})
    with pytest.raises(InfeasibleWindow, match="flops below 1.8M"):
        study.ask(CORNER.distributions)


def test_a_whole_point_enqueued_outside_the_window_is_pruned() -> None:
    """Optuna asks no sampler where everything is fixed."""
    study = optuna.create_study(sampler=FeasibleSampler(CORNER))
    study.enqueue_trial({"x": 0.1, "y": 0.1})
    study.optimize(lambda trial: len(CORNER.suggest(trial).key()), n_trials=1)
    assert study.trials[0].state == TrialState.PRUNED


# --- parameters beside the space ----------------------------------------------------------------------------


def with_rate(trial: optuna.trial.Trial) -> float:
    """An objective of a network and of a learning rate, which is best at 0.8."""
    CORNER.suggest(trial)
    return abs(trial.suggest_float("rate", 0, 1) - 0.8)


@pytest.mark.parametrize(
    "inner", [TPESampler(seed=0, n_startup_trials=5), CmaEsSampler(seed=0, warn_independent_sampling=False)]
)
def test_an_inner_sampler_of_optuna_learns_a_parameter_beside_the_space(inner: BaseSampler) -> None:
    """At random the distance to 0.8 is 0.34 in the mean with a spread of 0.23: of 15 the standard error is 0.06."""
    study = optuna.create_study(sampler=FeasibleSampler(CORNER, inner))
    study.optimize(with_rate, n_trials=60)
    assert len(set(architectures(study, CORNER))) == 60
    assert sum(trial.value or 0 for trial in study.trials[45:]) / 15 < 0.34 - 3 * 0.06


@pytest.mark.parametrize("strategy", ["evolution", "local-search"])
def test_beside_a_strategy_of_regnas_a_parameter_is_learnt_too(strategy: str) -> None:
    study = optuna.create_study(sampler=make_strategy(strategy, CORNER, seed=0))
    study.optimize(with_rate, n_trials=60)
    assert sum(trial.value or 0 for trial in study.trials[45:]) / 15 < 0.34 - 3 * 0.06


@pytest.mark.parametrize("strategy", ["gp[startup=4]", "nsga2[population=4]", "predictor[init=4]", "qmc", "tpe"])
def test_a_parameter_may_be_suggested_beside_any_strategy_of_regnas(strategy: str) -> None:
    study = optuna.create_study(sampler=make_strategy(strategy, CORNER, seed=0))
    study.optimize(with_rate, n_trials=7)
    assert len(set(architectures(study, CORNER))) == 7
    assert len({trial.params["rate"] for trial in study.trials}) == 7


def test_beside_random_search_a_parameter_depends_on_the_seed_and_the_trial_alone() -> None:
    drawn = []
    for threads in (1, 4):
        study = optuna.create_study(sampler=FeasibleSampler(CORNER, seed=3))
        study.optimize(with_rate, n_trials=12, n_jobs=threads)
        drawn.append([trial.params["rate"] for trial in study.trials])
    assert drawn[0] == drawn[1] and len(set(drawn[0])) == 12


# --- several processes, studies and copies ------------------------------------------------------------------


def test_two_samplers_on_one_storage_propose_no_network_twice() -> None:
    storage = optuna.storages.InMemoryStorage()
    studies = [
        optuna.create_study(
            storage=storage, study_name="shared", load_if_exists=True, sampler=FeasibleSampler(CORNER, inner, seed=0)
        )
        for inner in (None, TPESampler(seed=0, n_startup_trials=3))
    ]
    for _ in range(10):
        for study in studies:
            study.tell(study.ask(CORNER.distributions), 0.5)
    assert len(set(architectures(studies[0], CORNER))) == 20


def test_one_sampler_of_two_studies_keeps_them_apart() -> None:
    sampler = FeasibleSampler(CORNER, seed=0)
    params = []
    for _ in range(2):
        study = optuna.create_study(sampler=sampler)
        study.optimize(lambda trial: len(CORNER.suggest(trial).key()), n_trials=5)
        params.append([trial.params for trial in study.trials])
    assert params[0] == params[1]


@pytest.mark.parametrize("inner", [None, TPESampler(seed=0, n_startup_trials=3)])
def test_a_copy_goes_on_as_the_original(inner: BaseSampler | None) -> None:
    original = FeasibleSampler(CORNER, inner, seed=0)
    study = ask(original, CORNER, 6)
    proposed = []
    for sampler in (pickle.loads(pickle.dumps(original)), copy.deepcopy(original), original):
        study.sampler = sampler
        again = optuna.create_study(sampler=sampler)
        again.add_trials(study.trials[:6])
        proposed.append(again.ask(CORNER.distributions).params)
    assert proposed[0] == proposed[1] == proposed[2]


@pytest.mark.parametrize("kind", ["GridSampler", "BruteForceSampler"])
def test_samplers_that_draw_one_parameter_at_a_time_are_heard(kind: str) -> None:
    space = DistributionSpace.of({name: CategoricalDistribution(tuple("abcd")) for name in ("one", "two")})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        grid = {"one": list("abcd"), "two": list("abcd")}
        inner = (
            optuna.samplers.GridSampler(grid, seed=0) if kind == "GridSampler" else optuna.samplers.BruteForceSampler()
        )
        study = optuna.create_study(sampler=FeasibleSampler(space, inner))
        study.optimize(lambda trial: len(space.suggest(trial).key()), n_trials=16)
    assert len(set(architectures(study, space))) == 16


# --- what is asked in the wrong way -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "low", "words"),
    [
        ("Depth", 1, "'Depth' is not a parameter of regnetx, but 'depth' is"),
        ("group_widths", 1, "'group_width' is"),
        ("depth", 70, "'depth' is a parameter of regnetx with IntDistribution"),
    ],
)
def test_a_slip_of_the_pen_is_told_from_a_parameter_of_one_s_own(name: str, low: int, words: str) -> None:
    study = optuna.create_study(sampler=FeasibleSampler(NARROW))
    with pytest.raises(UsageError, match=words):
        study.ask().suggest_int(name, low, 100)


@pytest.mark.parametrize(
    "inner",
    [
        FeasibleSampler(SQUARE),
        optuna.samplers.PartialFixedSampler({"x": 1.0}, RandomSampler()),
        "TPESampler",
        TPESampler,
    ],
    ids=["itself", "partial", "name", "class"],
)
def test_what_cannot_be_an_inner_sampler_is_refused(inner: Any) -> None:
    with pytest.raises(UsageError, match="inner sampler"):
        FeasibleSampler(SQUARE, inner)


def test_arguments_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UsageError, match="duplicates is one of"):
        FeasibleSampler(SQUARE, duplicates="maybe")
    with pytest.raises(UsageError, match="max_tries is at least 1"):
        FeasibleSampler(SQUARE, max_tries=0)


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ("optuna", "optuna:NAME names a sampler"),
        ("optuna:NoSuchSampler", "TPESampler.*got 'NoSuchSampler'"),
        ("optuna:GridSampler", "cannot make GridSampler"),
        ("optuna:TPESampler[candidates=3]", "cannot make TPESampler.*candidates"),
        ("random[seed=1]", "strategy random has no option 'seed'"),
        ("tpe[startup=2.5]", "startup of strategy tpe is a int"),
    ],
)
def test_a_strategy_that_cannot_be_made_says_why(strategy: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_strategy(strategy, SQUARE, seed=0)


def test_a_sampler_that_needs_another_package_says_so_before_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategies_optuna, "find_spec", lambda name: None)
    with pytest.raises(HostError, match="needs cmaes, which is not installed: pip install cmaes"):
        make_strategy("optuna:CmaEsSampler", SQUARE, seed=0)
