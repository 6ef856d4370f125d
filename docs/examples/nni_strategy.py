"""NNI's evolution over RegNet networks of 360 to 400 MF, in this process, without NNI's server.

python docs/examples/nni_strategy.py
"""

from __future__ import annotations

from typing import Any

import regnas
from regnas.architecture import Architecture
from regnas.hosts.nni import to_nni
from regnas.hosts.nni.importing import load

nni = load("nni")
evaluators = load("nni.nas.evaluator")
execution = load("nni.nas.execution")
strategies = load("nni.nas.strategy")


def score(network: Architecture) -> None:
    """In place of a training, networks of few activations are good: NNI maximises what is reported."""
    nni.report_final_result(-network.complexity(224).activations / 1e6)


def search(models: int = 100) -> list[Any]:
    """NNI's models, best first."""
    space = regnas.space("regnetx", flops="360M:400M")
    strategy = strategies.RegularizedEvolution(population_size=20, sample_size=10, seed=0)
    engine = execution.SequentialExecutionEngine(max_model_count=models)
    strategy(to_nni(space, evaluators.FunctionalEvaluator(score)), engine)
    return list(strategy.list_models())


if __name__ == "__main__":
    found = search()
    print(f"{len(found)} networks; the best three:")
    for model in found[:3]:
        network = model.executable_model()  # network.build() is its torch module
        print(f"{-model.metric:.2f}M activations, {network.complexity(224).flops / 1e6:.0f} MF: {model.sample}")
