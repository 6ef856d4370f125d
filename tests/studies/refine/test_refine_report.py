"""A report of a session begins with what it comes to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from regnas.studies.refine.report.tables import conclusion


def _report(accepted: int, rejected: int, free: tuple[int, int], loss: float | None, at: str = "flops") -> Any:
    steps = [SimpleNamespace(accepted=number < accepted, plan="made") for number in range(accepted + rejected)]
    return SimpleNamespace(
        first="anynetx-a",
        steps=steps,
        aims=[SimpleNamespace(freedom=one) for one in free],
        worst_loss=loss,
        confidence=0.9,
        rules=SimpleNamespace(complexity=at),
    )


@pytest.mark.parametrize(
    ("report", "says"),
    [
        (
            _report(2, 1, (16, 12), -0.0051),
            "2 changes of anynetx-a made it better: with 90% confidence the mean error at equal flops is at least 0.51 "
            "points lower, with 12 free parameters in place of 16.",
        ),
        (
            _report(1, 0, (16, 15), 0.0106),
            "1 change of anynetx-a made it simpler: 15 free parameters in place of 16, and with 90% confidence the "
            "mean error at equal flops is at most 1.06 points higher.",
        ),
        (
            _report(1, 0, (16, 16), 0.002, "none"),
            "1 change of anynetx-a made it narrower: with 90% confidence the mean error is at most 0.20 points higher.",
        ),
        (_report(0, 3, (16, 16), None), "anynetx-a stays as it is: none of 3 tested changes is accepted."),
        (_report(0, 0, (16, 16), None), "anynetx-a stays as it is: no change was tested."),
    ],
)
def test_a_session_comes_to_one_sentence(report: Any, says: str) -> None:
    assert conclusion(report) == says
