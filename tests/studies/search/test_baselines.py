"""Textbook networks are trained beside a search, and its winner must beat them."""

from __future__ import annotations

import csv
import json
import math
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

import regnas
from regnas.architecture import from_json
from regnas.errors import StudyError
from regnas.evaluator import EXTRAPOLATED, Result
from regnas.executor import Event, Judge
from regnas.messages import EvaluateJob, Job
from regnas.studies.dashboard.evaluations import complete
from regnas.studies.dashboard.note import note
from regnas.studies.driver import Interrupted
from regnas.studies.executors.worker import write_result
from regnas.studies.run.clock import CLOCK, Clock
from regnas.studies.run.progress import Silent
from regnas.studies.search.known import baselines
from regnas.studies.search.plan import plan
from regnas.studies.search.report.printed import print_search
from regnas.studies.search.search import search

OPTIONS: dict[str, Any] = {"data": "fake:64", "epochs": 1, "budget": 2, "workers": 0, "quiet": True}


def run(out: Path, **options: Any) -> Any:
    return search("regnetx", **{**OPTIONS, "out": out, **options})


def stored(out: Path) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads((out / "regnetx-random-0/best.json").read_text()))


def set_errors(out: Path, error: float) -> None:
    """Let all baselines have another validation error."""
    for file in out.glob("regnetx-random-0/baselines/*/result.json"):
        record = json.loads(file.read_text())
        record["result"] |= {"error": error, "errors": [error]}
        file.write_text(json.dumps(record))


