"""A fit is a job of the study: done once, whatever kills it, and its artefact is there for every worker."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from regnas import fit
from regnas.design_space import Space, make_space
from regnas.errors import MessageError, StudyError, UsageError
from regnas.evaluator import Context, Result, Task, make_evaluator
from regnas.executor import WorkerSpec
from regnas.fit import FitContext, Fitted
from regnas.images import Images
from regnas.messages import EvaluateJob, FitJob, from_line
from regnas.studies.driver import Interrupted
from regnas.studies.executors.fitting import do_fit, read_fit, space_of, space_to_json
from regnas.studies.executors.local.in_process import InProcess
from regnas.studies.run.progress import Silent
from regnas.studies.search.known import fitted, fitters
from regnas.studies.search.plan import SearchPlan, plan
from regnas.studies.search.search import run
from regnas.window import Window

SEARCH = ("search", "--space", "nasbench201[cells=1,width=4]", "--flops", ":100M", "--data", "fake:64", "--epochs", 1)
STRATEGY = "darts[cells=1,channels=2,epochs=6,batch=8]"


def told(folder: Path) -> list[dict[str, Any]]:
    path = folder / fit.EPOCHS
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def timeless(folder: Path) -> list[dict[str, Any]]:
    return [{name: value for name, value in one.items() if name != "seconds"} for one in told(folder)]


@pytest.mark.slow
def test_a_search_killed_in_its_fit_goes_on_and_ends_with_the_same_alphas_bit_for_bit(
    command: Callable[..., Any], tmp_path: Path, eventually: Callable[..., None]
) -> None:
    words = (*SEARCH, "--strategy", STRATEGY, "--budget", 2, "--workers", 1, "--no-baselines", "--study")
    assert (whole := command(*words, "whole")).wait(600) == 0, whole.output
    folders = {name: tmp_path / "regnas-runs" / name / "fit" for name in ("whole", "killed")}
    for epochs in (1, 3):
        running = command(*words, "killed")
        eventually(lambda enough=epochs: len(told(folders["killed"])) >= enough, 300, "it trains nothing")
        running.kill()
        assert running.code == -signal.SIGKILL, running.output
    assert (last := command(*words, "killed")).wait(600) == 0, last.output
    assert timeless(folders["killed"]) == timeless(folders["whole"])
    one, other = ((folder / "weights.safetensors").read_bytes() for folder in folders.values())
    assert one == other
    assert "epoch 1 of the fit" not in last.output and not (folders["killed"] / fit.SNAPSHOT).exists()
    assert "darts: " in last.output


def test_a_fit_is_a_line_of_json_and_is_read_back() -> None:
    space = make_space("darts[width=16]").on(Images(16, 4)).within(Window.parse(flops=":100M"))
    known: dict[str, Any] = {"space": space_to_json(space), "seed": 3, "identity": {"a": [1]}, "strategy": "darts"}
    job = FitJob(index=-1, result="fit/result.json", folder="fit", seconds=2.5, **known)
    assert from_line(job.to_line()) == job
    assert space_of(job.space) == space
    with pytest.raises(MessageError, match="lacks something"):
        from_line(json.dumps({name: value for name, value in job.to_json().items() if name != "seed"}))
    with pytest.raises(UsageError, match="it lacks 'window'"):
        space_of({name: value for name, value in job.space.items() if name != "window"})


def test_what_the_window_has_to_measure_is_left_out_of_what_a_worker_is_told() -> None:
    space = make_space("nasbench201").within(Window.parse(flops=":1G", latency=":1s"))
    assert space_of(space_to_json(space)).window == Window.parse(flops=":1G")


def test_a_result_of_another_schema_is_not_read(tmp_path: Path) -> None:
    stored = {"schema": 99, "identity": {}, "facts": {}, "epochs": 1, "seconds": 1.0, "ended": ""}
    assert read_fit(tmp_path, {}) is None
    (tmp_path / fit.RESULT).write_text(json.dumps(stored))
    with pytest.raises(StudyError, match="of schema 99, and this release reads 1"):
        read_fit(tmp_path, {})
    (tmp_path / fit.RESULT).write_text('{"schema": 1, "facts"')
    assert read_fit(tmp_path, {}) is None


# --- an evaluator that fits ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shared:
    """An evaluator that counts training images before all candidates, and evaluates with the count."""

    seen: list[Path]
    fails: bool = False
    refused: str = ""  # the space that it is not for

    def check_space(self, space: Space) -> None:
        if space.name == self.refused:
            raise UsageError(f"nothing is shared in {space.spec}")

    @property
    def fit_settings(self) -> Mapping[str, Any]:
        return {"version": 1}

    def check_fit(self, images: int) -> None:
        if images < 2:
            raise UsageError("two images or more")

    def fit(self, context: FitContext) -> Fitted | None:
        if self.fails:
            raise StudyError("what is shared is no number any more")
        (context.folder / "count.json").write_text(json.dumps(len(context.images.labels)))
        assert context.space is not None
        facts = {"classes": context.images.classes, "window": str(context.space.window)}
        return Fitted(facts=facts, epochs=1, seconds=0.5)

    def take_fit(self, found: Fitted, folder: Path) -> None:
        self.seen.append(folder)

    def __call__(self, architecture: Any, *, seed: int, context: Context) -> Result:
        assert context.fitted is not None
        return Result(error=json.loads((context.fitted / "count.json").read_text()) / 1000, seconds=0.1)


@contextmanager
def evaluated_by(evaluator: Shared, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Searches evaluate with this one, in this process."""
    for module in ("regnas.studies.search.plan", "regnas.studies.executors.local.in_process"):
        monkeypatch.setattr(f"{module}.make_evaluator", lambda text, task: evaluator)
    yield


