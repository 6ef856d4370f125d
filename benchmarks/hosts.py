"""A hundred proposals of a sampler inside 360 to 400 MF at 224 px, which 0.25 % of RegNetX meets: are all of them new
networks of the window, and what does one take?

    python -m benchmarks.hosts [STRATEGY ...] [--proposals N]

Without strategies: samplers of Optuna, and one in OptunaHub's layout. NNI's are `nni-random` and so on, where NNI is
installed. Errors are made up.
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.trial import TrialState

import regnas
from regnas.design_space import Space
from regnas.strategy import make_strategy

HUB = Path(__file__).resolve().parents[1] / "contrib/optunahub/package/samplers/regularized_evolution"
STRATEGIES = (
    "optuna:TPESampler",
    "optuna:CmaEsSampler",
    "optuna:QMCSampler",
    f"optuna:hub/{HUB}",
    "optuna:GPSampler",
)


@dataclass(frozen=True)
class Outcome:
    """What became of the proposals.

    Attributes:
        seconds: processor seconds of one, the mean over all.
    """

    trials: int
    feasible: int
    distinct: int
    seconds: float


def propose(strategy: str, space: Space, count: int) -> Outcome:
    """Ask and tell ``count`` times, with an error that is best at 20 blocks and a first width of 64."""
    study = optuna.create_study(sampler=make_strategy(strategy, space, seed=0))
    keys = []
    begun = time.process_time()
    for _ in range(count):
        trial = study.ask(space.distributions)
        study.tell(trial, abs(trial.params["depth"] - 20) / 100 + abs(trial.params["w0"] - 64) / 1000)
    seconds = (time.process_time() - begun) / count
    for one in study.trials:
        candidate = space.judge(space.canonical(one.params))
        keys += [] if candidate is None else [candidate.architecture.key()]
    complete = sum(one.state == TrialState.COMPLETE for one in study.trials)
    return Outcome(complete, len(keys), len(set(keys)), seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("strategies", nargs="*", default=STRATEGIES)
    parser.add_argument("--proposals", type=int, default=100)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    space = regnas.space("regnetx", flops="360M:400M")
    print(f"{'strategy':<44}{'trials':>8}{'inside':>8}{'different':>11}{'s each':>9}")
    for strategy in options.strategies:
        found = propose(strategy, space, options.proposals)
        shown = strategy.replace(str(HUB), "regularized_evolution")
        print(f"{shown:<44}{found.trials:>8}{found.feasible:>8}{found.distinct:>11}{found.seconds:>9.3f}", flush=True)


if __name__ == "__main__":
    main()
