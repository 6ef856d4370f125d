"""A program as a strategy: whatever it does, the study goes on, and the user is told."""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.samplers import BaseSampler

from regnas.design_space import Space, make_space
from regnas.errors import UsageError
from regnas.strategies import FeasibleSampler
from regnas.strategies.external.sampler import Command
from regnas.strategy import make_strategy
from regnas.testing import StrategyRules

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "propose.py"
SPACE = make_space("regnetx").within(make_space("regnetx").window.parse(flops="100M:200M"))
# The head of a program: what it is told goes to a file, as tests read it.
HEAD = """
import json, os, sys, time
log = open(sys.argv[1], "a")
count = 0
for line in sys.stdin:
    said = json.loads(line)
    print(os.getpid(), line, end="", file=log, flush=True)
    if said["event"] == "start":
        laws = {law["name"]: law for law in said["parameters"]}
    if said["event"] != "ask":
        continue
    count += 1
"""


class TestExample(StrategyRules):
    def make(self, space: Space, *, seed: int, options: Mapping[str, Any]) -> BaseSampler:
        from regnas.strategies.command import make

        return make(space, seed=seed, options={**options, "argument": f"{sys.executable} {EXAMPLE}"})


Program = Callable[..., str]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The spec of a strategy whose program answers by some lines of Python."""

    def write(body: str, **options: Any) -> str:
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        (tmp_path / "program.py").write_text(HEAD + lines)
        inside = ",".join(f"{key}={value}" for key, value in options.items())
        return f"command:{sys.executable} {tmp_path}/program.py {tmp_path}/log" + (f"[{inside}]" if inside else "")

    return write


def run(spec: str, budget: int, storage: Any = None, fail: tuple[int, ...] = (), seconds: float = 0.0) -> optuna.Study:
    sampler = make_strategy(spec, SPACE, seed=1)
    study = optuna.create_study(sampler=sampler, storage=storage, study_name="s", load_if_exists=True)

    def objective(trial: optuna.Trial) -> float:
        network = SPACE.suggest(trial)
        time.sleep(seconds)
        if trial.number in fail:
            raise RuntimeError("a failure")
        return network.complexity(SPACE.resolution)["params"] / 1e9

    study.optimize(objective, n_trials=budget, catch=RuntimeError)
    assert isinstance(sampler, FeasibleSampler) and isinstance(sampler.inner, Command)
    sampler.inner.close()
    return study


def heard(tmp_path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Process and message, line by line."""
    lines = [line.split(" ", 1) for line in (tmp_path / "log").read_text().splitlines()]
    return [(process, json.loads(text)) for process, text in lines]


def test_a_program_hears_of_every_trial_before_the_next_is_asked_for(program: Program, tmp_path: Path) -> None:
    study = run(program('print("{\\"params\\": null}", flush=True)'), 4, fail=(1,))
    events = [said for _, said in heard(tmp_path)]
    assert [said["event"] for said in events] == ["start", "ask", "tell", "ask", "tell", "ask", "tell", "ask"]
    tells = [said for said in events if said["event"] == "tell"]
    assert [said["state"] for said in tells] == ["complete", "failed", "complete"]
    assert [said["error"] for said in tells] == [study.trials[0].value, None, study.trials[2].value]
    assert tells[0]["params"] == study.trials[0].params
    assert tells[0]["origin"] == "stream"
    assert 100e6 <= tells[0]["costs"]["flops"] <= 200e6
    start = events[0]
    assert (start["protocol"], start["seed"], start["window"]) == (1, 1, "flops 100M:200M")
    assert [law["name"] for law in start["parameters"]] == list(SPACE.distributions)


def test_a_proposal_that_cannot_be_evaluated_is_refused_with_the_reason(program: Program, tmp_path: Path) -> None:
    inside, other = (candidate.params for candidate in SPACE.sample(2, seed=9))
    outside = {**inside, "depth": 60, "w0": 256, "wa": 255.9}
    assert SPACE.judge(SPACE.canonical(outside)) is None
    body = f"print(json.dumps({{'params': {[inside, outside, inside, other]}[count - 1]}}), flush=True)"
    study = run(program(body), 2)
    assert [trial.params for trial in study.trials] == [inside, other]
    refusals = [said for _, said in heard(tmp_path) if said["event"] == "refused"]
    assert [said["why"] for said in refusals] == ["outside the window", "evaluated before"]
    assert refusals[1]["params"] == inside


