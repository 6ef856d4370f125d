"""What an evaluator said of networks that were only scored, as lines of a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from regnas.sampling import keyed
from regnas.system.reading import read_text

SCORES = "scores.jsonl"


@dataclass(frozen=True)
class Scored:
    """What an evaluator said of one network.

    Attributes:
        key: of the network.
        metrics: its scores by name; those that it does not have are left out.
        missing: of these, why; under "" why the evaluator failed, and there are none at all.
        seconds: that it took.
    """

    key: str
    metrics: Mapping[str, float]
    missing: Mapping[str, str]
    seconds: float


def kept(path: Path) -> dict[str, Scored]:
    """What earlier runs left; a line that a crash cut off is not there, nor what failed."""
    found: dict[str, Scored] = {}
    for line in read_text(path).splitlines() if path.exists() else ():
        try:
            one = Scored(**json.loads(line))
        except (ValueError, TypeError):
            continue
        if "" not in one.missing:
            found[one.key] = one
    return found


def seed_of(seed: int, key: str) -> int:
    """The seed of a network's starting weights."""
    return keyed.integer("audit", seed, key)
