"""Limits on what no closed form says: a made-up measure, installed by someone else, from the flag to the report."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

import regnas
from regnas import measure
from regnas.errors import InfeasibleWindow, PluginBroken, UsageError
from regnas.measure import Measure
from regnas.plugins import registry
from regnas.sampling.moves import feasible_mutant
from regnas.sampling.stream import Tally, candidates
from regnas.strategies import FeasibleSampler
from regnas.studies.populations.sources import load

# A number in [0, 1) that nobody can tell from the network's numbers: 16 bits of its key.
_MODULE = """\
import os
from regnas.measure import Measure

def toy(architecture, images, device):
    with open(os.environ["REGNAS_TOY_LOG"], "a") as log:
        print(architecture.key(), images.resolution, device, file=log)
    return int(architecture.key()[:4], 16) / 2**16

TOY = Measure("toy", "s", whole=False, measured_by=toy)
NAN = Measure("nan", "s", whole=False, measured_by=lambda *asked: float("nan"))
RAISING = Measure("raising", "s", whole=False, measured_by=lambda *asked: 1 / 0)
UNKNOWN = Measure("unknown", "things")
MISNAMED = Measure("other", "things")
"""
_ENTRY_POINTS = """\
[regnas.measures]
toy = regnas_toy:TOY
nan = regnas_toy:NAN
raising = regnas_toy:RAISING
unknown = regnas_toy:UNKNOWN
misnamed = regnas_toy:MISNAMED
"""


class Log:
    """What was measured."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[list[str]]:
        return [line.split() for line in self.path.read_text().splitlines()] if self.path.exists() else []

    def forget(self) -> None:
        """As in a new process: nothing is remembered, and nothing is on the log."""
        measure._measured.clear()
        self.path.unlink(missing_ok=True)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """The measures of the module above are installed, here and in every process started from here."""
    site = tmp_path / "site"
    info = site / "regnas_toy-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "regnas_toy.py").write_text(_MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: regnas-toy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(_ENTRY_POINTS)
    before = os.environ.get("PYTHONPATH")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(site), before])))
    monkeypatch.setenv("REGNAS_TOY_LOG", str(tmp_path / "toy.log"))
    log = Log(tmp_path / "toy.log")
    log.forget()
    yield log
    registry.load.cache_clear()
    measure._measured.clear()


def number(candidate: Any) -> float:
    return int(candidate.architecture.key()[:4], 16) / 2**16


def test_the_stream_inside_is_the_stream_without_what_lies_outside(toy: Log) -> None:
    closed, limited = (regnas.space("anynetx-a", flops="300M:500M", limits=one) for one in ({}, {"toy": "0.2:0.5"}))
    tally = Tally()
    stream = candidates(limited, seed=3, tally=tally)
    found = [next(stream) for _ in range(20)]
    source = closed.stream(seed=3)
    wanted = [one for one in (next(source) for _ in range(200)) if 0.2 <= number(one) <= 0.5][:20]
    assert [one.params for one in found] == [one.params for one in wanted]
    assert [one.index for one in found] == list(range(20))
    assert all(one.complexity["toy"] == number(one) for one in found)
    assert list(found[0].complexity) == ["flops", "params", "activations", "toy"]
    keys = Counter(key for key, *_ in toy.lines())
    assert max(keys.values()) == 1, "a network was measured twice"
    inside = [next(closed.stream(seed=3)) for _ in range(1)]
    assert inside[0].architecture.key() in keys and len(keys) < 200, "more was measured than was asked for"
    assert tally.accepted == 20 and tally.outside == len(keys) - 20
    rate, alone = tally.rate, Tally()
    for _ in zip(range(200), candidates(closed, seed=3, tally=alone), strict=False):
        pass
    assert rate == pytest.approx(0.3 * alone.rate, rel=0.6)
    assert tally.rejected["toy below 0.2"] and tally.rejected["toy above 0.5"]


