"""What do scores without training cost: all in one pass, one at a time, and each alone? Processor seconds a network.

python -m benchmarks.zero_cost
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import regnas
from regnas.architecture import Architecture
from regnas.evaluator import Context, Task
from regnas.evaluators.zero_cost.evaluator import make
from regnas.evaluators.zero_cost.scores import SCORES

TASK = Task(data="fashion-mnist-mini")
NETWORKS = 6  # the first RegNetX of 1M:5M
DEAR = ("grasp", "zen")  # what shares little with the others


def seconds(networks: Sequence[Architecture], score: str, beside: str = "") -> float:
    """Processor seconds a network, after one that warms up."""
    evaluator = make(TASK, {"score": score, **({"beside": beside} if beside else {})})
    evaluator(networks[0], seed=0, context=Context())
    start = time.process_time()
    for network in networks:
        evaluator(network, seed=0, context=Context())
    return (time.process_time() - start) / len(networks)


def main() -> None:
    """Print a table."""
    images = make(TASK, {"score": "params"}).data.regime.images
    found = regnas.space("regnetx", flops="1M:5M").on(images).sample(NETWORKS, seed=0)
    networks = [one.architecture for one in found]
    alone = {name: seconds(networks, name) for name in SCORES}
    for name, each in alone.items():
        print(f"{name:<12} {each:.3f}")
    for what, names in (("all", SCORES), ("all but " + ", ".join(DEAR), tuple(n for n in SCORES if n not in DEAR))):
        together, apart = seconds(networks, names[0], "+".join(names[1:])), sum(alone[name] for name in names)
        print(f"{what}: {together:.2f} in one pass, {apart:.2f} one at a time, {apart / together:.1f} x")


if __name__ == "__main__":
    main()
