"""The evaluator ``table:NAME``: recorded trainings, epoch by epoch, and never the score that is reported."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from regnas.architecture import Architecture
from regnas.design_space import make_space
from regnas.errors import UsageError
from regnas.evaluator import Context, Evaluator, Result, Task
from regnas.evaluators.tabular.evaluator import TableEvaluator, make
from regnas.strategy import make_strategy
from regnas.tables.sources import load_table
from regnas.tables.table import Table, TableError
from regnas.testing import EvaluatorRules

TASK = Task(data="none")
POINTS = [(depth, op) for depth in (1, 2, 4, 8) for op in ("conv", "pool", "skip")]
SCORE = 0.7654321  # of every network, and nowhere else


def _write(folder: Path, skip: int = 0) -> str:
    """Twelve networks with two seeds of three epochs; the column ``test`` is the same number everywhere."""
    rows = ["index,seed,error,seconds,epoch_1,epoch_2,epoch_3,test,param.depth,param.op"]
    for index, (depth, op) in list(enumerate(POINTS))[skip:]:
        for seed in (0, 1):
            error = (index + 1) / 100 + seed / 1000
            rows.append(f"{index},{seed},{error},30,{error + 0.5},{error + 0.25},{error},{SCORE},{depth},{op}")
    path = folder / "t.csv"
    path.write_text("\n".join(rows) + "\n")
    return str(path)


class TestTable(EvaluatorRules):
    task = TASK

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self._argument = _write(tmp_path)

    def make(self, task: Task, options: Mapping[str, Any]) -> Evaluator:
        return make(task, {"argument": self._argument, **options})

    def architectures(self) -> tuple[Architecture, Architecture]:
        table = load_table(self._argument)
        return table.point(3), table.point(7)


@pytest.fixture
def argument(tmp_path: Path) -> str:
    return _write(tmp_path)


def test_a_result_is_one_recorded_training(argument: str) -> None:
    evaluator = make(TASK, {"argument": argument})
    seen = {evaluator(evaluator.table.point(4), seed=seed, context=Context()).error for seed in range(20)}
    assert sorted(seen) == pytest.approx([0.05, 0.051])
    result = evaluator(evaluator.table.point(4), seed=0, context=Context())
    assert result.errors == pytest.approx((result.error + 0.5, result.error + 0.25, result.error))
    assert result.notes == {"recorded_seconds": 30.0, "table_row": 4} and result.seconds < 10 and result.epochs == 3


def test_a_training_that_is_stopped_has_the_error_and_the_seconds_so_far(argument: str) -> None:
    evaluator = make(TASK, {"argument": argument})
    context = Context(report=lambda epoch, error: epoch < 2)
    result = evaluator(evaluator.table.point(4), seed=0, context=context)
    assert result.epochs == 2 and result.error == result.errors[-1] and result.error > 0.25
    assert result.notes["recorded_seconds"] == pytest.approx(20)


def test_a_table_without_epochs_reports_none(argument: str) -> None:
    evaluator = make(TASK, {"argument": argument, "signal": "mean", "score": "test"})
    reported: list[int] = []

    def report(epoch: int, error: float) -> bool:
        reported.append(epoch)
        return True

    context = Context(report=report)
    result = evaluator(evaluator.table.point(0), seed=0, context=context)
    assert result.error == pytest.approx(0.0105)
    assert (result.epochs, result.errors, reported) == (0, (), [])


def test_images_are_those_of_the_table() -> None:
    evaluator = make(TASK, {"argument": "recorded:fashion-mnist/regnetx"})
    assert (evaluator.images.resolution, evaluator.images.classes) == (28, 10)
    assert evaluator.images == evaluator.table.images


def test_a_network_that_is_not_in_the_table_says_what_to_do(tmp_path: Path, argument: str) -> None:
    other = make_space("nasbench201").sample(1)[0].architecture
    with pytest.raises(TableError, match="not in the table t; it is one of another space or data set"):
        make(TASK, {"argument": argument})(other, seed=0, context=Context())
    with pytest.raises(TableError, match="a sample of 11 networks: search these as a pool, .*surrogate=true"):
        make(TASK, {"argument": _write(tmp_path, skip=1)})(other, seed=0, context=Context())


def test_studies_on_other_tables_signals_or_scores_are_other_studies(tmp_path: Path, argument: str) -> None:
    def recipe(text: str, **options: Any) -> str:
        return json.dumps(make(TASK, {"argument": text, **options}).prepare()["recipe"], sort_keys=True)

    recipes = [recipe(argument), recipe(argument, signal="epoch_2"), recipe(argument, score="test")]
    recipes.append(recipe(argument, signal="mean"))
    Path(argument).write_text(Path(argument).read_text().replace("0.05,", "0.055,"))
    recipes.append(recipe(argument, signal="epoch_3"))
    assert len(set(recipes)) == 5 and recipe(argument, signal="epoch_3") == recipes[-1]


def test_a_number_of_epochs_that_was_not_recorded_is_refused(argument: str) -> None:
    assert make(replace(TASK, epochs=3), {"argument": argument}).table.curves.shape[2] == 3
    with pytest.raises(UsageError, match="--epochs 2 trains nothing here.*signal=epoch_2"):
        make(replace(TASK, epochs=2), {"argument": argument})
    with pytest.raises(UsageError, match="--epochs 5 trains nothing here.*leave --epochs out$"):
        make(replace(TASK, epochs=5), {"argument": argument})


@pytest.mark.parametrize("options", [{}, {"argument": "none.csv"}, {"surrogate": "yes"}])
def test_options_that_make_no_sense_are_refused(argument: str, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        make(TASK, options if "surrogate" not in options else {"argument": argument, **options})


# --- what a search may see ----------------------------------------------------------------------------------------


class Sealed(Table):
    """A table whose score must not be read."""

    def __getattribute__(self, name: str) -> Any:
        if name == "score" and object.__getattribute__(self, "__dict__").get("closed"):
            raise AssertionError("the score was read during a search")
        return super().__getattribute__(name)


def _sealed(table: Table) -> Sealed:
    made = Sealed(**{name: value for name, value in vars(table).items() if name in Table.__dataclass_fields__})
    vars(made)["closed"] = True
    return made


def _numbers(value: Any) -> list[float]:
    if isinstance(value, Mapping):
        return [number for entry in value.values() for number in _numbers(entry)]
    if isinstance(value, list | tuple):
        return [number for entry in value for number in _numbers(entry)]
    return [float(value)] if isinstance(value, int | float) else []


def test_a_sealed_table_tells_when_its_score_is_read(argument: str) -> None:
    sealed = _sealed(load_table(argument))
    assert sealed.seen(0, 0)[0] > 0
    with pytest.raises(AssertionError, match="the score was read"):
        sealed.ceiling()


@pytest.mark.parametrize("strategy", ["random", "tpe[startup=3]", "evolution[population=4,tournament=2]"])
def test_no_search_sees_the_score(argument: str, strategy: str) -> None:
    space = make_space(f"table:{argument}")
    evaluator = TableEvaluator(_sealed(load_table(argument, {"score": "test"})), surrogate=False)
    results: list[Result] = []
    study = optuna.create_study(sampler=make_strategy(strategy, space, seed=1))
    evaluator.prepare()
    for index in range(12):
        trial = study.ask(space.distributions)
        results.append(evaluator(space.suggest(trial), seed=index, context=Context()))
        study.tell(trial, results[-1].error)
    assert len({result.notes["table_row"] for result in results}) == 12
    said = np.array(_numbers([{**result.to_json(), "seconds": 0} for result in results]))
    assert not np.isclose(said, SCORE, atol=1e-6).any()


def test_a_surrogate_does_not_see_the_score(argument: str) -> None:
    from regnas.evaluators.tabular.surrogate import fit

    table = load_table("recorded:fashion-mnist/regnetx")
    network = make_space("regnetx").on(table.images).sample(1)[0].architecture
    sealed = replace(table, score=np.full(len(table), SCORE))
    assert fit(_sealed(sealed)).predict(network, 0) == fit(table).predict(network, 0)
