"""Optimisers of other packages: adapters are heard and told, and whatever they do, the study goes on."""

from __future__ import annotations

import ast
import json
import math
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

import regnas
from regnas.design_space import make_space
from regnas.errors import HostError, UsageError
from regnas.strategies import FeasibleSampler
from regnas.strategies.ext import adapters
from regnas.strategies.external.adapters import serve
from regnas.strategies.external.sampler import Command
from regnas.strategy import make_strategy
from regnas.studies.bench.conclusion import remarks

PAGE = Path(__file__).parents[2] / "docs" / "referee.md"
SPACE = make_space("regnetx").within(make_space("regnetx").window.parse(flops="100M:200M"))
INSIDE = [candidate.params for candidate in SPACE.sample(6, seed=9)]
OUTSIDE = {**INSIDE[0], "depth": 60, "w0": 256, "wa": 255.9}
# An optimiser that proposes a list of points, and writes down what it is told.
HEAD = """
import json, os, sys, time
PACKAGE, PIN, LOSSY, OPTIONS = "", "", "", {"note": "", "speed": 1}

class Optimiser:
    def __init__(self, problem):
        self.problem, self.count = problem, 0
        self.note("made", [error for _, error in problem.told])

    def note(self, *said):
        with open(self.problem.options["note"], "a") as log:
            print(json.dumps(said), file=log)

    def tell(self, known_by, error):
        self.note("tell", known_by, error)

    def see(self, point, error):
        self.note("see", error)

    def ask(self):
        self.count += 1
        number, point = self.count, None
"""
Write = Callable[..., str]


@pytest.fixture
def optimiser(tmp_path: Path) -> Write:
    """The spec of a strategy whose optimiser asks by some lines of Python."""

    def write(body: str, head: str = HEAD, **options: Any) -> str:
        (tmp_path / "mine.py").write_text(head + "".join(f"        {line}\n" for line in body.splitlines()))
        inside = ",".join(f"{key}={value}" for key, value in {"note": tmp_path / "note", **options}.items())
        return f"ext:{tmp_path}/mine.py[{inside}]"

    return write


def proposing(points: list[dict[str, Any]]) -> str:
    return f"return number, {points}[number - 1]"


def notes(tmp_path: Path) -> list[Any]:
    return [json.loads(line) for line in (tmp_path / "note").read_text().splitlines()]


def run(spec: str, budget: int, fail: tuple[int, ...] = ()) -> tuple[optuna.Study, Command]:
    sampler = make_strategy(spec, SPACE, seed=1)
    study = optuna.create_study(sampler=sampler)

    def objective(trial: optuna.Trial) -> float:
        SPACE.suggest(trial)
        if trial.number in fail:
            raise RuntimeError("a failure")
        return (trial.number + 1) / 10

    study.optimize(objective, n_trials=budget, catch=RuntimeError)
    assert isinstance(sampler, FeasibleSampler) and isinstance(sampler.inner, Command)
    sampler.inner.close()
    return study, sampler.inner


