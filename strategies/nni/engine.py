"""An engine on which a strategy of NNI makes one proposal: asking, where NNI pushes.

NNI's strategies run a loop of their own and push models into an engine. This engine ends the loop at the first one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from regnas.hosts.nni.importing import load
from regnas.sampling.batch import Params

_Engine: Any = load("nni.nas.execution").ExecutionEngine


class Proposed(Exception):
    """Carries the model that a strategy submitted."""

    def __init__(self, model: Any) -> None:
        super().__init__("a model was proposed")
        self.model = model


class OneProposal(_Engine):  # type: ignore[misc]
    """Always has a worker and budget; the first model submitted ends the strategy's loop."""

    def submit_models(self, *models: Any) -> None:
        """The strategy proposes: enough is known.

        Raises:
            Proposed: always, with the model.
        """
        raise Proposed(models[0])

    def list_models(self, status: Any = None) -> Iterable[Any]:
        return ()

    def idle_worker_available(self) -> bool:
        return True

    def budget_available(self) -> bool:
        return True


def proposal(strategy: Any) -> Any | None:
    """The next model of an initialised strategy; None where NNI has given up, after 500 tries in a row.

    The loop is entered by ``_run``, which NNI's strategies override: ``run`` may be called once only, and logs what
    ends it as a failure.
    """
    try:
        strategy._run()
    except Proposed as found:
        return found.model
    return None


def sample_of(model: Any, names: Iterable[str]) -> Params:
    """The parameters of a proposed model."""
    return {name: model.sample[name] for name in names}
