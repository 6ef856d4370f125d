"""What do scores without training cost: all in one pass, one at a time, and each alone? Processor seconds a network.

    python -m benchmarks.zero_cost [--work]

`--work` counts instead: the multiply-adds of all convolutions, as of forward passes of the batch. Whatever else runs
does not change that, and it bounds what one pass can save.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

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


class Convolutions(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts multiply-adds of convolutions, forward, backward and backward of backward.

    Attributes:
        flops: so far.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if func is torch.ops.aten.convolution.default:
            given, weight, transposed = args[0], args[1], args[6]
            self.flops += (given if transposed else found).numel() * weight[0].numel()
        elif func is torch.ops.aten.convolution_backward.default:
            slope, weight, wanted = args[0], args[2], args[10]
            self.flops += slope.numel() * weight[0].numel() * (wanted[0] + wanted[1])
        return found


def passes(networks: Sequence[Architecture], score: str, beside: str = "") -> float:
    """Multiply-adds of convolutions in forward passes of the batch, the mean over networks."""

    def counted(wanted: str, further: str, network: Architecture) -> int:
        evaluator = make(TASK, {"score": wanted, **({"beside": further} if further else {})})
        count = Convolutions()
        with count:
            evaluator(network, seed=0, context=Context())
        return count.flops

    return sum(counted(score, beside, one) / counted("naswot", "", one) for one in networks) / len(networks)


def main() -> None:
    """Print a table."""
    cost: Callable[..., float] = passes if "--work" in sys.argv[1:] else seconds
    images = make(TASK, {"score": "params"}).data.regime.images
    found = regnas.space("regnetx", flops="1M:5M").on(images).sample(NETWORKS, seed=0)
    networks = [one.architecture for one in found]
    alone = {name: cost(networks, name) for name in SCORES}
    for name, each in alone.items():
        print(f"{name:<12} {each:.3f}")
    for what, names in (("all", SCORES), ("all but " + ", ".join(DEAR), tuple(n for n in SCORES if n not in DEAR))):
        together, apart = cost(networks, names[0], "+".join(names[1:])), sum(alone[name] for name in names)
        print(f"{what}: {together:.2f} in one pass, {apart:.2f} one at a time, {apart / together:.1f} x")


if __name__ == "__main__":
    main()
