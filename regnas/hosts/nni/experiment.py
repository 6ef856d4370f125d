"""An experiment of NNI's local training service over a space of regnas, with NNI's web page on this machine alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.hosts.nni.evaluator import check_importable
from regnas.hosts.nni.importing import load
from regnas.hosts.nni.new_networks import to_nni
from regnas.hosts.nni.server import local_server
from regnas.hosts.nni.space import RegnasSpace
from regnas.hosts.nni.specs import space_to_json

_experiment: Any = load("nni.nas.experiment")


class RegnasExperiment(_experiment.NasExperiment):  # type: ignore[misc]
    """NNI's NAS experiment, every trial a process of its own on this machine.

    Args:
        space: a space of regnas, or of `to_nni`.
        evaluator: a `RegnasEvaluator`, or an evaluator of NNI that a trial's process can import.
        strategy: a strategy of NNI.
        trials: how many models are evaluated.
        concurrency: how many at a time.
        folder: where NNI writes, ``nni-experiments`` in the user's home unless said.
        levels: see `RegnasSpace`.

    Raises:
        UsageError: an evaluator or a space that the process of a trial cannot make again.
    """

    def __init__(
        self,
        space: Space | RegnasSpace,
        evaluator: Any,
        strategy: Any,
        *,
        trials: int = 20,
        concurrency: int = 1,
        folder: str | Path | None = None,
        levels: int | None = None,
    ) -> None:
        if trials < 1 or concurrency < 1:
            raise UsageError(f"trials and concurrency are at least 1, got {trials} and {concurrency}")
        check_importable(evaluator)
        given = space.space if isinstance(space, RegnasSpace) else space
        space_to_json(given)  # refused here, and not by every trial
        levels = space.levels if isinstance(space, RegnasSpace) and levels is None else levels
        config = _experiment.NasExperimentConfig("ts", "simplified", "local", trial_concurrency=concurrency)
        config.max_trial_number = trials
        if folder is not None:
            config.experiment_working_directory = str(Path(folder).resolve())
        super().__init__(to_nni(given, evaluator, levels=levels), evaluator, strategy, config)

    def executable_model_factory(self, config: Any) -> RegnasSpace:
        """The model space as it is: there is no torch module to convert."""
        space: RegnasSpace = self.model_space
        return space

    @property
    def address(self) -> str | None:
        """Of the experiment's web page, while it runs."""
        return None if self.port is None else f"http://127.0.0.1:{self.port}"

    def _start_nni_manager(self, port: int, *details: Any, **named: Any) -> None:
        with local_server():
            super()._start_nni_manager(port, *details, **named)
        print(f"NNI's page of this experiment: {self.address}")