def test_narrowed_proposals_stay_inside_both(toy: Log) -> None:
    space = regnas.space("regnetx", flops="360M:400M", limits=["toy=:0.1"])
    assert str(space.window) == "flops 360M:400M, toy :0.1"
    found = space.sample(10)
    assert all(360e6 <= one.complexity["flops"] <= 400e6 and number(one) <= 0.1 for one in found)
    assert space.sample(10) == found == regnas.space(space).sample(10)


@pytest.mark.parametrize("name", ["regnetx", "anynetx-e", "nasbench201"])
def test_points_are_judged_and_moved_by_what_is_measured(toy: Log, name: str) -> None:
    space = regnas.space(name, limits={"toy": ":0.5"}, resolution=32)
    inside = outside = 0
    for one in regnas.space(name, resolution=32).sample(30):
        judged = space.judge(one.params)
        assert (judged is not None) == (number(one) <= 0.5)
        if judged is not None:
            inside += 1
            assert judged.complexity == one.complexity | {"toy": number(one)}
            mutant = feasible_mutant(space, one.params, np.random.default_rng(0))
            assert mutant is not None and mutant.complexity["toy"] == number(mutant) <= 0.5
        else:
            outside += 1
            trial: Any = optuna.trial.FixedTrial({name: one.params[name] for name in space.distributions})
            with pytest.raises(optuna.TrialPruned, match=r"its window toy :0\.5"):
                space.suggest(trial)
    assert inside and outside


@pytest.mark.parametrize("strategy", ["random", "tpe", "evolution[population=3,tournament=2]", "local-search"])
def test_strategies_stay_inside(toy: Log, strategy: str) -> None:
    from regnas.strategy import make_strategy

    space = regnas.space("regnetx", flops="1M:2M", limits={"toy": "0.5:"}, resolution=16)
    sampler = make_strategy(strategy, space, seed=0)
    study = optuna.create_study(sampler=sampler)
    assert isinstance(sampler, FeasibleSampler)
    for _ in range(15):
        trial = study.ask(space.distributions)
        assert sampler.proposed is not None and sampler.proposed.complexity["toy"] >= 0.5
        study.tell(trial, number(sampler.proposed))


@pytest.mark.parametrize("strategy", ["nsga2[objectives=toy,population=3]", "predictor[init=4]"])
def test_models_and_fronts_know_what_is_measured(fast_search: Callable[..., Any], toy: Log, strategy: str) -> None:
    result = fast_search(10, strategy=strategy, limits={"toy": ":0.7"})
    assert all(row["toy"] <= 0.7 for row in result.rows)


def test_a_search_keeps_what_was_measured_and_resumes(
    fast_search: Callable[..., Any], toy: Log, tmp_path: Path, regnas_command: Callable[..., tuple[int, str, str]]
) -> None:
    options: dict[str, Any] = {"limits": {"toy": ":0.4"}, "pareto": ["toy", "flops"]}
    first = fast_search(4, **options)
    stored = {trial.user_attrs["architecture"]: trial.user_attrs["toy"] for trial in first.study.trials}
    toy.forget()
    result = fast_search(8, **options)
    whole = fast_search(8, out="whole", **options)
    assert [row["architecture"] for row in result.rows] == [row["architecture"] for row in whole.rows]
    assert [row["toy"] for row in result.rows] == [row["toy"] for row in whole.rows]
    assert all(row["toy"] <= 0.4 for row in result.rows) and len(stored) == 4
    measured = [key for key, *_ in toy.lines()]
    from regnas.architecture import key_of_text

    assert not {key_of_text(text) for text in stored} & set(measured), "what is on record was measured again"
    assert {place for _, _, place in toy.lines()} == {"cpu"}
    (settings,) = {trial.user_attrs["toy"] for trial in result.study.trials[:1]}
    assert settings == result.rows[0]["toy"]
    rows = list(csv.DictReader((result.folder / "trials.csv").open()))
    assert [float(row["toy"]) for row in rows] == [row["toy"] for row in result.rows]
    front = list(csv.DictReader((result.folder / "pareto.csv").open()))
    assert {row["front"] for row in front} == {"toy", "flops"} and all(float(row["toy"]) <= 0.4 for row in front)
    population = load(str(result.folder))[0]
    assert population.complexity("toy").tolist() == [row["toy"] for row in result.rows]
    assert (
        load(str(result.folder / "trials.csv"))[0].complexity("toy").tolist() == population.complexity("toy").tolist()
    )


