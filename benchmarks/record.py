"""Comparisons on disk: those of a part that is measured again take the place of its old ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.comparison import Comparison

FILE = Path(__file__).parent / "results" / "comparisons.json"


def read(path: Path = FILE) -> dict[str, dict[str, Any]]:
    """Parts by name: ``machine``, ``load`` and ``comparisons`` of each."""
    return json.loads(path.read_text()) if path.exists() else {}


def add(part: str, comparisons: Sequence[Comparison], machine: str, load: float, path: Path = FILE) -> None:
    """Put a part on record, whole."""
    known = read(path)
    known[part] = {"machine": machine, "load": load, "comparisons": [asdict(one) for one in comparisons]}
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(known, indent=1) + "\n")
    partial.replace(path)


def comparisons_of(part: Mapping[str, Any]) -> list[Comparison]:
    """The comparisons of a part on record."""
    return [
        Comparison(**{**one, "ours": tuple(one["ours"]), "theirs": tuple(one["theirs"])}) for one in part["comparisons"]
    ]
