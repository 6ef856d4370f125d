"""Lists of layers say what closed forms count, and peak memory what a run of the module holds at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import regnas
from regnas.errors import UsageError
from regnas.layers import LayerList
from regnas.memory import BYTES, peak_memory

SPACES = ("regnetx", "regnety", "anynetx-a[block=vr]", "resnext-b[stem=resnet]", "darts", "nasnet", "nasbench201")
STAGED = (
    "regnetx",
    "regnety[stem=resnet,head_width=64]",
    "regnetx[stem=cifar,bottleneck_ratio=0.5]",
    "anynetx-a[block=linear]",
    "anynetx-a[block=basic]",
    "anynetx-a[block=vr,se=0.25]",
    "anynetx-a[block=v]",
    "anynetx-a[block=vanilla]",
)
# What makes a new map; all else works in place on its first argument.
_LAYERS = {"convolution", "addmm", "mean", "max_pool2d_with_indices", "_adaptive_avg_pool2d"}


@pytest.mark.parametrize("space", SPACES)
def test_a_list_of_layers_adds_up_to_the_closed_form(space: str) -> None:
    """Multiply-adds without those of biases, and weights without normalisations."""
    for one in regnas.space(space, resolution=33, classes=7).sample(5, seed=2):
        network: Any = one.architecture
        layers = network.layers(33)
        flops = sum(layer.flops * layer.times for layer in layers)
        assert one.complexity["flops"] * 0.98 <= flops <= one.complexity["flops"]
        module = network.build()
        weights = sum(
            part.weight.numel() for part in module.modules() if isinstance(part, torch.nn.Conv2d | torch.nn.Linear)
        )
        assert sum(layer.weights * layer.times for layer in layers) == weights
        outputs = sum(layer.wide_out * layer.pixels_out * layer.times for layer in layers)
        assert outputs == one.complexity["activations"]


def test_costs_without_shapes_are_no_layers() -> None:
    with pytest.raises(TypeError, match="takes layers, not costs"):
        LayerList().add(LayerList().total())


class _Held(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Which maps a run of a module holds at once: each from the layer that makes it to the last one that reads it."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._own = {id(tensor) for tensor in (*module.parameters(), *module.buffers())}
        self._maps: dict[int, int] = {}
        self._tensors: list[Any] = []  # held, so that no identity is used twice
        self.size: list[int] = []
        self.made: list[int] = []
        self.read: list[int] = []
        self.layers: list[int] = []
        self._step = 0

    def _map(self, tensor: torch.Tensor) -> int:
        if id(tensor) not in self._maps:
            self._tensors.append(tensor)
            self._maps[id(tensor)] = len(self.size)
            self.size.append(tensor.numel())
            self.made.append(self._step)
            self.read.append(self._step)
        return self._maps[id(tensor)]

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        made = out[0] if isinstance(out, tuple | list) else out
        given = [one for one in args if isinstance(one, torch.Tensor) and id(one) not in self._own]
        if given and isinstance(made, torch.Tensor):
            self._step += 1
            maps = [self._map(one) for one in given]
            for number in maps:
                self.read[number] = self._step
            if function._schema.name.split("::")[1] in _LAYERS:
                self._map(made)
                self.layers.append(self._step)
            else:
                self._tensors.append(made)
                self._maps[id(made)] = maps[0]
        return out

    def sums(self) -> Iterator[int]:
        """Elements held while each layer runs."""
        for layer in self.layers:
            known = zip(self.size, self.made, self.read, strict=True)
            yield sum(size for size, made, read in known if made <= layer <= read)


@pytest.mark.parametrize("resolution", [20, 33])
@pytest.mark.parametrize("space", STAGED)
def test_peak_memory_is_the_most_that_a_run_of_the_module_holds(space: str, resolution: int) -> None:
    for one in regnas.space(space, resolution=resolution, classes=5, flops=":20M").sample(4, seed=1):
        module = one.architecture.build().eval()
        held = _Held(module)
        images = torch.zeros(1, 3, resolution, resolution)
        with torch.no_grad(), held:
            module(images)
        assert peak_memory(one.architecture, regnas.space(space, resolution=resolution).images, "cpu") == BYTES * max(
            held.sums()
        )


def test_memory_limits_a_space_and_says_of_which_networks_it_is_not_known() -> None:
    space = regnas.space("regnetx", flops="1M:2M", limits={"memory": ":60k"}, resolution=28)
    assert all(one.complexity["memory"] <= 60_000 for one in space.sample(10))
    with pytest.raises(UsageError, match="cells networks do not know their peak memory; leave out --limit memory"):
        regnas.space("darts", limits={"memory": ":60k"}, resolution=32).sample(1)
