"""The rules of loggers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from regnas.errors import UsageError
from regnas.logger import LoggedStudy, Logger, make_logger

PARAMS: dict[str, Any] = {"depth": 12, "wa": 24.5, "block": "x"}


class LoggerRules:
    """Subclass, override `spec`, and `told` where what was told can be read back."""

    spec = ""

    def told(self, study: LoggedStudy) -> dict[int, float] | None:
        """The error of every candidate by its index, as the other program has it; None where that cannot be read."""
        return None

    @pytest.fixture
    def study(self, tmp_path: Path) -> LoggedStudy:
        """A study with files."""
        (folder := tmp_path / "runs" / "space-random-0").mkdir(parents=True)
        settings = {"space": "space", "seed": 0, "recipe": {"epochs": 3}}
        return LoggedStudy(name="space/random/0", folder=folder, out=folder.parent, settings=settings)

    def test_it_hears_of_a_search_that_is_stopped_and_goes_on(self, study: LoggedStudy) -> None:
        one = make_logger(self.spec, study)
        self._whole(one, 0, 0.5)
        one.epoch(1, 1, 0.75)  # in flight
        one.close()
        one = make_logger(self.spec, study)
        self._whole(one, 1, 0.25)
        one.close()
        if (found := self.told(study)) is not None:
            assert found == {0: pytest.approx(0.5), 1: pytest.approx(0.25)}

    def test_an_option_that_it_does_not_have_is_refused(self, study: LoggedStudy) -> None:
        with pytest.raises(UsageError, match="no option"):
            make_logger(f"{self.spec.partition('[')[0]}[no_option=1]", study)

    def _whole(self, one: Logger, index: int, error: float) -> None:
        one.epoch(index, 1, error + 0.125)
        one.epoch(index, 2, error)
        one.candidate(index, PARAMS, {"error": error, "seconds": 1.5, "flops": 1e9, "top-5 error": 0.0})
