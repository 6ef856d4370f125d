"""FLAML: ``BlendSearch``, local searches from points that Optuna's TPE proposes; every evaluation costs it the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regnas.strategies.external.adapters.serve import Point, Problem

PACKAGE = "FLAML"
PIN = "flaml[blendsearch]==2.8.0"
LOSSY = (
    "networks evaluated in place of its own are not shown to it; its cheap starting point is the middle of the space; "
    "conditions: inactive ones are proposed"
)
OPTIONS: dict[str, Any] = {"attempts": 100}


class Optimiser:
    """See `regnas.strategies.external.adapters.serve.Adapter`.

    BlendSearch answers nothing where a local search ends or would repeat itself; it is then asked again, up to
    ``attempts`` times.
    """

    def __init__(self, problem: Problem) -> None:
        import optuna
        from flaml import BlendSearch, tune

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._problem = problem
        self._count = 0
        space: dict[str, Any] = {}
        for law in problem.parameters:
            if law.kind == "choice":
                space[law.name] = tune.choice(list(range(len(law.values))))
            elif law.kind == "int":
                space[law.name] = (tune.lograndint if law.log else tune.randint)(law.low, law.high + 1)
            else:
                space[law.name] = (tune.loguniform if law.log else tune.uniform)(law.low, law.high)
        told = sorted(problem.told, key=lambda one: one[1])
        names = [law.name for law in problem.parameters]
        self._inner = BlendSearch(
            metric="error",
            mode="min",
            space=space,
            points_to_evaluate=[dict(zip(names, problem.numbers(point), strict=True)) for point, _ in told] or None,
            evaluated_rewards=[error for _, error in told] or None,
            seed=problem.seed,
            cost_attr=None,
        )

    def ask(self) -> tuple[Any, Point]:
        """A proposal, its trial and its configuration.

        Raises:
            RuntimeError: there was none in so many attempts.
        """
        for _ in range(self._problem.options["attempts"]):
            self._count += 1
            trial = str(self._count)
            found = self._inner.suggest(trial)
            if found is not None:
                return (trial, found), self._problem.point([found[law.name] for law in self._problem.parameters])
        raise RuntimeError(f"BlendSearch proposed nothing, {self._problem.options['attempts']} times in a row")

    def tell(self, known_by: Any, error: float) -> None:
        """The error of a proposal."""
        trial, found = known_by
        self._inner.on_trial_complete(trial, {"error": error, "config": found})

    def see(self, point: Point, error: float) -> None:
        """Nothing: BlendSearch hears of its own trials."""
