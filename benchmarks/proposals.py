"""What a proposal costs: processor time of one more ask and tell with n trials stored, as a ratio to bare Optuna's TPE.

    python -m benchmarks.proposals [--place PLACE] [STRATEGY ...]

Three places: the 15,625 cells of `nasbench201`, `regnetx` inside a window of 3 % of its flops, and, for strategies that
are named, `chain` with 291 parameters, where Optuna's TPE takes minutes. Errors are made up. "Optuna alone" is what it
takes to store and to give out a point that is known beforehand: no strategy is below it. Of a named strategy the median
of the measured proposals stands beside their mean, in which its updates are.
"""

from __future__ import annotations

import argparse
import math
import time
from statistics import mean, median
from typing import Any

import optuna
from optuna.samplers import BaseSampler

import regnas
from regnas.design_space import Params, Space
from regnas.strategy import make_strategy

STRATEGIES = ("random", "qmc", "evolution", "local-search", "nsga2", "tpe", "predictor")
STORED = (50, 200, 1000)
MEASURED = 20  # proposals at each number of stored trials


class Known(BaseSampler):
    """Proposes one point of a space, always the same."""

    def __init__(self, space: Space) -> None:
        self._laws = space.distributions
        self._point = dict(next(space.stream(seed=0)).params)

    def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
        return self._laws

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> Any:
        return {name: self._point[name] for name in search_space}

    def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
        return self._point[param_name]


def error(params: Params) -> float:
    """Smooth in the logarithms of numbers; words count by their length."""
    places = [
        math.log(max(value, 1)) if isinstance(value, int | float) else len(value) / 4 for value in params.values()
    ]
    return 0.3 + 0.01 * sum((place - 2.5) ** 2 for place in places) / max(1, len(places) / 6)


def milliseconds(sampler: BaseSampler, space: Space) -> list[list[float]]:
    """Processor milliseconds of each measured ask and tell, at each number of stored trials."""
    study = optuna.create_study(sampler=sampler)
    found: list[list[float]] = []
    laws = space.distributions
    for stored in STORED:
        while len(study.get_trials(deepcopy=False)) < stored:
            _one(study, laws)
        found.append([])
        for _ in range(MEASURED):
            begun = time.process_time()
            _one(study, laws)
            found[-1].append(1000 * (time.process_time() - begun))
    return found


def _one(study: optuna.Study, laws: Any) -> None:
    trial = study.ask(laws)
    study.tell(trial, error(trial.params))


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    parser = argparse.ArgumentParser(description="Processor time of a proposal.")
    parser.add_argument("strategies", nargs="*", metavar="STRATEGY")
    parser.add_argument("--place", choices=("nasbench201", "regnetx", "chain"))
    asked = parser.parse_args()
    named = asked.strategies
    places = {
        "nasbench201": ("nasbench201", regnas.space("nasbench201")),
        "regnetx": ("regnetx, flops 388M:400M", regnas.space("regnetx", flops="388M:400M")),
        "chain": ("chain", regnas.space("chain")),
    }
    for place, (name, space) in places.items():
        if asked.place not in (None, place) or (place == "chain" and not named):
            continue
        peer = "Optuna alone" if place == "chain" else "bare Optuna TPE"
        print(f"\n{name}: ms a proposal with {', '.join(map(str, STORED))} trials stored, and ratio to {peer}")
        over = _row("Optuna alone", milliseconds(Known(space), space), medians=bool(named))
        if place != "chain":
            tpe = optuna.samplers.TPESampler(seed=0, multivariate=True, constant_liar=False)
            over = _row(peer, milliseconds(tpe, space), medians=bool(named))
        for strategy in named or STRATEGIES:
            found = milliseconds(make_strategy(strategy, space, seed=0), space)
            _row(strategy, found, medians=bool(named), over=over)


def _row(name: str, found: list[list[float]], *, medians: bool, over: list[float] | None = None) -> list[float]:
    """Print the means, the medians where these are asked for, and the ratios to other means; return the means."""
    means = [mean(ones) for ones in found]
    line = f"  {name:<16}" + "".join(f"{ms:>9.2f}" for ms in means)
    line += "   median" + "".join(f"{median(ones):>8.2f}" for ones in found) if medians else ""
    line += "    x " + " ".join(f"{ms / base:6.2f}" for ms, base in zip(means, over, strict=True)) if over else ""
    print(line, flush=True)
    return means


if __name__ == "__main__":
    main()