def test_one_that_repeats_itself_gets_the_nearest_network_evaluated(program: Program, tmp_path: Path) -> None:
    inside = SPACE.sample(1, seed=9)[0].params
    study = run(program(f"print(json.dumps({{'params': {inside}}}), flush=True)"), 4)
    assert len({str(trial.params) for trial in study.trials}) == 4
    origins = [said["origin"] for _, said in heard(tmp_path) if said["event"] == "tell"]
    assert origins == ["own", "repeat", "repeat"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("print('hello', flush=True)", "it answered 'hello', and not JSON"),
        ("print('[1]', flush=True)", "an answer is"),
        ("print('{\"params\": [1]}', flush=True)", "an object of values by parameter"),
        ('print(\'{"params": {"deep": 1}}\', flush=True)', "has no parameter deep"),
        ('print(\'{"params": {"depth": 12}}\', flush=True)', "needs a value for"),
        ('print(\'{"params": {"depth": 1e9}}\', flush=True)', "depth is one of IntDistribution"),
        ('print(\'{"params": {"depth": NaN}}\', flush=True)', "depth is one of IntDistribution"),
        ('print(\'{"params": {"depth": true}}\', flush=True)', "depth is one of IntDistribution"),
        ("sys.exit(7)", "it ended with exit code 7"),
    ],
)
def test_an_answer_that_is_none_is_named_and_a_random_candidate_taken(program: Program, body: str, said: str) -> None:
    with pytest.warns(UserWarning, match="a random candidate is taken") as warned:
        study = run(program(body, patience=2), 4)
    assert [trial.params for trial in study.trials] == [one.params for one in SPACE.sample(4, seed=1)]
    ours = [str(one.message) for one in warned if str(one.message).startswith("command:")]
    assert [one.endswith("random from here on") for one in ours] == [False, True]
    assert said in ours[0]


def test_one_that_does_not_answer_is_started_anew_and_told_everything(program: Program, tmp_path: Path) -> None:
    body = 'if said["trial"] == 2 and not os.path.exists(sys.argv[1] + ".slow"):\n'
    body += '    open(sys.argv[1] + ".slow", "w").close()\n    time.sleep(60)\nprint("{\\"params\\": {}}", flush=True)'
    with pytest.warns(UserWarning, match="did not answer within 3 s; a random candidate"):
        run(program(body, timeout=3), 4)
    processes = list(dict.fromkeys(process for process, _ in heard(tmp_path)))
    assert len(processes) == 2
    second = [said["event"] for process, said in heard(tmp_path) if process == processes[1]]
    assert second == ["start", "tell", "tell", "tell", "ask"]


def test_a_study_that_goes_on_tells_a_new_program_what_was(program: Program, tmp_path: Path) -> None:
    spec, storage = program('print("{\\"params\\": {}}", flush=True)'), f"sqlite:///{tmp_path}/study.db"
    run(spec, 3, storage)
    run(spec, 1, storage)
    second = list(dict.fromkeys(process for process, _ in heard(tmp_path)))[1]
    assert [said["event"] for process, said in heard(tmp_path) if process == second] == ["start", *["tell"] * 3, "ask"]


def test_lines_that_nobody_asked_for_are_no_answers(program: Program) -> None:
    inside = [candidate.params for candidate in SPACE.sample(3, seed=9)]
    body = f"print(json.dumps({{'params': {inside}[count - 1]}}))\nprint('thinking', flush=True)"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study = run(program(body), 3, seconds=1)
    assert [trial.params for trial in study.trials] == inside


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("command", "names a program and its arguments"),
        ("command:no-such-program-here", "there is no program 'no-such-program-here'"),
        ("command:cat 'x", "cannot be split into words"),
        ("command:cat[timeout=0]", "is a number from 0.01"),
        ("command:cat[speed=1]", "has no option 'speed'"),
    ],
)
def test_what_is_no_program_is_refused_before_the_search(spec: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        make_strategy(spec, SPACE, seed=0)
