"""A latency limit from the flag to the report: only what was measured inside is trained, whatever is expected.

The machine is a made-up one whose times are known: what is measured for real is noisy where tests run.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import regnas
from regnas import measure
from regnas.architecture import Architecture, from_json
from regnas.errors import InfeasibleWindow, UsageError
from regnas.evaluators.latency.meter import LatencyMeter, make_meter
from regnas.evaluators.latency.predictor import features_of
from regnas.evaluators.latency.records import Reading
from regnas.images import Images
from regnas.objective import objective_of

TOLD = {"runtime": "torch 0", "threads": 1, "batch": 1, "precision": "float32", "device": "cpu"}
TOLD |= {"processor": "made up", "computes_in": "float32"}


def seconds_of(architecture: Architecture, resolution: int) -> float:
    """1 us a layer and 0.1 ns a multiply-add, and up to 10 % more that nobody can tell from the network's numbers."""
    row = features_of(architecture, resolution)
    return (1e-6 * row["all.layers"] + 1e-10 * row["all.flops"]) * (1 + int(architecture.key()[:4], 16) / 2**16 / 10)


class Machine:
    """What was measured, by key."""

    def __init__(self) -> None:
        self.measured: list[str] = []

    def forget(self) -> None:
        """As in a new process."""
        self.measured.clear()
        measure._measured.clear()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    found = Machine()

    def reading(meter: LatencyMeter, architecture: Architecture, images: Any, device: str, records: Any) -> Reading:
        found.measured.append(architecture.key())
        seconds = seconds_of(architecture, images.resolution)
        return Reading(architecture.key(), images.resolution, seconds, 0.01, 70, 0, 1e-3)

    monkeypatch.setattr(LatencyMeter, "_quietly", reading)
    monkeypatch.setattr(LatencyMeter, "told", lambda meter, device: dict(TOLD))
    measure._measured.clear()
    yield found
    measure._measured.clear()


def space(latency: str = ":120us", **options: Any) -> Any:
    return regnas.space("regnetx", flops="0.5M:1M", latency=latency, resolution=28, classes=10, **options)


def test_the_screen_leaves_little_to_be_measured_outside(machine: Machine) -> None:
    """95 % inside at their first measurement are asked for; 60 candidates, of which 3 may be outside by chance."""
    found = space().sample(60)
    assert all(one.complexity["latency"] <= 120e-6 for one in found)
    assert len(machine.measured) == len(set(machine.measured)), "a network was measured twice"
    fitted, proposals = machine.measured[:30], machine.measured[30:]
    assert len(fitted) == 30
    inside = {one.architecture.key() for one in found}
    outside = [key for key in proposals if key not in inside]
    assert len(outside) <= 0.08 * len(proposals)
    slow = [one for one in regnas.space(space(), limits={"flops": "0.5M:1M"}).sample(100)]
    assert np.mean([seconds_of(one.architecture, 28) > 120e-6 for one in slow]) > 0.2, "the limit refuses something"


def test_candidates_are_the_same_again_and_what_is_expected_outside_is_not_measured(machine: Machine) -> None:
    first = [one.architecture.key() for one in space().sample(20)]
    measured = len(machine.measured)
    machine.forget()
    assert [one.architecture.key() for one in space().sample(20)] == first and len(machine.measured) == measured
    lower = space("150us:").sample(20)
    assert all(one.complexity["latency"] >= 150e-6 for one in lower)


def test_a_limit_that_is_open_is_measured_without_a_screen(machine: Machine) -> None:
    found = space("0:").sample(5)
    assert len(machine.measured) == 5 and all(one.complexity["latency"] > 0 for one in found)


@pytest.mark.parametrize(
    "strategy", ["tpe", "evolution[population=3,tournament=2]", "nsga2[objectives=latency,population=3]"]
)
def test_strategies_propose_what_was_measured_inside(
    fast_search: Callable[..., Any], machine: Machine, strategy: str
) -> None:
    result = fast_search(8, strategy=strategy, flops="0.2M:1M", latency=":110us", pareto=["latency"])
    assert len(result.rows) == 8 and all(row["latency"] <= 110e-6 for row in result.rows)
    assert result.fronts["latency"]


