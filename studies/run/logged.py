"""What is shown of a search is told to loggers as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from regnas.candidate import Candidate
from regnas.evaluator import Result
from regnas.logger import LoggedStudy, Logger, make_logger
from regnas.studies.run.progress import Progress
from regnas.system.text import one_line


class Logged:
    """A progress whose epochs and candidates loggers hear of. One that raises is named, and told no more."""

    def __init__(self, progress: Progress, loggers: dict[str, Logger]) -> None:
        self._progress = progress
        self._loggers = loggers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._progress, name)

    def epoch(self, index: int, epoch: int, error: float) -> None:
        self._progress.epoch(index, epoch, error)
        self._tell(lambda logger: logger.epoch(index, epoch, error))

    def ended(self, index: int, candidate: Candidate, result: Result, objective: float | None = None) -> None:
        self._progress.ended(index, candidate, result, objective)
        values = {"error": result.error, "seconds": result.seconds, **candidate.complexity, **result.metrics}
        sought = {} if objective is None else {"objective": objective}
        numbers = {name: float(value) for name, value in {**values, **sought}.items()}
        self._tell(lambda logger: logger.candidate(index, candidate.params, numbers))

    def close(self) -> None:
        """No more comes."""
        self._tell(lambda logger: logger.close())

    def _tell(self, what: Callable[[Logger], None]) -> None:
        for text, logger in list(self._loggers.items()):
            try:
                what(logger)
            except Exception as error:
                del self._loggers[text]
                self._progress.say(
                    f"the logger {text} failed and is told no more; the search goes on: {one_line(str(error))}"
                )


def logged(progress: Progress, texts: Sequence[str], study: LoggedStudy) -> tuple[Progress, Callable[[], None]]:
    """The progress that loggers hear of, too, and what is called when no more comes.

    Raises:
        RegnasError: a logger cannot be made.
    """
    if not texts:
        return progress, lambda: None
    made = Logged(progress, {text: make_logger(text, study) for text in dict.fromkeys(texts)})
    return cast(Progress, made), made.close
