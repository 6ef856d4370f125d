"""optuna-dashboard opens a study: in this process, through its WSGI application, without a socket."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any
from wsgiref.util import setup_testing_defaults

import optuna_dashboard
import pytest

from regnas.studies.search.search import SearchResult
from regnas.system.optuna_internals import storage_of

Get = Callable[[str], str]


@pytest.fixture
def get(fast_search: Callable[..., SearchResult]) -> Get:
    """The body of a page of the dashboard of a study of twelve trials."""
    study = fast_search(12, evaluator="fast[epochs=2]").study
    application = optuna_dashboard.wsgi(storage_of(study))

    def fetch(path: str) -> str:
        environment: dict[str, Any] = {"PATH_INFO": path}
        setup_testing_defaults(environment)
        answers: list[str] = []
        body = b"".join(application(environment, lambda status, headers, error=None: answers.append(status)))
        assert answers == ["200 OK"], (path, answers, body[:500])
        return body.decode()

    return fetch


def test_the_dashboard_lists_the_study(get: Get) -> None:
    (study,) = json.loads(get("/api/studies"))["study_summaries"]
    assert study["study_name"] == "regnetx/random/0" and study["directions"] == ["minimize"]


def test_the_dashboard_shows_trials_metric_name_and_numbers(get: Get) -> None:
    study = json.loads(get("/api/studies/0"))
    assert study["objective_names"] == ["val_top1_err"] and study["has_intermediate_values"]
    assert [trial["state"] for trial in study["trials"]] == ["Complete"] * 12
    assert [len(trial["intermediate_values"]) for trial in study["trials"]] == [2] * 12
    sortable = {attribute["key"] for attribute in study["union_user_attrs"] if attribute["sortable"]}
    assert {"flops", "params", "activations", "depth", "seconds", "seed", "index", "draws", "diverged"} == sortable
    errors = [trial["values"][0] for trial in study["trials"]]
    assert study["best_trials"][0]["values"][0] == min(errors)
    settings = {attribute["key"]: attribute["value"] for attribute in study["user_attrs"]}
    assert json.loads(settings["regnas:settings"])["space"] == "regnetx"


def test_the_dashboard_ranks_the_parameters(get: Get) -> None:
    (importances,) = json.loads(get("/api/studies/0/param_importances"))["param_importances"]
    assert {entry["name"] for entry in importances} == {"depth", "w0", "wa", "wm", "bottleneck_ratio", "group_width"}


def test_the_dashboard_exports_a_table(get: Get) -> None:
    rows = list(csv.DictReader(io.StringIO(get("/csv/0"))))
    assert len(rows) == 12 and "Param wm" in rows[0] and "UserAttribute flops" in rows[0]
