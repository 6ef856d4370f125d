"""Loggers: the built-in ones, and what a search tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from regnas.errors import HostError, PluginNotFound, UsageError
from regnas.logger import LoggedStudy
from regnas.plugins import registry
from regnas.system import optional
from regnas.testing import LoggerRules


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="the extra tensorboard is not installed")
class TestTensorBoard(LoggerRules):
    spec = "tensorboard"

    def told(self, study: LoggedStudy) -> dict[int, float]:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        found = EventAccumulator(str(study.folder / "tensorboard"))
        found.Reload()
        assert [one.value for one in found.Scalars("epochs/candidate 1")] == pytest.approx([0.75, 0.375, 0.25])
        return {one.step: one.value for one in found.Scalars("candidates/error")}


@pytest.mark.skipif(find_spec("mlflow") is None, reason="the extra mlflow is not installed")
@pytest.mark.slow  # a new database takes MLflow ten seconds
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow's own, of SQLAlchemy
class TestMlflow(LoggerRules):
    spec = "mlflow"

    def told(self, study: LoggedStudy) -> dict[int, float]:
        from mlflow.tracking import MlflowClient

        client = MlflowClient(f"sqlite:///{study.out / 'mlflow.db'}")
        experiment = client.get_experiment_by_name(study.name)
        assert experiment is not None and experiment.tags["regnas.space"] == "space"
        runs = client.search_runs([experiment.experiment_id])
        assert {one.info.status for one in runs} == {"FINISHED"} and len(runs) == 2
        assert all(one.data.params == {"depth": "12", "wa": "24.5", "block": "x"} for one in runs)
        return {int(one.data.tags["regnas.index"]): one.data.metrics["error"] for one in runs}


class _Recording:
    """What it hears, in order; it breaks at a candidate where it is told to."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.breaks_at: int | None = None

    def epoch(self, index: int, epoch: int, error: float) -> None:
        self.heard.append(("epoch", index, epoch))

    def candidate(self, index: int, params: Mapping[str, Any], values: Mapping[str, float]) -> None:
        if index == self.breaks_at:
            raise ConnectionError("the server has gone")
        self.heard.append(("candidate", index, dict(params), dict(values)))

    def close(self) -> None:
        self.heard.append(("close",))


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> _Recording:
    """A logger by the name ``recording``."""
    one = _Recording()
    known = registry.load
    monkeypatch.setattr(
        registry, "load", lambda kind, name: (lambda study, options: one) if name == "recording" else known(kind, name)
    )
    return one


def test_a_search_tells_of_every_epoch_and_candidate(recording: _Recording, fast_search: Callable[..., Any]) -> None:
    result = fast_search(3, log=["recording"])
    told = {one[1]: one for one in recording.heard if one[0] == "candidate"}
    assert recording.heard[-1] == ("close",) and sorted(told) == [0, 1, 2]
    for row in result.rows:
        _, _, params, values = told[row["index"]]
        assert params == row["params_by_name"]
        assert values["error"] == row["error"] and values["flops"] == row["flops"]
        epochs = [one[2] for one in recording.heard if one[:2] == ("epoch", row["index"])]
        assert epochs == list(range(1, row["epochs"] + 1))
    fast_search(4, log=["recording"])
    assert [one[1] for one in recording.heard if one[0] == "candidate"] == [0, 1, 2, 3]


def test_a_logger_changes_nothing_and_may_break(
    recording: _Recording, fast_search: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    without = fast_search(3, out="without")
    recording.breaks_at = 1
    broken = fast_search(3, out="broken", log=["recording"], quiet=False)
    assert [row["error"] for row in broken.rows] == [row["error"] for row in without.rows]
    assert capsys.readouterr().out.count("the logger recording failed and is told no more") == 1
    assert [one[1] for one in recording.heard if one[0] == "candidate"] == [0]


def test_a_logger_that_is_not_there_is_refused_before_anything_is_made(
    fast_search: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PluginNotFound, match="did you mean tensorboard"):
        fast_search(1, log=["tensorbord"])
    with pytest.raises(UsageError, match="nothing behind a colon"):
        fast_search(1, log=["mlflow:http://x"])
    assert not (tmp_path / "runs").exists()

    def missing(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(optional, "version", missing)
    with pytest.raises(HostError, match=r"pip install 'regnas\[mlflow\]'"):
        fast_search(1, log=["mlflow"])
