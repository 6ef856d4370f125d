"""A space of regnas as NNI's strategies see it, on NNI's own engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution

import regnas
from regnas.design_space import Space
from regnas.errors import InfeasibleWindow, UsageError
from regnas.testing import DistributionSpace, conditional_toy
from regnas.window import Window

pytest.importorskip("nni", reason="NNI is not installed: pip install 'regnas[nni]'")

from regnas.hosts.nni import RegnasSpace, search_space_json, to_nni  # noqa: E402
from regnas.hosts.nni.importing import load  # noqa: E402
from regnas.hosts.nni.specs import space_from_json, space_to_json  # noqa: E402

nni: Any = load("nni")
execution: Any = load("nni.nas.execution")
evaluators: Any = load("nni.nas.evaluator")
strategies: Any = load("nni.nas.strategy")
mutable: Any = load("nni.mutable")

NARROW = regnas.space("regnetx", flops="360M:400M")


def score(architecture: Any) -> None:
    """What a user's function reports to NNI, whatever the architecture is."""
    nni.report_final_result(1 - abs(sum(architecture.depths) - 20) / 100)


def run(space: Space, strategy: Any, count: int, levels: int | None = None) -> list[Any]:
    """The models that a strategy of NNI evaluates on NNI's engine, in this process."""
    model_space = to_nni(space, evaluators.FunctionalEvaluator(score), levels=levels)
    strategy(model_space, execution.SequentialExecutionEngine(max_model_count=count))
    return list(strategy.list_models(sort=False))


def keys(models: list[Any]) -> set[str]:
    """Of the networks of models, each of which lies inside the window."""
    found = [NARROW.judge(NARROW.canonical(model.sample or {})) for model in models]
    assert None not in found
    return {one.architecture.key() for one in found if one is not None}


@pytest.mark.parametrize("name", ["Random", "RegularizedEvolution"])
@pytest.mark.parametrize("levels", [None, 24])
def test_nni_s_strategies_evaluate_a_hundred_networks_of_a_narrow_window(name: str, levels: int | None) -> None:
    options = {"population_size": 20, "sample_size": 10} if name == "RegularizedEvolution" else {}
    models = run(NARROW, getattr(strategies, name)(seed=0, **options), 100, levels)
    assert len(models) == len(keys(models)) == 100
    assert all(model.metric is not None for model in models)


def test_nni_s_tpe_evaluates_a_hundred_networks_of_a_narrow_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own pause of a second after every model is left out."""
    monkeypatch.setattr(load("nni.nas.strategy.hpo").time, "sleep", lambda seconds: None)
    models = run(NARROW, strategies.TPE("maximize", seed=0), 100, levels=24)
    assert len(models) == len(keys(models)) == 100
    assert all(model.metric is not None for model in models)


@pytest.mark.parametrize("levels", [None, 8])
def test_conditional_parameters_are_in_every_sample_and_make_no_second_network(levels: int | None) -> None:
    """NNI's mutables know no conditions."""
    space = conditional_toy().within(Window.parse(flops="1.1M:1.8M"))
    model_space, state, found = to_nni(space, levels=levels), np.random.RandomState(0), set()
    parent = model_space.random(random_state=state).sample or {}
    assert set(parent) == set(space.free)
    for turn in range(20):
        name = list(parent)[turn % len(parent)]
        sample = model_space.freeze({**parent, name: model_space.parameters[name].random(random_state=state)}).sample
        candidate = space.judge(space.canonical(sample or {}))
        assert candidate is not None
        assert all(one.check_contains(sample) is None for one in model_space.parameters.values())
        found.add(candidate.architecture.key())
    assert len(found) == 20
    every = list(RegnasSpace(space, levels=6).grid())
    assert len(every) == len({model.executable_model().key() for model in every}) > 20


def test_grid_search_visits_feasible_networks_only_and_ends() -> None:
    space = regnas.space("regnetx[depth=20|24,w0=24|48,wa=24,wm=2.5,bottleneck_ratio=1]", flops=":400M")
    models = run(space, strategies.GridSearch(seed=0), 1000)
    every = to_nni(space.within(regnas.space("regnetx").window)).grid()
    inside = [model for model in every if space.judge(space.canonical(model.sample or {})) is not None]
    assert 0 < len(models) == len(inside) < 24


@pytest.mark.parametrize("spec", ["regnety", "anynetx-a", "anynetx-e"])
@pytest.mark.parametrize("levels", [None, 8])
def test_what_a_mutation_gets_wrong_becomes_the_nearest_new_network(spec: str, levels: int | None) -> None:
    space = regnas.space(spec, flops="360M:400M")
    model_space, state, found = to_nni(space, levels=levels), np.random.RandomState(0), set()
    parent = model_space.random(random_state=state).sample or {}
    for turn in range(20):
        name = list(parent)[turn % len(parent)]
        child = {**parent, name: model_space.parameters[name].random(random_state=state)}
        sample = model_space.freeze(child).sample or {}
        candidate = space.judge(space.canonical(sample))
        assert candidate is not None
        assert all(one.check_contains(sample) is None for one in model_space.parameters.values())
        found.add(candidate.architecture.key())
    assert len(found) == 20