def test_a_search_goes_on_with_the_same_candidates_and_measures_none_again(
    fast_search: Callable[..., Any], machine: Machine, tmp_path: Path
) -> None:
    options = {"flops": "0.2M:1M", "latency": ":110us"}
    fast_search(3, **options)
    before = set(machine.measured)
    machine.forget()
    rows = fast_search(6, **options).rows
    assert not before & set(machine.measured), "what is on disk was measured again"
    machine.forget()
    assert [row["architecture"] for row in fast_search(6, out="whole", **options).rows] == [
        row["architecture"] for row in rows
    ]
    (study,) = (tmp_path / "runs").glob("regnetx*/best.json")
    best = json.loads(study.read_text())
    assert best["latency"] <= 110e-6 and best["measured_by"]["latency"] == TOLD
    assert best["settings"]["measured_on"] == "made up; torch 0 on cpu, 1 thread, batch 1, float32"
    written = [float(row["latency"]) for row in csv.DictReader((study.parent / "trials.csv").open())]
    assert written == [row["latency"] for row in rows]


def test_a_limit_below_the_fastest_network_says_how_fast_that_is(machine: Machine) -> None:
    with pytest.raises(
        InfeasibleWindow, match=r"no network inside latency :1us was found: 33 that were measured took .*us"
    ):
        space(":1us").sample(1)


def test_the_flags_go_from_the_command_line_to_the_report(
    fast: Any, machine: Machine, tmp_path: Path, regnas_command: Callable[..., tuple[int, str, str]]
) -> None:
    where = ("--data", "fake", "--evaluator", "fast", "--workers", 0, "--storage", tmp_path / "j.journal")
    words = ("search", *where, "--flops", "0.2M:1M", "--budget", 3)
    code, output, error = regnas_command(*words, "--latency", ":110us", "--threads", 1)
    assert code == 0, error
    assert "inside flops 200k:1M, latency :110us" in output and "expected with Kendall's tau" in output
    table = output[output.index("The 3 best of 3") :]
    assert "latency" in table.splitlines()[1] and "us" in table.splitlines()[2]
    code, output, error = regnas_command(*words, "--limit", "latency=:0.00011")
    assert code == 0 and "inside flops 200k:1M, latency :110us" in output, "one limit, said in two ways"
    code, _, error = regnas_command(*words, "--runtime", "torch")
    assert code == 2 and "--runtime is of what is measured, and the window limits none of it" in error
    code, _, error = regnas_command(*words, "--latency", ":5MB")
    assert code == 2 and "--limit latency takes LOW:HIGH in seconds, or with ms or us" in error
    code, _, error = regnas_command(*words, "--flops", ":5ms")
    assert code == 2 and "--flops takes LOW:HIGH with k, M or G" in error
    code, output, _ = regnas_command(
        "sample", "--count", 3, "--flops", "0.5M:1M", "--resolution", 28, "--latency", ":1ms", "--output", "s.csv"
    )
    assert code == 0 and all(float(row["latency"]) < 1e-3 for row in csv.DictReader((tmp_path / "s.csv").open()))


def test_a_described_network_is_measured_where_it_is_asked_for(
    machine: Machine, regnas_command: Callable[..., tuple[int, str, str]]
) -> None:
    network = ("describe", "--preset", "regnetx-200mf", "--resolution", 32)
    code, output, _ = regnas_command(*network, "--latency", "--runtime", "torch")
    assert code == 0 and "on this machine, rounds differ by 1.0% (made up; torch 0 on cpu, 1 thread" in output
    code, output, _ = regnas_command(*network, "--latency", "--json")
    assert code == 0 and json.loads(output)["latency"]["measured_by"] == TOLD
    assert regnas_command(*network, "--threads", 1)[0] == 2
    assert regnas_command("describe", "--space", "regnetx", "--latency")[0] == 2


