"""What the commands of interchange resolve: weights of a winner, lines of narrow networks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from regnas import weights
from regnas.studies.export.export import find
from regnas.studies.export.fit import fit

NARROW: dict[str, Any] = {"kind": "staged", "schema": 1, "depths": [1, 2], "widths": [2, 4], "strides": [2, 2]}


def test_a_line_never_falls_below_eight_channels(tmp_path: Path) -> None:
    """The fit counts no width below 8, so the line it prints has none."""
    file = tmp_path / "narrow.json"
    file.write_text(json.dumps(NARROW))
    found = fit(str(file))
    assert found.nearest == ([3], [8])
    assert found.line.error == pytest.approx(0.924196, abs=1e-6)  # (log(8 / 2) + 2 log(8 / 4)) / 3


@pytest.mark.parametrize("target", [".", "best", "best.json"])
def test_the_weights_of_a_winner_are_found_by_each_of_its_names(tmp_path: Path, target: str) -> None:
    best = tmp_path / "best"
    best.mkdir()
    for file in (tmp_path / "best.json", best / weights.ARCHITECTURE):
        file.write_text(json.dumps({"architecture": NARROW}))
    (tmp_path / "study.json").write_text("{}")
    (best / weights.WEIGHTS).write_bytes(b"")
    assert find(str(tmp_path / target)).folder == best