def test_baselines_are_trained_and_are_no_trials(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert [row["index"] for row in result.rows] == [0, 1]
    assert {row["baseline"] for row in result.baselines} >= {"thin ResNet-8", "thin ResNet-14"}
    assert [one["error"] for one in stored(tmp_path)["baselines"]] == sorted(row["error"] for row in result.baselines)
    with (tmp_path / "regnetx-random-0/trials.csv").open() as file:
        assert [row["index"] for row in csv.DictReader(file)] == ["0", "1"]
    assert len(result.study.trials) == 2


def test_the_best_baseline_is_returned_where_all_candidates_diverge(tmp_path: Path) -> None:
    """At this rate no training of the candidates stays finite; the baselines' results are set to ones that did."""
    options: dict[str, Any] = {"evaluator": "train[learning_rate=1e30]"}
    with pytest.raises(StudyError, match="all 2 trainings diverged"):
        run(tmp_path, **options)
    for file in tmp_path.glob("regnetx-random-0/baselines/*/result.json"):
        record = json.loads(file.read_text())
        record["result"] |= {"error": 0.3, "errors": [0.3], "diverged": False}
        file.write_text(json.dumps(record))
    result = run(tmp_path, **options)
    assert result.best.baseline == result.baselines[0]["baseline"] and result.best.error == 0.3
    assert result.against is None and stored(tmp_path)["against_baselines"] is None
    printed = StringIO()
    print_search(Console(width=200, file=printed), result, retrained=False, storage="x.db")
    said = printed.getvalue()
    assert "no candidate's training stayed finite, so the best baseline is returned" in said
    assert f"winner: the baseline {result.best.baseline}" in said


def test_the_dashboards_note_names_the_best_baseline(tmp_path: Path) -> None:
    result = run(tmp_path)
    set_errors(tmp_path, 0.25)
    result = run(tmp_path)
    text = note(result.study, complete(result.study), dict(result.settings), out=tmp_path, storage="x.db")
    assert f"Best baseline: 25.00% validation error, {result.baselines[0]['baseline']}." in text
    (tmp_path / "regnetx-random-0/best.json").write_text('{"baselines": [1, {}]}')
    assert "Best baseline" not in note(result.study, [], dict(result.settings), out=tmp_path, storage="x.db")


def test_a_finished_search_trains_no_baseline_again(tmp_path: Path) -> None:
    run(tmp_path)
    files = sorted(tmp_path.glob("regnetx-random-0/baselines/*/result.json"))
    before = [file.stat().st_mtime_ns for file in files]
    run(tmp_path)
    assert files and [file.stat().st_mtime_ns for file in files] == before


def test_the_winner_is_a_baseline_where_no_candidate_is_better(tmp_path: Path) -> None:
    run(tmp_path, budget=3)
    set_errors(tmp_path, 0.0)
    result = run(tmp_path, budget=3)
    assert result.best.baseline == stored(tmp_path)["baseline"] and result.best.index < 0
    assert stored(tmp_path)["against_baselines"]["difference"] >= 0
    assert stored(tmp_path)["test_error"] is not None
    assert regnas.load(result.best.folder) is not None


def test_the_winner_is_a_candidate_where_one_is_better(tmp_path: Path) -> None:
    run(tmp_path)
    set_errors(tmp_path, 1.0)
    result = run(tmp_path)
    assert result.best.baseline is None and result.best.index in (0, 1)
    assert "baseline" not in stored(tmp_path) and stored(tmp_path)["against_baselines"]["difference"] < 0


def test_without_baselines_none_is_trained(tmp_path: Path) -> None:
    result = run(tmp_path, baselines=False)
    assert result.baselines == [] and result.against is None
    assert "baselines" not in stored(tmp_path) and not (tmp_path / "regnetx-random-0/baselines").exists()


def test_a_study_that_began_without_baselines_goes_on_without(tmp_path: Path) -> None:
    """Its winner is what it would have been: studies of earlier releases have none."""
    run(tmp_path, baselines=False)
    assert run(tmp_path, budget=3).baselines == []


def test_candidates_are_the_same_with_and_without_baselines(tmp_path: Path) -> None:
    with_them, without = run(tmp_path / "a"), run(tmp_path / "b", baselines=False)
    kept = ("index", "seed", "error", "architecture")
    assert [[row[name] for name in kept] for row in with_them.rows] == [
        [row[name] for name in kept] for row in without.rows
    ]


def test_a_window_that_holds_none_is_said(tmp_path: Path) -> None:
    one = plan("regnetx", **OPTIONS, out=tmp_path, flops="1M:1.0001M")
    assert baselines.asked(one) == ()
    assert "no textbook network of regnetx lies inside" in baselines.said(one, ())


def test_a_space_that_knows_none_is_said(tmp_path: Path) -> None:
    one = plan("nasbench201", **OPTIONS, out=tmp_path)
    assert baselines.said(one, baselines.asked(one)) == "no baselines: the space nasbench201[same=functions] knows none"


def test_an_evaluator_that_trains_nothing_has_none(fast: Any, tmp_path: Path) -> None:
    one = plan("regnetx", **{**OPTIONS, "epochs": None}, out=tmp_path, evaluator="fast")
    assert baselines.asked(one) == () and baselines.said(one, ()) == ""


class Heard(Silent):
    """What was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


class Pool:
    """An executor whose jobs end as a script says, by the name of the baseline's folder."""

    def __init__(self, **ends: list[str]) -> None:
        self.ends = ends
        self.submitted: list[str] = []
        self._jobs: list[Job] = []

    def free(self) -> int:
        return 1 - len(self._jobs)

    def submit(self, job: Job, judge: Judge | None = None) -> None:
        self._jobs.append(job)
        self.submitted.append(Path(job.folder or "").name)

    def events(self, timeout: float) -> list[Event]:
        job = self._jobs.pop()
        assert isinstance(job, EvaluateJob)
        kind = (self.ends.get(Path(job.folder or "").name.replace("-", "_")) or ["done"]).pop(0)
        if kind == "interrupt":
            raise KeyboardInterrupt
        if kind in ("done", "guessed"):
            notes = {EXTRAPOLATED: 1} if kind == "guessed" else {}
            result = Result(error=0.5, seconds=1.0, notes=notes)
            write_result(Path(job.result), from_json(job.architecture).key(), job.seed, result)
            kind = "done"
        return [Event(cast(Any, kind), job.index, message="no memory")]

    def close(self) -> None: ...


def test_a_baseline_that_fails_is_left_out_and_one_that_was_preempted_goes_again(tmp_path: Path) -> None:
    one = plan("regnetx", **OPTIONS, out=tmp_path)
    known, heard = baselines.asked(one), Heard()
    pool = Pool(thin_ResNet_8=["failed"], thin_ResNet_14=["stopped", "done"])
    baselines.train(one, known, pool, heard, Clock(tmp_path / CLOCK))
    trained = {row["baseline"] for row in baselines.rows_of(one, known)}
    assert trained == {each.name for each in known} - {"thin ResNet-8"}
    assert pool.submitted.count("thin-ResNet-14") == 2
    assert any("thin ResNet-8 failed and is left out: no memory" in line for line in heard.lines)


def test_a_baseline_unlike_all_that_a_table_knows_is_not_compared_and_is_named_however_often(tmp_path: Path) -> None:
    one = plan("regnetx", **OPTIONS, out=tmp_path)
    known = baselines.asked(one)
    for pool in (Pool(thin_ResNet_8=["guessed"]), Pool()):  # the second finds all results on disk
        heard = Heard()
        baselines.train(one, known, pool, heard, Clock(tmp_path / CLOCK))
        assert {row["baseline"] for row in baselines.rows_of(one, known)} == {each.name for each in known[1:]}
        said = [line for line in heard.lines if "thin ResNet-8" in line and "first" not in line]
        assert len(said) == 1 and "left out, since train knows no networks like them" in said[0]
    assert pool.submitted == []


def test_an_interrupted_search_goes_on_with_the_baselines_that_are_missing(tmp_path: Path) -> None:
    one = plan("regnetx", **OPTIONS, out=tmp_path)
    known = baselines.asked(one)
    with pytest.raises(Interrupted):
        baselines.train(one, known, Pool(thin_ResNet_14=["interrupt"]), Heard(), Clock(tmp_path / CLOCK))
    again = Pool()
    baselines.train(one, known, again, Heard(), Clock(tmp_path / CLOCK))
    assert "thin-ResNet-8" not in again.submitted and len(again.submitted) == len(known) - 1


def test_the_interval_is_that_of_a_difference_of_two_errors() -> None:
    row = {"error": 0.2, "index": 0, "diverged": False}
    other = {**row, "error": 0.3, "baseline": "thin ResNet-8"}
    counted = baselines.against(row, [other], {"images": {"validation": 400}}, None)
    half = 1.959964 * math.sqrt((0.2 * 0.8 + 0.3 * 0.7) / 400)  # variances of two independent binomial shares
    assert counted is not None and counted.interval == pytest.approx((-0.1 - half, -0.1 + half))
    measured = baselines.against(row, [other], {}, 0.01)
    assert measured is not None and measured.interval is not None
    assert measured.interval[1] - measured.interval[0] == pytest.approx(2 * 1.959964 * 0.01 * math.sqrt(2))
    unknown = baselines.against(row, [other], {}, None)
    assert unknown is not None and unknown.interval is None and unknown.beaten


def test_baselines_that_all_diverged_are_none_to_beat() -> None:
    row = {"error": 0.9, "index": 0, "diverged": False}
    assert baselines.against(row, [{**row, "diverged": True, "baseline": "thin ResNet-8"}], {}, None) is None
