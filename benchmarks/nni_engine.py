"""NNI's own strategies on NNI's own engine over `to_nni`: a hundred models inside 360 to 400 MF at 224 px.

    python -m benchmarks.nni_engine

Needs the extra `nni`. Processor milliseconds of a proposal, freezing and a cheap evaluator included; NNI's TPE pauses a
second after every model.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import regnas
from regnas.architecture import Architecture
from regnas.hosts.nni import to_nni
from regnas.hosts.nni.importing import load

COUNT = 100


def score(network: Architecture) -> None:
    """In place of a training, networks of few activations are good."""
    load("nni").report_final_result(-network.complexity(224).activations / 1e6)


def main() -> None:
    strategies, execution = load("nni.nas.strategy"), load("nni.nas.execution")
    evaluators: Any = load("nni.nas.evaluator")
    space = regnas.space("regnetx", flops="360M:400M")
    arms = {
        "Random": (strategies.Random(seed=0), None),
        "RegularizedEvolution": (strategies.RegularizedEvolution(population_size=20, sample_size=10, seed=0), None),
        "Random, 16 levels": (strategies.Random(seed=0), 16),
        "RegularizedEvolution, 16 levels": (
            strategies.RegularizedEvolution(population_size=20, sample_size=10, seed=0),
            16,
        ),
        "TPE, 16 levels": (strategies.TPE(seed=0, optimize_mode="maximize"), 16),
    }
    print(f"{'strategy':<34}{'models':>8}{'inside':>8}{'different':>11}{'ms each':>9}")
    for name, (strategy, levels) in arms.items():
        begun = time.process_time()
        model_space = to_nni(space, evaluators.FunctionalEvaluator(score), levels=levels)
        strategy(model_space, execution.SequentialExecutionEngine(max_model_count=COUNT))
        spent = time.process_time() - begun
        models = list(strategy.list_models(sort=False))
        found = [space.judge(space.canonical(model.sample)) for model in models]
        keys = {one.architecture.key() for one in found if one is not None}
        inside = len(found) - found.count(None)
        print(f"{name:<34}{len(models):>8}{inside:>8}{len(keys):>11}{1000 * spent / COUNT:>9.1f}", flush=True)
    tight, state = to_nni(regnas.space("regnetx", flops="399M:400M")), np.random.RandomState(0)
    begun = time.process_time()
    for _ in range(20):
        tight.random(random_state=state)
    print(f"a random model inside 399 to 400 MF: {1000 * (time.process_time() - begun) / 20:.1f} ms")


if __name__ == "__main__":
    main()
