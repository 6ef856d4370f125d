"""JSON of any shape for every reader of ours: what it should be, or an error of regnas; never another exception."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import regnas
from regnas import weights
from regnas.architecture import from_json
from regnas.errors import RegnasError
from regnas.format import read as read_source
from regnas.messages import from_line
from regnas.studies.bench.running.runs import read_run
from regnas.studies.compare.request import comparison_folder, read_request
from regnas.studies.dashboard.target import find as find_shown
from regnas.studies.dashboard.written import read as read_written
from regnas.studies.design.describe import describe_file, parse_params
from regnas.studies.executors.worker import read_result
from regnas.studies.export.export import find
from regnas.studies.populations.files import read_population
from regnas.studies.populations.sources import load, study_of
from regnas.studies.run.result_files import Results
from regnas.studies.search.known.enqueue import read as read_enqueued
from regnas.studies.search.outcome import known_test_error
from regnas.studies.search.stored_settings import settings_of
from regnas.studies.training.plan import plan_training
from regnas.system.reading import parse_json
from regnas.tables.files import read_trainings

SPACE = regnas.space("regnetx", resolution=16, classes=4)
POINT = {"depth": 8, "w0": 8, "wa": 8, "wm": 2.5, "bottleneck_ratio": 1, "group_width": 8}
NETWORK = SPACE.decode(SPACE.complete(POINT))
RECIPE = {"epochs": 1, "batch_size": 8, "learning_rate": 0.1}
SETTINGS = {
    "space": "regnetx",
    "window": "open",
    "images": {"resolution": 16, "classes": 4},
    "strategy": "random",
    "seed": 0,
    "duplicates": "reject",
    "evaluator": "train",
    "data": "fake",
    "recipe": RECIPE,
}
BEST = {
    "index": 0,
    "validation_error": 0.5,
    "test_error": None,
    "params_by_name": POINT,
    "architecture": NETWORK.to_json(),
    "settings": SETTINGS,
}
RULES = {"complexity": "flops"}
REQUEST = {
    "schema": 1,
    "name": "a",
    "sources": [["recorded:a"]],
    "rules": RULES,
    "budget": 1,
    "looks": [],
    "force": False,
    "left_out": [["a", "b"]],
    "notes": ["c"],
}
RUN = {
    "schema": 1,
    "settings": {},
    "strategy": "random",
    "seed": 0,
    "networks": ["a"],
    **{name: [0.5] for name in ("signal", "score", "started", "ended")},
    "epochs": [1],
    "whole": [True],
    "returned_by_model": {"1": 0.5},
    "outside": 0,
    "refused": 0,
    "proposal_seconds": None,
}
RESULT = {"schema": 1, "key": "k", "seed": 0, "result": {"error": 0.5, "errors": [0.5], "seconds": 1.0}}
ROW = {"error": 0.5, "index": 1, "seed": 2, "flops": 10, "architecture": NETWORK.to_json(), "param.depth": 8}
NDS = [{"net": {"ds": [1, 2], "ws": [8, 16]}, "optim": {"base_lr": 0.1}, "min_test_top1": 5, "test_ep_top1": [6, 5]}]
SWEEP = [{"cfg": {"MODEL": {"TYPE": "regnet"}, "REGNET": {"DEPTH": 8, "W0": 8}}}]
CELL = {"kind": "nasbench201", "schema": 1, "operations": [0, 0, 0, 0, 0, 0]}
TABLE_POINT = {"kind": "point", "schema": 1, "table": "a", "point": {"x": 1}}


def _of(folder: Path, name: str) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        return folder / name

    return write


def _in_study(text: str) -> Any:
    return settings_of(SimpleNamespace(study_name="a", user_attrs={"regnas:settings": text}))  # type: ignore[arg-type]


def _readers(folder: Path) -> dict[str, tuple[Any, Callable[[str], Any]]]:
    """By name a value that is right, and what reads a text of it."""
    file, best, study = _of(folder, "x.json"), _of(folder, "best.json"), _of(folder / "study", "study.json")
    lines, request, log = _of(folder, "x.jsonl"), _of(folder / "c", "request.json"), _of(folder, "results.jsonl")
    stored = {"name": "a", "storage": "sqlite:///none.db", "settings": SETTINGS}
    training: dict[str, Any] = {"data": "fake:32", "resolution": 16, "epochs": 1, "device": "cpu"}
    asked = SimpleNamespace(sources=(("a",),), name="a")
    return {
        "an architecture": (NETWORK.to_json(), lambda text: weights.read_architecture(file(text))),
        "a cell": (CELL, lambda text: from_json(parse_json(text, "it"))),
        "a point": (TABLE_POINT, lambda text: from_json(parse_json(text, "it"))),
        "best.json to describe": (BEST, lambda text: describe_file(str(best(text)), None)),
        "best.json to export": (BEST, lambda text: find(str(best(text)))),
        "best.json to train": (BEST, lambda text: plan_training(str(best(text)), **training)),
        "best.json to go on": (BEST, lambda text: known_test_error(best(text).parent, {"index": 0, "error": 0.5}, {})),
        "best.json to enqueue": (BEST, lambda text: read_enqueued(best(text), SPACE)),
        "networks to enqueue": ([POINT], lambda text: read_enqueued(file(text), SPACE)),
        "rows to enqueue": (ROW, lambda text: read_enqueued(lines(text + "\n"), SPACE)),
        "parameters": (POINT, parse_params),
        "study.json": (stored, lambda text: study_of(study(text).parent)),
        "study.json to show": (stored, lambda text: find_shown(str(study(text).parent), None, folder)),
        "settings in a storage": (SETTINGS, _in_study),
        "request.json": (REQUEST, lambda text: read_request(request(text).parent)),
        "another request.json": (REQUEST, lambda text: comparison_folder(request(text).parent.parent, asked)),  # type: ignore[arg-type]
        "a run": (RUN, lambda text: read_run(file(text), {})),
        "a result": (RESULT, lambda text: read_result(file(text), "k", 0)),
        "a line of results": (RESULT, lambda text: Results(log(text + "\n").parent, log=True).find(0, "k", 0)),
        "a population": (ROW, lambda text: read_population(lines(text + "\n"))),
        "the top of a population": (
            {
                "population": {
                    "schema": 1,
                    "name": "a",
                    "trainings": 1,
                    "failed": 0,
                    "marks": ["a"],
                    "settings": SETTINGS,
                }
            },
            lambda text: read_population(lines(f"{text}\n{json.dumps(ROW)}\n")),
        ),
        "a table": (ROW, lambda text: read_trainings(lines(text + "\n"), "a")),
        "the top of a table": (
            {"population": {"schema": 1, "settings": SETTINGS}},
            lambda text: read_trainings(lines(f"{text}\n{json.dumps(ROW)}\n"), "a"),
        ),
        "NDS": (NDS, lambda text: load(str(file(text)))),
        "a sweep": (SWEEP, lambda text: read_source(str(file(text)))),
        "a message": ({"event": "epoch", "index": 1, "epoch": 2, "error": 0.5}, from_line),
        "a note of the dashboard": ({"note": "a"}, lambda text: read_written({"regnas:dashboard": text})),
    }


READERS = list(_readers(Path()))
ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.sampled_from([0, 1, -1, 2**63, 10**400, 0.5, 1e308, "", "a", "-1", "\ud800", "x\0y", [], {}, [[]], {"": {}}])
    | st.floats()
    | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield from _places(one, (*path, key))


def _damaged(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """The value with another one at a place; without the place where the other one is "absent"."""
    if not path:
        return other
    changed = copy.deepcopy(value)
    at = changed
    for key in path[:-1]:
        at = at[key]
    if other == "absent":
        del at[path[-1]]
    else:
        at[path[-1]] = other
    return changed


@pytest.mark.parametrize("name", READERS)
def test_every_reader_reads_what_is_right(name: str, tmp_path: Path) -> None:
    value, read = _readers(tmp_path)[name]
    with suppress(RegnasError):  # what is named inside may not be there
        read(json.dumps(value))


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@example(data=None)
def test_every_reader_takes_json_of_any_shape_or_says_what_is_wrong(name: str, data: Any, tmp_path: Path) -> None:
    value, read = _readers(tmp_path)[name]
    places = list(_places(value))
    others: list[Any] = [None, "absent", 5, [], {}]
    if data is None:
        texts = [json.dumps(_damaged(value, path, other)) for path in places for other in others]
        texts += ["", "null", "[" * 100_000, '{"a":' * 100_000, "1" * 5000, "NaN", "[1, 2"]
    else:
        path = data.draw(st.sampled_from(places))
        texts = [json.dumps(_damaged(value, path, data.draw(ANY | st.just("absent"))))]
    for text in texts:
        try:
            with suppress(RegnasError):
                read(text)
        except Exception as error:
            error.add_note(f"it came of {text[:2000]}")
            raise