def of(tmp_path: Path, **options: Any) -> SearchPlan:
    known: dict[str, Any] = {"data": "fake:64", "out": tmp_path, "workers": 0, "budget": 2, "study": "one"}
    return plan("nasbench201[cells=1,width=4]", flops=":100M", **{**known, **options})


def test_an_evaluator_fits_once_and_every_evaluation_finds_what_it_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = Shared([])
    with evaluated_by(shared, monkeypatch):
        result = run(of(tmp_path), Silent())
        assert [row["error"] for row in result.rows] == [0.048, 0.048]
        assert set(shared.seen) == {tmp_path / "one" / "fit"}
        before = (tmp_path / "one" / "fit" / fit.RESULT).stat().st_mtime_ns
        assert re.match("train was fitted for 1 epoch in .* the 2 evaluations", result.remarks[0])
        assert result.study.user_attrs["regnas:fit"]["facts"] == {"classes": 4, "window": "flops :100M"}
        assert len(run(of(tmp_path, budget=3), Silent()).rows) == 3
        assert (tmp_path / "one" / "fit" / fit.RESULT).stat().st_mtime_ns == before


@pytest.mark.parametrize(("evaluator", "mirrored"), [("train", False), ("train[flip=true]", True)])
def test_what_is_fitted_sees_images_mirrored_as_candidates_do(
    evaluator: str, mirrored: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The made-up images of `fake` are not mirrored unless that is asked for."""
    space, contexts = make_space("nasbench201"), list[FitContext]()
    monkeypatch.setattr(Shared, "fit", lambda self, context: contexts.append(context))
    monkeypatch.setattr("regnas.studies.executors.fitting.make_strategy", lambda *one, **known: Shared([]))
    known: dict[str, Any] = {"space": space_to_json(space), "seed": 3, "identity": {}, "strategy": "darts"}
    job, task = FitJob(index=-1, result="result.json", folder=str(tmp_path), **known), Task(data="fake:64")
    do_fit(make_evaluator(evaluator, task), job, task, "cpu", lambda epoch, error: True)
    images, rows = contexts[0].images, torch.arange(48)
    batch, _ = images.batch(rows, torch.Generator().manual_seed(0))
    plain, _ = images.plain(rows)
    asis = [torch.equal(one, other) for one, other in zip(batch, plain, strict=True)]
    turned = [torch.equal(one, other.flip(2)) for one, other in zip(batch, plain, strict=True)]
    assert [one or other for one, other in zip(asis, turned, strict=True)] == 48 * [True]
    assert (10 < sum(turned) < 38) if mirrored else not any(turned)


def test_a_fit_that_fails_is_said_in_a_line_and_no_candidate_is_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with evaluated_by(Shared([], fails=True), monkeypatch):
        with pytest.raises(StudyError, match="^train cannot be fitted: what is shared is no number any more$"):
            run(of(tmp_path), Silent())


def test_the_fit_of_an_evaluator_is_of_a_window_and_a_space_it_is_not_for_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "window" not in fitted.identity_of(of(tmp_path, strategy=STRATEGY))
    with evaluated_by(Shared([], refused="nasbench201"), monkeypatch):
        with pytest.raises(UsageError, match="nothing is shared in nasbench201"):
            of(tmp_path)
    with evaluated_by(Shared([]), monkeypatch):
        assert fitted.identity_of(of(tmp_path))["window"] == "flops :100M"


def test_a_strategy_and_an_evaluator_that_both_fit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with evaluated_by(Shared([]), monkeypatch):
        with pytest.raises(UsageError, match="both train before the first candidate: take one of them"):
            of(tmp_path, strategy=STRATEGY)


def test_ctrl_c_in_a_fit_ends_the_search_and_leaves_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Shared([])
    monkeypatch.setattr(Shared, "fit", lambda self, context: (_ for _ in ()).throw(KeyboardInterrupt))
    with evaluated_by(shared, monkeypatch):
        with pytest.raises(Interrupted):
            run(of(tmp_path), Silent())
    assert (tmp_path / "one" / "study.json").exists()


def test_without_a_fit_nothing_is_said_of_one(tmp_path: Path) -> None:
    found = of(tmp_path)
    assert found.fitting == fitters.Fitting() and found.fitter is None
    job = EvaluateJob(index=0, architecture={}, result="r", seed=0)
    assert "fitted" not in job.to_json()


def test_a_worker_without_a_task_or_with_nothing_to_fit_says_so(tmp_path: Path) -> None:
    spec = WorkerSpec(
        evaluator="train", task=Task(data="fake:64"), devices=("cpu",), count=0, logs=tmp_path, folder=tmp_path
    )
    pool = InProcess(spec)
    space = space_to_json(make_space("regnetx").on(Images(16, 4)))
    known: dict[str, Any] = {"index": -1, "result": str(tmp_path / "r.json"), "space": space, "seed": 0, "identity": {}}
    for strategy, folder, said in (("random", "f", "random has nothing to fit"), (None, None, "needs a folder")):
        where = None if folder is None else str(tmp_path / folder)
        pool.submit(FitJob(**known, strategy=strategy, folder=where))
        (end,) = pool.events(0)
        assert end.kind == "failed" and said in end.message and not end.again
