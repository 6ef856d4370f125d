"""A plug-in for tests: an evaluator with an error for every epoch, which goes on where it stopped. The fixture ``fast``
copies this file into a distribution of its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regnas_fast import error_of, note  # type: ignore[import-not-found]  # installed by the fixture

from regnas.architecture import Architecture
from regnas.errors import UsageError
from regnas.evaluator import Context, Result, Task

_OPTIONS = {"sleep": 0, "resumes": True, "silent": False, "deaf": False, "recipe": 0, "fail_at": 0}


@dataclass(frozen=True)
class Curve:
    """``curve[sleep=5]``: sleeps ``sleep`` milliseconds an epoch; the error falls from epoch to epoch.

    ``fail_at=2`` raises once for a candidate, before it ends that epoch; ``resumes=false`` starts again from the
    beginning, ``deaf=true`` does not heed a stop, ``silent=true`` does not say how many epochs it runs, and ``recipe``
    makes its studies differ.
    """

    epochs: int
    options: Mapping[str, Any]

    def prepare(self) -> Mapping[str, Any]:
        recipe = {"number": self.options["recipe"]}
        return {"recipe": recipe if self.options["silent"] else {"epochs": self.epochs, **recipe}}

    def __call__(self, architecture: Architecture, *, seed: int, context: Context) -> Result:
        start, key = time.perf_counter(), architecture.key()
        state = context.folder / "curve.json" if context.folder else Path("nowhere")
        errors: list[float] = []
        if context.resumable and self.options["resumes"] and state.exists():
            errors = json.loads(state.read_text())
        while len(errors) < self.epochs:
            time.sleep(self.options["sleep"] / 1000)
            self._fail_once(len(errors) + 1, context.folder)
            errors.append(curve(key, seed, len(errors) + 1))
            note("REGNAS_FAST_LOG", f"{context.folder.name if context.folder else -1} {key} {seed} {len(errors)}")
            if not context.report(len(errors), errors[-1]) and not self.options["deaf"]:
                if context.resumable and context.folder is not None:
                    context.folder.mkdir(parents=True, exist_ok=True)
                    state.write_text(json.dumps(errors))
                break
        return Result(error=errors[-1], seconds=time.perf_counter() - start, epochs=len(errors), errors=tuple(errors))

    def _fail_once(self, epoch: int, folder: Path | None) -> None:
        if epoch == self.options["fail_at"] and folder is not None and not (folder / "failed").exists():
            (folder / "failed").touch()
            raise RuntimeError(f"told to fail in epoch {epoch}")


def curve(key: str, seed: int, epoch: int) -> float:
    """Error after an epoch: a level of its own, above which it starts by another one."""
    level, start = float(error_of(key, seed)), float(error_of(f"{key} start", seed))
    return 0.1 + 0.4 * level + 0.5 * start / epoch**2


def make(task: Task, options: Mapping[str, Any]) -> Curve:
    """The entry point of the evaluator ``curve``; 9 epochs unless said."""
    if unknown := set(options) - set(_OPTIONS):
        raise UsageError(f"the evaluator curve has no option {', '.join(sorted(unknown))}")
    return Curve(task.epochs or 9, {**_OPTIONS, **options})
