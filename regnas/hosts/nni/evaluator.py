"""An evaluator of regnas as an evaluator of NNI."""

from __future__ import annotations

import inspect
from dataclasses import asdict
from typing import Any

from regnas.architecture import Architecture
from regnas.errors import UsageError
from regnas.evaluator import Context, Task, make_evaluator
from regnas.hosts.nni.importing import load
from regnas.sampling import keyed

_nni: Any = load("nni")
_evaluators: Any = load("nni.nas.evaluator")


class RegnasEvaluator(_evaluators.Evaluator):  # type: ignore[misc]
    """Evaluates a model of `RegnasSpace` and reports its accuracy after every epoch: NNI maximises.

    It holds words and numbers alone, so that a trial's process makes the same one.

    Args:
        spec: an evaluator, such as ``train`` or ``train[learning_rate=0.05]``.
        data: a data set.
        device, threads: where a trial runs.
        seed: of the trainings; each network has its own, a function of this one and its key.
        task: further fields of `regnas.evaluator.Task`, such as ``epochs`` and ``data_root``.
    """

    def __init__(
        self,
        spec: str = "train",
        data: str = "fashion-mnist-mini",
        *,
        device: str = "cpu",
        threads: int = 1,
        seed: int = 0,
        **task: Any,
    ) -> None:
        self.spec = spec
        self.task = Task(data=data, **task)
        self.device = device
        self.threads = threads
        self.seed = seed
        make_evaluator(spec, self.task)  # what is wrong with it is said here, and not by every trial

    def extra_repr(self) -> str:
        return f"{self.spec!r}, data={self.task.data!r}"

    def evaluate(self, model: Architecture) -> float:
        """Train and validate, and report.

        Returns:
            The accuracy of the last epoch, a fraction.
        """

        def report(epoch: int, error: float) -> bool:
            _nni.report_intermediate_result(1 - error)
            return True

        context = Context(device=self.device, threads=self.threads, report=report)
        seed = keyed.integer("train", self.seed, model.key())
        result = make_evaluator(self.spec, self.task)(model, seed=seed, context=context)
        _nni.report_final_result(1 - result.error)
        return 1 - result.error

    def _execute(self, model: Any) -> float:
        return self.evaluate(model.executable_model())

    def _dump(self) -> dict[str, Any]:
        return {
            "spec": self.spec,
            "task": asdict(self.task),
            "device": self.device,
            "threads": self.threads,
            "seed": self.seed,
        }

    @classmethod
    def _load(cls, **stored: Any) -> RegnasEvaluator:  # type: ignore[override, unused-ignore]
        return cls(**{name: value for name, value in stored.items() if name != "task"}, **stored["task"])


def check_importable(evaluator: Any) -> None:
    """Refuse an evaluator that the process of a trial cannot import.

    Raises:
        UsageError: its class or its function is defined in ``__main__`` or inside a function.
    """
    for thing in (type(evaluator), getattr(evaluator, "function", None)):
        if thing is None:
            continue
        where, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", "")
        if not where or where == "__main__" or "<" in name or inspect.getmodule(thing) is None:
            raise UsageError(
                f"NNI evaluates every model in a process of its own, which imports the evaluator by its path, and "
                f"{name or thing!r} is defined in {where or 'no module'}; move it to the top level of a file of its "
                f"own and import it from there"
            )
