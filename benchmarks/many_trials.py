"""What a proposal costs when there are thousands of trials: random candidates stored, then eleven proposals, of which
the first, that looks at all of them once, is not counted.

python -m benchmarks.many_trials [STRATEGY ...]
"""

from __future__ import annotations

import sys
import time

import optuna

import regnas
from benchmarks.proposals import error
from regnas.design_space import Space
from regnas.strategy import make_strategy

STORED = (100, 1_000, 5_000)
PROPOSALS = 10


def milliseconds(space: Space, strategy: str, stored: int, parallel: bool) -> float:
    """Processor time of one ask and tell."""
    study = optuna.create_study(sampler=make_strategy(strategy, space, seed=0, parallel=parallel))
    laws = dict(space.distributions)
    for one in space.sample(stored, seed=0):
        study.add_trial(optuna.trial.create_trial(params=dict(one.params), distributions=laws, value=error(one.params)))
    begun = 0.0
    for number in range(PROPOSALS + 1):
        if number == 1:
            begun = time.process_time()
        trial = study.ask(laws)
        study.tell(trial, error(trial.params))
    return 1e3 * (time.process_time() - begun) / PROPOSALS


def main() -> None:
    """Print a line for each strategy, told one by one and with several workers."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = regnas.space("regnetx", flops="360M:400M", resolution=224)
    print(f"ms a proposal{'':<17}" + "".join(f"{stored:>8,}" for stored in STORED) + "  trials stored")
    for strategy in sys.argv[1:] or ("tpe",):
        for parallel in (False, True):
            costs = [milliseconds(space, strategy, stored, parallel) for stored in STORED]
            who = "several workers" if parallel else "one worker"
            print(f"  {strategy:<10} {who:<17}" + "".join(f"{cost:8.0f}" for cost in costs), flush=True)


if __name__ == "__main__":
    main()
