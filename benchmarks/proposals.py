"""What a proposal costs: processor time of one more ask and tell with n trials stored, as a ratio to bare Optuna's TPE.

    python -m benchmarks.proposals [STRATEGY ...]

Three places: the 15,625 cells of `nasbench201`, `regnetx` inside a window of 3 % of its flops, and, for strategies that
are named, `chain` with 291 parameters, where Optuna takes minutes. Errors are made up.
"""

from __future__ import annotations

import math
import sys
import time
from typing import Any

import optuna

import regnas
from regnas.design_space import Params, Space
from regnas.strategy import make_strategy

STRATEGIES = ("random", "qmc", "evolution", "local-search", "nsga2", "tpe", "predictor")
STORED = (50, 200, 1000)
MEASURED = 10  # proposals at each number of stored trials


def error(params: Params) -> float:
    """Smooth in the logarithms of numbers; words count by their length."""
    places = [
        math.log(max(value, 1)) if isinstance(value, int | float) else len(value) / 4 for value in params.values()
    ]
    return 0.3 + 0.01 * sum((place - 2.5) ** 2 for place in places) / max(1, len(places) / 6)


def milliseconds(sampler: Any, space: Space) -> list[float]:
    """Processor milliseconds of one ask and tell at each number of stored trials."""
    study = optuna.create_study(sampler=sampler)
    found, laws = [], space.distributions
    for stored in STORED:
        while len(study.get_trials(deepcopy=False)) < stored:
            trial = study.ask(laws)
            study.tell(trial, error(trial.params))
        begun = time.process_time()
        for _ in range(MEASURED):
            trial = study.ask(laws)
            study.tell(trial, error(trial.params))
        found.append(1000 * (time.process_time() - begun) / MEASURED)
    return found


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    named = sys.argv[1:]
    places = {
        "nasbench201": regnas.space("nasbench201"),
        "regnetx, flops 388M:400M": regnas.space("regnetx", flops="388M:400M"),
    }
    if named:
        places["chain"] = regnas.space("chain")
    for name, space in places.items():
        peer = milliseconds(optuna.samplers.TPESampler(seed=0, multivariate=True, constant_liar=False), space)
        print(f"\n{name}: ms a proposal with {', '.join(map(str, STORED))} trials stored, and ratio to bare Optuna TPE")
        print(f"  {'bare Optuna TPE':<16}" + "".join(f"{ms:>9.2f}" for ms in peer))
        for strategy in named or STRATEGIES:
            costs = milliseconds(make_strategy(strategy, space, seed=0), space)
            ratios = " ".join(f"{cost / base:6.2f}" for cost, base in zip(costs, peer, strict=True))
            print(f"  {strategy:<16}" + "".join(f"{ms:>9.2f}" for ms in costs) + f"    x {ratios}", flush=True)


if __name__ == "__main__":
    main()