def test_its_proposals_are_evaluated_and_it_is_told_their_errors(optimiser: Write, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study, inner = run(optimiser("print('thinking')\n" + proposing(INSIDE)), 4)
    assert [trial.params for trial in study.trials] == INSIDE[:4]
    assert notes(tmp_path) == [["made", []], ["tell", 1, 0.1], ["tell", 2, 0.2], ["tell", 3, 0.3]]
    assert inner.remarks(study) == []
    assert inner.unanswered == 0 and 0 < inner.elsewhere < 5


def test_a_repeat_is_told_its_error_on_record_and_costs_no_evaluation(optimiser: Write, tmp_path: Path) -> None:
    study, _ = run(optimiser(proposing([INSIDE[0], INSIDE[1], INSIDE[0], INSIDE[2], INSIDE[3]])), 4)
    assert [trial.params for trial in study.trials] == INSIDE[:4]
    assert notes(tmp_path)[1:] == [["tell", 1, 0.1], ["tell", 2, 0.2], ["tell", 3, 0.1], ["tell", 4, 0.3]]


def test_outside_the_window_and_a_failure_are_told_the_worst_error_known(optimiser: Write, tmp_path: Path) -> None:
    study, _ = run(optimiser(proposing([OUTSIDE, *INSIDE[:2], OUTSIDE, *INSIDE[2:]])), 4, fail=(2,))
    assert [trial.params for trial in study.trials] == INSIDE[:4]
    told = [error for _, _, error in notes(tmp_path)[1:]]
    assert told == [serve.WORST, 0.1, 0.2, 0.2, 0.2]  # outside, two results, outside, a failure


def test_one_that_says_the_same_for_ever_is_shown_what_was_evaluated_instead(optimiser: Write, tmp_path: Path) -> None:
    study, inner = run(optimiser(f"return number, {INSIDE[0]}"), 3)
    assert len({str(trial.params) for trial in study.trials}) == 3
    assert notes(tmp_path)[1:] == [["tell", 1, 0.1], ["tell", 2, 0.1], ["tell", 3, 0.1], ["see", 0.2], ["tell", 4, 0.1]]
    assert inner.unanswered == 0
    assert "1 of 3 candidates are its own; 2 stand for proposals that were evaluated before" in inner.remarks(study)[0]


def test_one_that_crashes_is_started_anew_with_what_was_evaluated(optimiser: Write, tmp_path: Path) -> None:
    again = "bool(self.problem.told)"
    body = f"os._exit(3) if number == 3 and not {again} else None\nreturn number, {INSIDE}[number - 1 + 3 * {again}]"
    with pytest.warns(UserWarning, match="mine.py: it ended with exit code 3; a random candidate is taken"):
        study, inner = run(optimiser(body), 4)
    assert len(study.trials) == 4 and inner.unanswered == 1
    assert [study.trials[place].params for place in (0, 1, 3)] == [INSIDE[place] for place in (0, 1, 3)]
    assert study.trials[2].params == SPACE.sample(3, seed=1)[2].params
    assert notes(tmp_path)[3] == ["made", [0.1, 0.2, 0.3]]


@pytest.mark.parametrize(
    ("body", "options", "said"),
    [
        ("raise ValueError('no\\nidea')", {}, "it says ValueError: no idea"),
        ("return number, {'depth': float('nan')}", {}, "depth is one of IntDistribution"),
        ("return number, {'depth': object()}", {}, "it says TypeError: object is no number, word or truth"),
        ("return 7", {}, "it says TypeError: "),
        ("time.sleep(60)", {"timeout": 0.5}, "it did not answer within 0.5 s"),
    ],
)
def test_one_that_does_not_propose_loses_its_turns_to_random_search(
    optimiser: Write, body: str, options: dict[str, Any], said: str
) -> None:
    with pytest.warns(UserWarning, match="ext:") as warned:
        study, inner = run(optimiser(body, patience=1, **options), 3)
    assert [trial.params for trial in study.trials] == [one.params for one in SPACE.sample(3, seed=1)]
    assert inner.unanswered == 3
    assert "0 of 3 candidates are its own; 3 are random, as nothing" in inner.remarks(study)[0]
    assert said in str(warned[0].message)


def test_what_goes_wrong_when_it_is_told_is_said_at_the_next_ask(optimiser: Write) -> None:
    head = HEAD.replace('self.note("tell", known_by, error)', 'raise KeyError("gone")')
    with pytest.warns(UserWarning, match="it says KeyError: 'gone'; a random candidate is taken"):
        study, inner = run(optimiser(proposing(INSIDE), head=head), 4)
    assert [study.trials[place].params for place in (0, 2)] == INSIDE[:2]
    assert inner.unanswered == 2


def test_a_proposal_that_is_none_is_not_told_the_error_of_the_random_candidate(
    optimiser: Write, tmp_path: Path
) -> None:
    with pytest.warns(UserWarning, match="depth is one of"):
        run(optimiser(proposing([{**INSIDE[0], "depth": 1e6}, INSIDE[1]])), 2)
    assert notes(tmp_path)[1:] == [["tell", 1, 0.1], ["see", 0.1]]


def test_a_benchmark_goes_on_and_says_what_was_not_proposed(optimiser: Write, tmp_path: Path) -> None:
    spec = optimiser("raise ValueError('no idea')")
    where = {"out": tmp_path, "name": "b", "quiet": True, "jobs": 1}
    with pytest.warns(UserWarning, match="no idea"):
        found = regnas.bench(
            "regnetx",
            "table:recorded:fashion-mnist/regnetx",
            [spec],
            budget=4,
            repeats=1,
            **where,  # type: ignore[arg-type]
        )
    random, mine = found.spaces[0].strategies
    assert mine.unanswered == 4 and mine.origins == {"stream": 4.0} and random.unanswered == 0
    assert mine.curves.tolist() == random.curves.tolist()
    assert any("did not make 4.0 of 4 proposals" in line for line in remarks(found))


def test_a_missing_package_is_named_with_the_way_to_install_it(optimiser: Write, tmp_path: Path) -> None:
    head = HEAD.replace(
        'PIN, LOSSY, OPTIONS = "", ""', 'PIN, LOSSY, OPTIONS = "no-such-package", "no-such-package==1.5"'
    )
    spec = optimiser("pass", head=head)
    with pytest.raises(
        HostError, match="not installed; in an environment of its own: .* -m pip install 'no-such-package==1.5'"
    ):
        make_strategy(spec, SPACE, seed=0)
    with pytest.raises(HostError, match=f"{sys.executable} -m pip install 'no-such-package==1.5'"):
        make_strategy(spec.replace("[", f"[python={sys.executable},"), SPACE, seed=0)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("ext", "names an adapter, one of .*skopt"),
        ("ext:no-such", "or a file ending in .py; got 'no-such'"),
        ("ext:skopt[python=no/such/python]", "there is no such interpreter"),
        ("ext:skopt[python=sh]", "does not load under .*sh, which must be Python"),
    ],
)
def test_what_is_no_adapter_or_no_interpreter_is_refused_before_the_search(spec: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        make_strategy(spec, SPACE, seed=0)


def test_an_adapter_that_does_not_load_and_an_option_that_it_does_not_have_are_refused(optimiser: Write) -> None:
    with pytest.raises(UsageError, match="has no option 'colour'; its options: python, .*speed"):
        make_strategy(optimiser("pass", colour=1), SPACE, seed=0)
    with pytest.raises(UsageError, match="option speed .* is a int"):
        make_strategy(optimiser("pass", speed="fast"), SPACE, seed=0)


def test_a_file_that_is_no_adapter_is_refused_with_its_own_error(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import no_such_module\n")
    with pytest.raises(UsageError, match="broken.py does not load .*No module named 'no_such_module'"):
        make_strategy(f"ext:{tmp_path}/broken.py", SPACE, seed=0)


@pytest.mark.parametrize("file", [Path(serve.__file__), *adapters().values()], ids=lambda file: file.stem)
def test_what_runs_elsewhere_imports_nothing_but_the_standard_library_before_it_is_asked(file: Path) -> None:
    for node in ast.parse(file.read_text()).body:  # inside functions and for type checkers all is allowed
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names]
            assert all(name.partition(".")[0] in sys.stdlib_module_names for name in names)


def test_the_adapter_in_the_documentation_runs(tmp_path: Path) -> None:
    text = PAGE.read_text().split("```python\n")[1].split("```")[0]
    (tmp_path / "mine.py").write_text(text.replace('"my-optimiser"', '""'))
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="ext:")
        study, inner = run(f"ext:{tmp_path}/mine.py[speed=2]", 3)
    assert inner.unanswered == 0 and len(study.trials) == 3


