"""Errors on the dashboard's own pages: per cent, where a study of regnas stores fractions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from regnas.studies.dashboard.percent import in_percent


def _study(name: str, settings: str = "{}") -> dict[str, Any]:
    steps = [{"step": 1, "value": "inf"}, {"step": 2, "value": 0.6216666}]
    trial = {"values": [0.6216666], "intermediate_values": steps}
    attributes = [{"key": "regnas:settings", "value": settings}]
    running = {"intermediate_values": [], "state": "Running"}
    return {"objective_names": [name], "trials": [trial, running], "best_trials": [trial], "user_attrs": attributes}


@pytest.mark.parametrize(
    ("settings", "name"),
    [('{"space": "regnetx"}', "validation error (%)"), ('{"objective": "error+flops"}', "objective (%)")],
)
def test_fractions_become_per_cent_and_are_named_so(settings: str, name: str) -> None:
    shown = json.loads(in_percent(json.dumps(_study("val_top1_err", settings)).encode()))
    assert shown["objective_names"] == [name]
    assert shown["best_trials"][0]["values"] == shown["trials"][0]["values"] == [62.17]
    assert [one["value"] for one in shown["trials"][0]["intermediate_values"]] == ["inf", 62.17]


@pytest.mark.parametrize(
    "body",
    [json.dumps(_study("loss")).encode(), b'{"reason": "no study"}', b"[1]", b"not JSON"],
    ids=["another study", "an error", "a list", "text"],
)
def test_what_is_no_study_of_regnas_is_as_it_was(body: bytes) -> None:
    assert in_percent(body) == body