def test_a_new_network_inside_the_window_is_taken_as_it_is() -> None:
    sample = RegnasSpace(NARROW).random(random_state=np.random.RandomState(0)).sample
    model_space = to_nni(NARROW)
    assert sample is not None and model_space.freeze(sample).sample == sample
    moved = model_space.freeze(sample).sample or {}
    assert len([name for name in sample if moved[name] != sample[name]]) == 1


def test_a_parameter_that_is_missing_or_out_of_its_range_is_an_error_of_nni() -> None:
    sample = RegnasSpace(NARROW).random(random_state=np.random.RandomState(0)).sample or {}
    for wrong in ({**sample, "depth": 99}, {"depth": 20}):
        with pytest.raises(mutable.SampleValidationError):
            to_nni(NARROW).freeze(wrong)


def test_a_space_that_is_used_up_says_so() -> None:
    space = regnas.space("regnetx[depth=20|21,w0=24,wa=24,wm=2.5,bottleneck_ratio=1,group_width=8]")
    model_space = to_nni(space, evaluators.FunctionalEvaluator(score))
    engine = execution.SequentialExecutionEngine(max_model_count=10)
    with pytest.raises(InfeasibleWindow, match="only 2 different networks"):
        strategies.Random(seed=0)(model_space, engine)
    assert len(engine.list_models()) == 2


def test_a_sample_outside_the_window_is_refused_with_its_reason() -> None:
    model_space = RegnasSpace(NARROW)
    sample = model_space.random(random_state=np.random.RandomState(0)).sample
    assert sample is not None and model_space.check_contains(sample) is None
    wrong = {**sample, "depth": sample["depth"] + 20}
    assert "is no network of regnetx inside flops 360M:400M" in str(model_space.check_contains(wrong))
    with pytest.raises(mutable.SampleValidationError):
        model_space.freeze(wrong)
    assert "depth = 99 is not in" in str(model_space.check_contains({**sample, "depth": 99}))
    assert isinstance(model_space.check_contains({"depth": 20}), mutable.SampleMissingError)


def test_equal_random_states_draw_equal_models_and_what_is_fixed_stays() -> None:
    model_space = to_nni(NARROW)
    one, other = (space.random(random_state=np.random.RandomState(3)) for space in (model_space, to_nni(NARROW)))
    assert one.sample == other.sample
    memo: dict[str, Any] = {"group_width": 16}
    fixed = model_space.random(memo, np.random.RandomState(3))
    assert fixed.sample is not None and fixed.sample["group_width"] == 16 and memo == fixed.sample
    assert model_space.default().sample == model_space.robust_default().sample == to_nni(NARROW).default().sample


def test_random_models_are_drawn_from_the_space_s_law() -> None:
    """The share of b = 1 among 300 models and among 3,000 candidates: standard errors of 0.029 and 0.009 at most."""
    state = np.random.RandomState(0)
    model_space = RegnasSpace(NARROW)
    ours = np.mean([one.params["bottleneck_ratio"] == 1 for one in NARROW.sample(3000, duplicates="allow")])
    drawn = [model_space.random(random_state=state).sample or {} for _ in range(300)]
    assert abs(np.mean([one["bottleneck_ratio"] == 1 for one in drawn]) - ours) < 4 * (0.029**2 + 0.009**2) ** 0.5


def test_a_model_survives_the_way_to_another_process() -> None:
    model_space = to_nni(NARROW, levels=16)
    model = model_space.random(random_state=np.random.RandomState(0))
    again = nni.load(nni.dump(model))
    assert (again.sample, again.levels, again.status) == (model.sample, 16, model.status)
    assert again.executable_model() == model.executable_model()
    assert space_from_json(space_to_json(NARROW)) == NARROW


def test_a_space_that_no_spec_makes_is_refused() -> None:
    with pytest.raises(UsageError, match="register it as a plug-in"):
        space_to_json(DistributionSpace.of({"name": CategoricalDistribution(("a", "b"))}))


def test_a_space_with_nothing_to_choose_and_levels_that_hold_nothing_are_refused() -> None:
    fixed = regnas.space("regnetx[depth=20,w0=24,wa=24,wm=2.5,bottleneck_ratio=1,group_width=8]")
    for refuse in (to_nni, search_space_json):
        with pytest.raises(UsageError, match="nothing for NNI to choose"):
            refuse(fixed)
    with pytest.raises(UsageError, match="levels is at least 2"):
        to_nni(NARROW, levels=1)
    with pytest.raises(InfeasibleWindow, match="2 levels here: take more"):
        to_nni(regnas.space("regnetx", flops="360M:360100k"), levels=2).random()


def test_the_json_form_has_a_type_of_nni_for_every_law() -> None:
    assert search_space_json(NARROW) == {
        "depth": {"_type": "quniform", "_value": [4, 63, 1]},
        "w0": {"_type": "qloguniform", "_value": [8, 256, 8]},
        "wa": {"_type": "qloguniform", "_value": [8.0, 256.0, 0.1]},
        "wm": {"_type": "qloguniform", "_value": [1.5, 3.0, 0.001]},
        "bottleneck_ratio": {"_type": "choice", "_value": [1, 2, 4]},
        "group_width": {"_type": "choice", "_value": [1, 2, 4, 8, 16, 32]},
    }
