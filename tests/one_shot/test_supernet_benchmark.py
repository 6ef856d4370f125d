"""What the benchmark of the evaluator `supernet` says of recorded trainings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from regnas.statistics.rank_correlation import kendall

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def supernet(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module: it is in the repository, not in what is installed."""
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import supernet

    yield supernet


def test_the_ceiling_is_what_the_true_error_reaches_against_one_training(supernet: ModuleType) -> None:
    """Simulated: true errors of variance 1, and trainings with noise of variance 1, so that two correlate with 0.5."""
    rng = np.random.default_rng(0)
    true = rng.normal(size=2000)
    first, second = (true + rng.normal(size=2000) for _ in range(2))
    found = supernet.ceiling(first, second)
    assert found["tau"] == pytest.approx(kendall(true, first), abs=0.03)  # two standard errors of either are 0.02
    assert supernet.ceiling(true, true)["tau"] == pytest.approx(1)


def test_recorded_networks_have_an_error_after_every_epoch(supernet: ModuleType) -> None:
    rows, settings = supernet.recorded("recorded:fashion-mnist-scaled/regnetx", 3)
    assert len(rows) == 3 and settings["window"] == "flops 1M:2M"
    assert all(one["curve"][-1] == one["errors"][0] and 1e6 <= one["flops"] <= 2e6 for one in rows)