def test_a_name_with_a_hyphen_is_a_file_with_an_underscore() -> None:
    assert adapters()["syne-tune"].name == "syne_tune.py"


@pytest.mark.parametrize("name", adapters())
def test_the_documentation_has_every_adapter_with_its_pin(name: str) -> None:
    package, _, pinned = serve.load(str(adapters()[name])).PIN.partition("==")
    assert f"| `{name}` | {package} {pinned} |" in PAGE.read_text()


def laws() -> st.SearchStrategy[dict[str, Any]]:
    whole = st.tuples(st.integers(1, 50), st.integers(1, 60), st.booleans())
    return st.one_of(
        whole.map(lambda a: {"kind": "int", "low": a[0], "high": a[0] + a[1], "step": 1, "log": a[2]}),
        whole.map(lambda a: {"kind": "int", "low": a[0], "high": a[0] + 8 * a[1], "step": 8, "log": False}),
        whole.map(lambda a: {"kind": "float", "low": a[0] / 8, "high": a[0] / 8 + a[1], "step": None, "log": a[2]}),
        whole.map(lambda a: {"kind": "float", "low": 0.0, "high": a[1] / 4, "step": 0.25, "log": False}),
        st.integers(1, 6).map(lambda count: {"kind": "choice", "values": list("abcdef")[:count]}),
    )


@given(laws(), st.floats(0, 1))
def test_a_place_and_a_number_stand_for_a_value_of_the_parameter_and_for_no_other(
    said: dict[str, Any], unit: float
) -> None:
    law = serve.Parameter({"name": "x", **said})
    value = law.value(law.at(unit))
    if law.kind == "choice":
        assert value in said["values"]
    else:
        assert said["low"] <= value <= said["high"] and isinstance(value, int) == (said["kind"] == "int")
    again = law.value(law.at(law.place(law.number(value))))
    assert again == value if said["kind"] != "float" else math.isclose(again, value, rel_tol=1e-9, abs_tol=1e-9)


@pytest.mark.parametrize("name", adapters())
def test_an_adapter_whose_optimiser_is_here_proposes_inside_the_space(name: str) -> None:
    adapter = serve.load(str(adapters()[name]))
    assert adapter.PIN.partition("==")[0].partition("[")[0].lower() == adapter.PACKAGE.lower()
    try:
        version(adapter.PACKAGE)
    except PackageNotFoundError:
        pytest.skip(f"{adapter.PIN} is not installed in this environment")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="ext:")
        study, inner = run(f"ext:{name}", 4)
    assert inner.unanswered == 0 and len(study.trials) == 4
