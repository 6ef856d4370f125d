"""``regnas audit``: correlations of scores with trained errors, the scores kept as they come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regnas.architecture import Architecture
from regnas.cli import main
from regnas.dataset import make_dataset
from regnas.design_space import make_space
from regnas.evaluator import Result, Task
from regnas.evaluators.zero_cost.evaluator import ZeroCostEvaluator
from regnas.metric import Metric
from regnas.studies.audit import scoring
from regnas.studies.audit.analysis import Audits, audit, columns
from regnas.studies.audit.report import sentences, to_json
from regnas.studies.audit.run import AuditRequest, run_audit
from regnas.studies.audit.scored import SCORES
from regnas.studies.populations.population import PopulationError, from_arrays
from regnas.studies.populations.sources import load

EVALUATOR = "zero-cost[score=l2,beside=naswot+params+depth,batch=4]"
COUNT = 12


@pytest.fixture
def population(tmp_path: Path) -> Path:
    """Small networks whose errors are made up."""
    rows = []
    images = make_dataset("fake:64").regime.images
    found = make_space("regnetx").on(images).sample(COUNT, seed=1)
    for place, one in enumerate(found):
        costs = one.architecture.complexity(images.resolution)
        row = {"index": place, "error": 0.1 + place / 100, "architecture": one.architecture.to_json(), **costs}
        rows.append(json.dumps(row))
    path = tmp_path / "models.jsonl"
    path.write_text("\n".join(rows) + "\n")
    return path


def _request(path: Path, **changes: object) -> AuditRequest:
    given: dict[str, object] = {"population": str(path), "task": Task(data="fake:64"), "evaluator": EVALUATOR}
    return AuditRequest(**{**given, "workers": 1, **changes})  # type: ignore[arg-type]


def _found(scores: dict[str, list[float]], errors: list[float], flops: list[float]) -> Audits:
    known = from_arrays("models", errors, flops=flops)
    values = {name: np.array(column) for name, column in scores.items()}
    return audit(known, values, complexity="flops", bins=1, seed=0, repeats=200)


RISING = np.linspace(0.1, 0.5, 40)
NOISE = np.random.default_rng(5).normal(size=40)


def test_a_score_that_is_right_helps_and_one_that_is_size_does_not() -> None:
    scores = {"params": NOISE.tolist(), "size_again": NOISE.tolist(), "right": (-RISING).tolist()}
    found = _found(scores, RISING.tolist(), [1.0] * 40)
    by_name = {one.name: one for one in found.scores}
    assert [one.name for one in found.scores][0] == "right" and by_name["right"].overall.estimate == pytest.approx(1)
    assert by_name["right"].helps and not by_name["size_again"].helps and by_name["params"].gain is None
    assert sentences(found)[0].endswith("right")


def test_a_size_counts_in_the_direction_in_which_it_is_right() -> None:
    """Where small networks are the good ones, a score that says so is no better than the size itself."""
    scores = {"depth": RISING.tolist(), "shallow": (-RISING).tolist()}
    found = _found(scores, RISING.tolist(), [1.0] * 40)
    assert found.size == "depth" and not found.larger
    assert not any(one.helps for one in found.scores)
    assert "no score is surely better than the best of sizes alone (depth, small is good)" in sentences(found)[0]


def test_networks_without_a_score_are_counted_and_left_out_of_its_correlation() -> None:
    partly = [np.nan, np.nan, *(-RISING[2:])]
    found = _found({"params": NOISE.tolist(), "partly": partly}, RISING.tolist(), [1.0] * 40)
    assert found.scores[0].networks == 38 and found.untold == {"partly": 2}
    assert "partly: 2 networks have no such score" in sentences(found)


def test_a_metric_to_be_minimised_counts_with_the_other_sign() -> None:
    known = from_arrays("models", [0.1, 0.2, 0.3, 0.4])
    found = columns(known, [Metric("loss"), Metric("gain", "maximize")], [{"loss": 1.0, "gain": 1.0}] * 4)
    assert found["loss"].tolist() == [-1.0] * 4 and found["gain"].tolist() == [1.0] * 4


def test_scores_are_kept_and_not_taken_again(population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, folder = run_audit(_request(population), tmp_path / "whole", lambda line: None)
    calls = []

    def dies(evaluator: ZeroCostEvaluator, architecture: Architecture, **rest: Any) -> Result:
        calls.append(architecture)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return taken(evaluator, architecture, **rest)

    taken = ZeroCostEvaluator.__call__
    monkeypatch.setattr(ZeroCostEvaluator, "__call__", dies)
    with pytest.raises(KeyboardInterrupt):
        run_audit(_request(population), tmp_path / "again", lambda line: None)
    (half,) = (tmp_path / "again").iterdir()
    with (half / SCORES).open("a") as file:
        file.write('\n{"key": "cut o')  # as a full disk leaves it
    again, _ = run_audit(_request(population), tmp_path / "again", lambda line: None)
    assert to_json(again, {}) == to_json(whole, {}) and len(calls) == COUNT + 1
    kept = json.loads((folder / "audit.json").read_text())
    assert [one["name"] for one in kept["scores"]] == [one.name for one in whole.scores]


@pytest.mark.slow
def test_processes_change_no_score(population: Path, tmp_path: Path) -> None:
    one, _ = run_audit(_request(population), tmp_path / "one", lambda line: None)
    two, _ = run_audit(_request(population, workers=2), tmp_path / "two", lambda line: None)
    assert to_json(one, {}) == to_json(two, {})


@pytest.mark.slow
def test_a_network_that_kills_its_worker_is_named_and_the_others_are_scored(
    population: Path, tmp_path: Path, fast: Any
) -> None:
    networks = scoring.networks_of(load(str(population))[0])
    task, options = Task(data="fake:64"), {"seed": 0, "workers": 2, "device": "cpu", "told": lambda _: None}
    found = scoring.score_networks(networks, "fast[kill_once=-1]", task, tmp_path, **options)  # type: ignore[arg-type]
    failed = [one.missing[""] for one in found.values() if one.missing]
    assert len(found) == COUNT and 1 <= len(failed) <= 2  # the first of either worker
    assert all("killed by SIGKILL" in reason for reason in failed)
    assert not list(tmp_path.glob("results/*.json"))


@pytest.mark.slow
def test_another_scoring_is_another_folder(population: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        run_audit(_request(population, seed=seed), tmp_path / "out", lambda line: None)
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_the_command_prints_a_table_and_a_sentence(
    population: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["audit", str(population), "--data", "fake:64", "--evaluator", EVALUATOR, "--workers", "1"]
    with pytest.raises(SystemExit) as end:
        main([*words, "--out", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert end.value.code == 0
    assert "naswot" in printed and "depth (size)" in printed and "sizes alone" in printed


def test_a_population_of_bare_numbers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bare.csv"
    path.write_text("error,flops\n0.1,1\n0.2,2\n0.3,3\n0.4,4\n")
    with pytest.raises(PopulationError, match="only what can be built is scored"):
        run_audit(_request(path), tmp_path, lambda line: None)


def test_a_population_that_does_not_know_its_images_asks_for_them(population: Path, tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match="name them with --data"):
        run_audit(_request(population, task=Task(data="")), tmp_path, lambda line: None)


def test_an_evaluator_that_fails_everywhere_is_named_with_its_reason(population: Path, tmp_path: Path) -> None:
    request = _request(population)

    def broken(*_: object, **__: object) -> Result:
        raise RuntimeError("it is broken")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ZeroCostEvaluator, "__call__", broken)
        with pytest.raises(PopulationError, match="could be scored: RuntimeError: it is broken"):
            run_audit(request, tmp_path / "out", lambda line: None)
    found, _ = run_audit(request, tmp_path / "out", lambda line: None)  # failures are tried again
    assert [one.networks for one in found.scores if one.name == "naswot"] == [COUNT]
