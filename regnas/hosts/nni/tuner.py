"""regnas's strategies as a tuner of NNI: every proposal is a new network inside the window."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import Trial, TrialState, create_trial

import regnas
from regnas.errors import InfeasibleWindow, UsageError
from regnas.hosts.nni.importing import load
from regnas.strategy import WARM, make_strategy

_nni: Any = load("nni")
_tuners: Any = load("nni.tuner")
_utils: Any = load("nni.utils")


def registration() -> Path:
    """The file that ``nnictl algo register --meta`` takes: afterwards ``regnas`` is the name of a tuner."""
    return Path(__file__).parent / "meta.yml"


class RegnasTuner(_tuners.Tuner):  # type: ignore[misc]
    """NNI's tuner interface over any strategy of regnas.

    Args:
        space: a spec, such as ``regnetx`` or ``regnetx[wm=2]``.
        strategy: a spec, such as ``tpe`` or ``evolution[population=20]``.
        flops, params, acts: windows, such as ``360M:400M``.
        limits: windows on any measures, by name.
        resolution: pixels of a side, 224 unless said.
        classes: outputs of the networks, 1000 unless said.
        seed: of the proposals.
        optimize_mode: what trials report: ``maximize`` accuracies, ``minimize`` errors.

    Raises:
        UsageError: another mode, or what there is no space or strategy of.
    """

    def __init__(
        self,
        space: str = "regnetx",
        strategy: str = "evolution",
        flops: str | None = None,
        params: str | None = None,
        acts: str | None = None,
        limits: Mapping[str, str] | None = None,
        resolution: int | None = None,
        classes: int | None = None,
        seed: int = 0,
        optimize_mode: str = "maximize",
    ) -> None:
        if optimize_mode not in ("maximize", "minimize"):
            raise UsageError(f"optimize_mode is maximize or minimize, got {optimize_mode!r}")
        window: Any = {"flops": flops, "params": params, "acts": acts, "limits": limits or {}}
        self._space = regnas.space(space, **window, resolution=resolution, classes=classes)
        sampler = make_strategy(strategy, self._space, seed=seed, parallel=True)
        self._study = _new_study(StudyDirection[optimize_mode.upper()], sampler)
        self._open: dict[int, Trial] = {}

    def update_search_space(self, search_space: Mapping[str, Any]) -> None:
        """Check that the experiment's search space is this space: `regnas.hosts.nni.search_space_json` makes it.

        Raises:
            UsageError: it has other parameters.
        """
        wanted, given = set(self._space.distributions), set(search_space)
        if wanted != given:
            raise UsageError(
                f"the experiment's search space has the parameters {', '.join(sorted(given)) or 'none'}, and "
                f"{self._space.spec} has {', '.join(sorted(wanted))}; write it with search_space_json(space)"
            )

    def generate_parameters(self, parameter_id: int, **details: Any) -> dict[str, Any]:
        """A new network inside the window, by its free parameters.

        Raises:
            nni.NoMoreTrialError: there is none.
        """
        try:
            trial = self._study.ask(self._space.distributions)
        except InfeasibleWindow as error:
            raise _nni.NoMoreTrialError(str(error)) from error
        self._open[parameter_id] = trial
        return dict(trial.params)

    def receive_trial_result(
        self, parameter_id: int, parameters: Mapping[str, Any], value: Any, **details: Any
    ) -> None:
        """What a trial reported: a number, or a mapping with one under ``default``."""
        trial = self._open.pop(parameter_id, None)
        if trial is not None:
            number = float(_utils.extract_scalar_reward(value))
            failed = math.isnan(number)
            self._study.tell(trial, None if failed else number, state=TrialState.FAIL if failed else None)

    def trial_end(self, parameter_id: int, success: bool, **details: Any) -> None:
        """A trial that ended without a result counts as failed."""
        if (trial := self._open.pop(parameter_id, None)) is not None:
            self._study.tell(trial, state=TrialState.FAIL)

    def import_data(self, data: Sequence[Mapping[str, Any]]) -> None:
        """Learn from results of another experiment; those of other spaces are left out."""
        laws = self._space.distributions
        for record in data:
            parameters = record["parameter"]
            point = self._space.read(parameters)
            if point is None:
                continue
            value = float(_utils.extract_scalar_reward(record["value"]))
            known = {name: point[name] for name in laws}
            self._study.add_trial(create_trial(params=known, distributions=laws, value=value, user_attrs={WARM: True}))


def _new_study(direction: StudyDirection, sampler: BaseSampler) -> optuna.Study:
    """A study in memory, without Optuna's line about it: NNI's log shows standard error as errors."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study(direction=direction, sampler=sampler)
    finally:
        optuna.logging.set_verbosity(level)


class Arguments(_utils.ClassArgsValidator):  # type: ignore[misc]
    """Checks the tuner's ``class_args`` before an experiment starts."""

    def validate_class_args(self, **arguments: Any) -> None:
        """Make the tuner, and let it go.

        Raises:
            UsageError: an argument that there is not, or that makes no sense.
        """
        try:
            RegnasTuner(**arguments)
        except TypeError as error:
            raise UsageError(f"class_args of the tuner regnas: {error}") from error
