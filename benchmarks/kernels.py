"""Operators of one training step, counted on the CPU: on a GPU each is one kernel or a few, and they are what a small
network's step waits for.

    python -m benchmarks.kernels

The step is what a GPU records: picking and augmenting the images, forward, backward, update. Views are not counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

import regnas
from regnas.dataset import make_dataset
from regnas.evaluators.training.batches import Batches, statistics
from regnas.evaluators.training.devices import settle
from regnas.evaluators.training.evaluator import build
from regnas.evaluators.training.loop import Trainer
from regnas.evaluators.training.precision import Computing
from regnas.evaluators.training.recipe import Recipe

DATA = "fashion-mnist-mini"
_BEFORE = 4  # steps that are not counted: the first makes the optimiser's buffers
# Layers' own operators, and the update; what is left are sums of residual blocks, images, loss and bookkeeping.
KINDS = {
    "convolutions": ("convolution", "convolution_backward"),
    "normalisations": ("native_batch_norm", "native_batch_norm_backward", "_batch_norm_with_update"),
    "ReLUs": ("relu", "relu_", "threshold_backward"),
    "update": ("_fused_sgd_",),
}
_VIEWS: tuple[str, ...] = (
    "view",
    "t",
    "transpose",
    "permute",
    "expand",
    "slice",
    "select",
    "unsqueeze",
    "squeeze",
    "detach",
    "alias",
)
_VIEWS += ("_unsafe_view", "_reshape_alias", "as_strided", "empty", "empty_like", "unbind", "split")
_MARKS = ("_record_function_enter_new", "_record_function_exit")  # of the profiler


class Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what is computed inside, by name."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(func.overloadpacket).rpartition(".")[2]
        if name not in (*_VIEWS, *_MARKS):
            self.found[name] += 1
        return func(*args, **(kwargs or {}))


class Again:
    """Does what it records again."""

    def warm_up(self, work: Callable[[], None]) -> None:
        work()

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        return work


def operators(number: int, **options: Any) -> Counter[str]:
    """Of a step of one of the first RegNetX of 1M:5M, in float32 and channels first as on a GPU.

    Args:
        options: of the recipe.
    """
    device, data = settle("cpu", 1), make_dataset(DATA)
    training, _ = data.fit()
    mean, std = statistics(training)
    space = regnas.space("regnetx", flops="1M:5M").on(data.regime.images)
    network = space.sample(number + 1, seed=0)[number].architecture
    recipe = Recipe(**{**{"epochs": 1, "flip": data.regime.flip, "pad": data.regime.pad}, **options})
    computing = Computing(layout=torch.contiguous_format, recorded=True)
    classes = len(data.class_names)
    batches = Batches(training, device, mean=mean, std=std, pad=recipe.pad, classes=classes, layout=computing.layout)
    module = build(network, 0, device, computing, recipe)
    trainer = Trainer(module, batches, recipe, seed=0, device=device, computing=computing, recorder=Again())
    steps = trainer.steps()
    for _ in range(_BEFORE):
        next(steps)
    counted = Operators()
    with counted:
        next(steps)
    return counted.found


def by_kind(found: Counter[str]) -> dict[str, int]:
    """The counts of `KINDS`, of all else, and of both together."""
    kinds = {kind: sum(found[name] for name in names) for kind, names in KINDS.items()}
    return {**kinds, "all else": found.total() - sum(kinds.values()), "together": found.total()}


def main() -> None:
    """Print a table, and what "all else" is for the first network."""
    rows = [("network 0", operators(0)), ("network 1", operators(1))]
    rows.append(("network 1, crops and mirrors", operators(1, pad=4, flip=True)))
    rows.append(("network 1, mixed images", operators(1, mixup=0.4, label_smoothing=0.1)))
    print("operators of a step" + " " * 11 + "".join(f"{kind:>15}" for kind in by_kind(rows[0][1])))
    for name, found in rows:
        print(f"{name:30}" + "".join(f"{count:15d}" for count in by_kind(found).values()))
    known = {name for names in KINDS.values() for name in names}
    others = ", ".join(f"{name} {count}" for name, count in rows[0][1].most_common() if name not in known)
    print(f"all else of network 0: {others}")


if __name__ == "__main__":
    main()
