"""Syne Tune: ``CQR``, conformal quantile regression by boosted trees, asked and told by its ``AskTellScheduler``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regnas.strategies.external.adapters.serve import Point, Problem

PACKAGE = "syne-tune"
PIN = "syne-tune[extra]==0.16.0"  # CQR imports huggingface_hub
LOSSY = "conditions: parameters that are inactive are proposed like all others"
OPTIONS: dict[str, Any] = {"scheduler": "CQR"}


class Optimiser:
    """See `regnas.strategies.external.adapters.serve.Adapter`.

    ``scheduler`` is a class of ``syne_tune.optimizer.baselines`` for one metric at one fidelity.
    """

    def __init__(self, problem: Problem) -> None:
        from syne_tune import config_space
        from syne_tune.optimizer import baselines
        from syne_tune.optimizer.schedulers.ask_tell_scheduler import AskTellScheduler

        self._problem = problem
        space: dict[str, Any] = {}
        for law in problem.parameters:
            if law.kind == "choice":
                space[law.name] = config_space.choice(list(range(len(law.values))))
            elif law.kind == "int":
                space[law.name] = (config_space.lograndint if law.log else config_space.randint)(law.low, law.high)
            else:
                space[law.name] = (config_space.loguniform if law.log else config_space.uniform)(law.low, law.high)
        made = getattr(baselines, problem.options["scheduler"])
        self._inner = AskTellScheduler(made(space, metric="error", random_seed=problem.seed % 2**31))
        for point, error in problem.told:
            self.see(point, error)

    def ask(self) -> tuple[Any, Point]:
        """A proposal, and Syne Tune's trial."""
        found = self._inner.ask()
        return found, self._problem.point([found.config[law.name] for law in self._problem.parameters])

    def tell(self, known_by: Any, error: float) -> None:
        """The error of a proposal."""
        self._inner.tell(known_by, {"error": error})

    def see(self, point: Point, error: float) -> None:
        """The error of any other point: a trial like those that it proposed."""
        import datetime

        from syne_tune.backend.trial_status import Trial

        names = [law.name for law in self._problem.parameters]
        config = dict(zip(names, self._problem.numbers(point), strict=True))
        trial = Trial(self._inner.trial_counter, config, datetime.datetime.now())
        self._inner.trial_counter += 1
        self.tell(trial, error)