def test_the_flag_goes_from_the_command_line_to_the_report(
    fast: Any, toy: Log, tmp_path: Path, regnas_command: Callable[..., tuple[int, str, str]]
) -> None:
    where = ("--data", "fake", "--evaluator", "fast", "--workers", 0, "--storage", tmp_path / "j.journal")
    words = ("search", *where, "--limit", "toy=0.1:0.6", "--limit", "acts=0:60k")
    code, output, error = regnas_command(*words, "--budget", 3)
    assert code == 0, error
    assert "regnetx (--space auto) inside acts 0:60k, toy 0.1:0.6, strategy random" in output
    table = output[output.index("The 3 best of 3") :]
    assert "toy" in table.splitlines()[1] and ", toy 0." in output
    code, output, _ = regnas_command(*words, "--budget", 5)
    assert code == 0 and "resuming: 3 of 5" in output
    code, output, error = regnas_command(*words[:-1], "acts=0:50k", "--budget", 5)
    assert code == 1 and "window: stored acts 0:60k, toy 0.1:0.6, asked acts 0:50k, toy 0.1:0.6" in error
    code, output, _ = regnas_command("describe", "--space", "regnetx", "--limit", "toy=:0.5", "--resolution", 16)
    assert code == 0 and "measured one network at a time, so not tried here: toy" in output
    code, output, _ = regnas_command("sample", "--count", 5, "--limit", "toy=:0.5", "--output", "s.csv")
    assert code == 0 and "toy above 0.5" in output
    assert all(float(row["toy"]) <= 0.5 for row in csv.DictReader((tmp_path / "s.csv").open()))
    code, output, error = regnas_command(
        *("compare", "--population", "s.csv", "--population", "regnas-runs/regnetx-random-0", "--complexity", "toy")
    )
    assert code == 2 and "no complete" in error  # candidates of `sample` are not trained, but their columns are read


def test_an_impossible_limit_ends(toy: Log) -> None:
    with pytest.raises(InfeasibleWindow, match="rejected by .*toy above 1e-06.*attainable: .*toy"):
        regnas.space("regnetx", limits={"toy": ":0.000001"}, resolution=16).sample(3)


@pytest.mark.parametrize(
    ("limits", "error", "text"),
    [
        ({"nan": ":1"}, PluginBroken, r"the measure 'nan' gives a finite number from 0 \(s\), got nan"),
        ({"raising": ":1"}, PluginBroken, "the measure 'raising' raised on a network of kind 'staged' on cpu: ZeroDiv"),
        (
            {"unknown": ":1"},
            UsageError,
            "does not know the unknown of its networks.*flops, params, activations",
        ),
        ({"misnamed": ":1"}, PluginBroken, "'misnamed' of regnas.measures is the Measure of this name, got .*'other'"),
        ({"tyo": ":1"}, UsageError, "there is no measure 'tyo', installed: flops, params, .*; did you mean toy"),
    ],
)
def test_a_measure_that_cannot_be_is_named(toy: Log, limits: dict[str, str], error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        regnas.space("regnetx", limits=limits, resolution=16).sample(1)


@pytest.mark.parametrize("name", ["error", "epoch_1", "Latency", "depth", "a-b", "", "params_by_name"])
def test_a_measure_has_a_name_that_files_have_room_for(name: str) -> None:
    with pytest.raises(UsageError, match="a measure's name is in lower case letters, digits and _"):
        Measure(name, "s")


def test_a_front_of_what_is_not_measured_says_how_it_is(fast_search: Callable[..., Any], toy: Log) -> None:
    with pytest.raises(UsageError, match="--pareto is a measure .* got toy; .* as in --limit NAME=0:"):
        fast_search(3, pareto=["toy"])
    assert fast_search(3, pareto=["toy"], limits={"toy": "0:"}).fronts["toy"]