@pytest.mark.parametrize(
    ("text", "window"),
    [
        (":5ms", "latency :5ms"),
        ("800us:2ms", "latency 800us:2ms"),
        (":0.0105", "latency :10.5ms"),
        ("1s:", "latency 1s:"),
    ],
)
def test_limits_of_time_read_back(text: str, window: str) -> None:
    from regnas.window import Window

    found = Window.parse(limits={"latency": text})
    assert str(found) == window and Window.read(window) == found == Window.parse(latency=text)


def test_limits_of_time_are_no_flops() -> None:
    from regnas.window import Window

    with pytest.raises(UsageError, match="--flops takes"):
        Window.parse(flops="5ms")


def test_a_noisy_machine_is_waited_for_and_then_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from regnas.errors import HostError
    from regnas.evaluators.latency import meter as module
    from regnas.evaluators.latency.timing import Timing

    noisy, quiet = Timing(1e-3, 0.5, 7, 70, 9), Timing(1e-3, 0.01, 7, 70, 9)
    answers = [(noisy, quiet), (quiet, noisy), (quiet, quiet)]
    monkeypatch.setattr(module, "interleaved", lambda runs, count: answers.pop(0))
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.0)
    network, heard = regnas.space("regnetx", flops="1M:2M", resolution=16).sample(1)[0].architecture, list[str]()
    images = regnas.space("regnetx", resolution=16).images
    one = make_meter({}, None)
    one.heard_by(heard.append)
    assert one.measure(network, images, "cpu") == 1e-3 and not answers
    assert heard == ["waiting for a quiet machine to measure latency: equal passes differ by 50%, and 10% is allowed"]
    answers[:] = [(noisy, quiet)]
    with pytest.raises(HostError, match=r"latency cannot be measured: equal passes differ by 50%.*patience=600"):
        make_meter({"runtime": "torch[patience=0]"}, None).measure(network, images, "cpu")


def test_a_network_that_a_user_names_is_measured_whatever_is_expected_of_it(
    fast_search: Callable[..., Any], machine: Machine, tmp_path: Path
) -> None:
    """The nearest one below the limit: the margin of the screen is wider than what is left to it."""
    options = {"flops": "0.2M:1M", "latency": ":110us"}
    images = Images(resolution=16, classes=4, stem_stride=2, stem_width=8, strides=(1, 1, 2, 2))  # of the data set fake
    wide = regnas.space(regnas.space("regnetx", flops="0.2M:1M").on(images), classes=4, resolution=16).sample(
        400, seed=9
    )
    inside = [one for one in wide if seconds_of(one.architecture, 16) <= 110e-6]
    nearest = max(inside, key=lambda one: seconds_of(one.architecture, 16))
    (tmp_path / "known.json").write_text(json.dumps(dict(nearest.params)))
    rows = fast_search(3, enqueue=tmp_path / "known.json", strategy="tpe", **options).rows
    assert rows[0]["architecture"] == nearest.architecture.to_json() and rows[0]["latency"] <= 110e-6


@pytest.mark.parametrize("spec", ["mnasnet[target=100us]", "mnasnet[target=100us,hard=true]"])
def test_an_objective_on_latency_is_what_strategies_see_and_error_and_latency_stay_apart(
    fast_search: Callable[..., Any], machine: Machine, spec: str
) -> None:
    result = fast_search(8, flops="0.2M:1M", strategy="evolution[population=4]", objective=spec)
    sought = objective_of(spec)
    assert sought is not None and sought.measure == "latency"
    for row, trial in zip(result.rows, result.study.trials, strict=True):
        assert row["latency"] == seconds_of(from_json(row["architecture"]), 16)
        assert trial.value == row["objective"] == sought.value(row["error"], {"latency": row["latency"]})
        assert trial.user_attrs["error"] == row["error"] == row["errors"][-1]
    assert result.best.index == min(result.rows, key=lambda row: row["objective"])["index"]
    with (result.folder / "trials.csv").open(newline="") as file:
        assert [float(row["latency"]) for row in csv.DictReader(file)] == [row["latency"] for row in result.rows]


def test_a_meter_is_copied_and_pickled_without_its_sessions(machine: Machine, tmp_path: Path) -> None:
    import copy
    import pickle

    one = make_meter({"threads": 2}, tmp_path)
    one.heard_by(lambda text: None)
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one and one.folder == tmp_path / "latency"
