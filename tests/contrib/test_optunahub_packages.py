"""The packages for OptunaHub: in the registry's layout, loaded by its loader, used in real studies."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import optuna
import optunahub
import pytest
import yaml
from optuna.samplers import BaseSampler, TPESampler
from optuna.testing.pytest_samplers import BasicSamplerTestCase, RelativeSamplerTestCase
from optuna.trial import TrialState

from regnas.errors import HostError, UsageError
from regnas.evaluator import Result
from regnas.strategies import FeasibleSampler
from regnas.strategy import make_strategy
from regnas.system import optional as requiring
from regnas.tables.table import TableError
from regnas.testing import conditional_toy
from regnas.window import Window

REGISTRY = Path(__file__).resolve().parents[2] / "contrib" / "optunahub" / "package"
PACKAGES = ("samplers/regularized_evolution", "samplers/feasible", "benchmarks/regnas")


def loaded(package: str) -> Any:
    return optunahub.load_local_module(package, registry_root=str(REGISTRY))


# --- the registry's rules -----------------------------------------------------------------------------------


@pytest.mark.parametrize("package", PACKAGES)
def test_it_has_the_files_and_the_front_matter_that_the_registry_asks_for(package: str) -> None:
    folder = REGISTRY / package
    names = {"README.md", "LICENSE", "__init__.py", "example.py", "requirements.txt"}
    assert names == {path.name for path in folder.iterdir() if path.name != "__pycache__"}
    _, front, body = (folder / "README.md").read_text().split("---\n", 2)
    known = yaml.safe_load(front)
    assert set(known) == {"author", "title", "description", "tags", "optuna_versions", "license"}
    assert known["license"] == "MIT License" and "MIT License" in (folder / "LICENSE").read_text()
    assert package.split("/")[0].removesuffix("s") in known["tags"]
    assert re.findall(r"^## (.+)$", body, re.MULTILINE) == ["Abstract", "APIs", "Installation", "Example"]
    assert not re.search(r"<[a-z]+", body)  # the registry renders no HTML
    assert f'load_module("{package}")' in body
    assert (folder / "requirements.txt").read_text().startswith("regnas")


@pytest.mark.parametrize("package", PACKAGES)
def test_it_is_thin(package: str) -> None:
    module = loaded(package)
    assert module.__all__
    for name in module.__all__:
        assert getattr(module, name).__module__.startswith("regnas")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "said"),
    [(PACKAGES[0], "'kind': 'a'"), (PACKAGES[1], "30 trials"), (PACKAGES[2], "hard constraints: 30 of 30")],
)
def test_its_example_runs(package: str, said: str) -> None:
    done = subprocess.run([sys.executable, REGISTRY / package / "example.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


# --- regularised evolution ----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Choices for a categorical distribution:UserWarning")
class TestEvolutionIsASampler(BasicSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: loaded(PACKAGES[0]).RegularizedEvolutionSampler(2, 2, seed=0)


class TestEvolutionSamplesTogether(RelativeSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: loaded(PACKAGES[0]).RegularizedEvolutionSampler(2, 2, seed=0)


def test_evolution_comes_close_to_an_optimum() -> None:
    """A random point of the square lies within 0.01 of the corner with probability 8e-5: 1 of 100 in 0.8 % of runs."""
    study = optuna.create_study(sampler=loaded(PACKAGES[0]).RegularizedEvolutionSampler(seed=0))
    study.optimize(lambda trial: sum(trial.suggest_float(name, 0, 1) ** 2 for name in "xy"), n_trials=100)
    assert study.best_value**0.5 < 0.01


# --- the problem --------------------------------------------------------------------------------------------


def test_a_table_is_a_problem_with_the_table_s_errors() -> None:
    problem = loaded(PACKAGES[2]).Problem("nasbench201/cifar10")
    study = optuna.create_study(directions=problem.directions, sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(problem, n_trials=20)
    assert all(trial.state == TrialState.COMPLETE and trial.constraints == {"network": -1} for trial in study.trials)
    assert 0.08 < study.best_value < 0.2 and set(study.best_params) == set(problem.search_space)
    again = loaded(PACKAGES[2]).Problem("nasbench201/cifar10")
    assert again.evaluate(study.best_params) == study.best_value


def test_constraints_are_the_window_s_and_feasible_sampler_meets_them() -> None:
    problem = loaded(PACKAGES[2]).Problem("recorded:fashion-mnist/regnetx", flops="1M:2M", params=":200k")
    study = optuna.create_study(sampler=FeasibleSampler(problem.space, TPESampler(seed=0)))
    study.optimize(problem, n_trials=15)
    for trial in study.trials:
        cost = problem.space.decode(problem.space.canonical(trial.params)).complexity(problem.space.resolution)
        assert trial.constraints["flops_low"] == pytest.approx(1 - cost.flops / 1e6)
        assert trial.constraints["flops_high"] == pytest.approx(cost.flops / 1e6 - 2)
        assert trial.constraints["params_high"] == pytest.approx(cost.params / 1e6 - 0.2)
        assert max(trial.constraints.values()) <= 0 and 0.1 < (trial.value or 0) < 0.9


def test_a_point_that_is_no_network_breaks_a_constraint_and_has_the_worst_error() -> None:
    problem = loaded(PACKAGES[2]).Problem(flops="1M:2M")
    wrong = {"depth": 4, "w0": 8, "wa": 256.0, "wm": 1.5, "bottleneck_ratio": 1, "group_width": 1}
    assert problem.evaluate(wrong) == 1
    assert problem.evaluate_constraints(wrong)["network"] == 1


def test_a_table_that_is_not_there_is_refused() -> None:
    with pytest.raises(TableError, match="nothing"):
        loaded(PACKAGES[2]).Problem("recorded:nothing/here", "regnetx")


# --- samplers of the hub as strategies ----------------------------------------------------------------------


def test_a_package_on_this_machine_is_a_strategy(monkeypatch: pytest.MonkeyPatch) -> None:
    import regnas

    monkeypatch.chdir(REGISTRY)
    space = regnas.space("regnetx", flops="360M:400M")
    sampler = make_strategy("optuna:hub/./samplers/regularized_evolution[population_size=5]", space, seed=0)
    study = optuna.create_study(sampler=sampler)
    keys = set()
    for _ in range(20):
        trial = study.ask(space.distributions)
        candidate = space.judge(space.canonical(trial.params))
        assert candidate is not None
        keys.add(candidate.architecture.key())
        study.tell(trial, candidate.complexity.activations)
    assert len(keys) == 20


@pytest.mark.parametrize(
    ("argument", "error", "words"),
    [
        ("hub/evolution", UsageError, "names a package of OptunaHub"),
        ("hub/./nowhere/at_all", HostError, "is it a folder of a package"),
        ("hub/./benchmarks/regnas", UsageError, "holds no sampler"),
    ],
)
def test_what_is_no_package_with_a_sampler_is_refused(
    argument: str, error: type[Exception], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import regnas

    monkeypatch.chdir(REGISTRY)
    with pytest.raises(error, match=words):
        make_strategy(f"optuna:{argument}", regnas.space("regnetx"), seed=0)


def test_without_optunahub_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import regnas

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(requiring, "version", missing)
    with pytest.raises(HostError, match=r"pip install 'regnas\[hub\]'"):
        make_strategy("optuna:hub/samplers/anything", regnas.space("regnetx"), seed=0)


def test_a_problem_with_conditional_parameters_heeds_what_is_active_alone() -> None:
    """Samplers propose all parameters, and points that differ in an inactive one are one network."""

    class Tree(loaded(PACKAGES[2]).Problem):  # type: ignore[misc]
        def __init__(self) -> None:
            self.space = conditional_toy().within(Window.parse(flops="1.1M:1.8M"))
            self._evaluate = lambda network, **_: Result(error=network.share, seconds=0.0)
            self._seed = 0

    problem, point = Tree(), {"kind": "plain", "size": 0.25, "width": 0.1, "depth": 2, "end": "a"}
    assert set(problem.search_space) == set(point)
    assert problem.evaluate(point) == problem.evaluate({**point, "width": 0.9, "end": "b"}) == 0.125
    study = optuna.create_study(sampler=FeasibleSampler(problem.space, TPESampler(seed=0, n_startup_trials=5), seed=0))
    study.optimize(problem, n_trials=15)
    assert len({trial.value for trial in study.trials}) == 15
    assert all(max(problem.evaluate_constraints(trial.params).values()) <= 0 for trial in study.trials)
