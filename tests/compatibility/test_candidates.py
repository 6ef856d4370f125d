"""Candidates are those that the commit named in ``data/README.md`` drew: studies written then resume on them."""

from __future__ import annotations

import hashlib
import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import regnas

DATA = Path(__file__).parent / "data"
CASES: list[dict[str, Any]] = json.loads((DATA / "candidates.json").read_text()) if DATA.is_dir() else []
SHOWN = 3  # candidates in clear, where a case has any


def rows_of(case: dict[str, Any]) -> list[list[Any]]:
    """Index, draws, parameters, architecture key, flops, params and activations of a case's candidates."""
    space = regnas.space(case["space"], resolution=case["resolution"], classes=case["classes"], **case["window"])
    stream = space.on_stream(case["version"]).stream(seed=case["seed"], duplicates=case["duplicates"])
    rows = []
    for one in islice(stream, case["count"]):
        cost = one.complexity
        costs = (cost.flops, cost.params, cost.activations)
        rows.append([one.index, one.draws, one.params, one.architecture.key(), *map(int, costs)])
    return rows


def digest_of(rows: list[list[Any]]) -> str:
    """SHA-256 of the rows as canonical JSON."""
    return hashlib.sha256(json.dumps(rows, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def differences(cases: list[dict[str, Any]]) -> list[str]:
    """The cases whose candidates are others now, each with what is known of them."""
    found = []
    for case in cases:
        rows = rows_of(case)
        if digest_of(rows) != case["sha256"]:
            first = case.get("first", [])
            told = {name: value for name, value in case.items() if name not in ("sha256", "first")}
            found.append(f"{told}: began {first}, begins {rows[: len(first) or 1]}")
    return found


SPACES = list(dict.fromkeys(case["space"] for case in CASES))


@pytest.mark.parametrize("text", SPACES)
def test_the_candidates_of_a_space_are_those_of_the_earlier_commit(text: str) -> None:
    """Of every window by one version of the stream; `pytest -m slow` takes all."""
    shown = [case for case in CASES if case["space"] == text and "first" in case]
    cases = [case for number, case in enumerate(shown) if number % 4 in (0, 3)] or shown
    assert cases
    for case in cases:
        assert rows_of({**case, "count": SHOWN}) == case["first"]
    assert not differences(cases)


@pytest.mark.slow
@pytest.mark.parametrize("text", SPACES)
def test_the_candidates_of_every_version_seed_and_window_are_those_of_the_earlier_commit(text: str) -> None:
    cases = [case for case in CASES if case["space"] == text]
    assert len(cases) >= (4 if "[" in text else 32)
    assert not differences(cases)


def test_every_space_that_was_there_is_looked_at() -> None:
    names = {text.split("[")[0].split(":")[0] for text in SPACES}
    anynets = {f"anynetx-{letter}" for letter in "abcde"}
    others = {"regnetx", "regnety", "regnetx-constrained", "regnetx-pycls", "nasbench201", "table"}
    assert names == anynets | others
