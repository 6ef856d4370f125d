"""Six networks chosen by NNI's evolution and trained by NNI's local training service, with its web page.

python docs/examples/nni_experiment.py [PORT]
"""

from __future__ import annotations

import sys

import regnas
from regnas.hosts.nni import RegnasEvaluator, RegnasExperiment
from regnas.hosts.nni.importing import load

strategies = load("nni.nas.strategy")

if __name__ == "__main__":
    experiment = RegnasExperiment(
        regnas.space("regnetx", flops="500k:1M", resolution=28, classes=10),
        RegnasEvaluator("train", "fashion-mnist-mini", epochs=1),
        strategies.RegularizedEvolution(population_size=4, sample_size=2, seed=0),
        trials=6,
        concurrency=2,
        folder="nni-experiments",
    )
    experiment.run(port=int(sys.argv[1]) if sys.argv[1:] else 8080)
    for model in experiment.export_top_models(6):
        print(f"{model.metric:.2%} {model.sample}")
    experiment.stop()
