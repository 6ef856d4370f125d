"""How networks are computed: chosen from what a machine can do, and the same function whatever is chosen."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from regnas.dataset import make_dataset
from regnas.errors import UsageError
from regnas.evaluators.training.batches import Batches
from regnas.evaluators.training.packed_convolutions import Depthwise, PackedConv, adapt, packs
from regnas.evaluators.training.precision import Computing, Machine, choose, machine_of
from regnas.search_spaces.staged.architecture import Staged

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("machine", "asked", "expected"),
    [
        (Machine("cpu", False), "auto", Computing("float32", adapted=True)),
        (Machine("cpu", True), "auto", Computing("bfloat16", adapted=True)),
        (Machine("cpu", True), "float32", Computing("float32", adapted=True)),
        (Machine("cpu", False), "bfloat16", Computing("bfloat16", adapted=True)),
        (Machine("cuda", True), "auto", Computing("bfloat16", recorded=True)),
        (Machine("cuda", False), "auto", Computing("float16")),
        (Machine("cuda", True), "float32", Computing("float32", torch.contiguous_format, recorded=True)),
        (Machine("mps", False), "auto", Computing("float32")),
    ],
)
def test_what_is_chosen_for_a_long_training(machine: Machine, asked: str, expected: Computing) -> None:
    assert choose(machine, asked, flops=10_000_000, steps=1000) == expected


@pytest.mark.parametrize("machine", [Machine("cpu", True), Machine("cuda", True), Machine("cuda", False)])
def test_small_networks_stay_in_single_precision(machine: Machine) -> None:
    assert choose(machine, flops=9_999_999).precision == "float32"
    assert choose(machine, flops=10_000_000).precision != "float32"


def test_a_network_and_its_images_lie_in_memory_alike() -> None:
    """Channels first in single precision on a GPU, channels last elsewhere: docs/benchmarks.md."""
    layouts = {}
    for kind in ("cpu", "cuda"):
        computing = choose(Machine(kind, True), "float32", flops=1)
        network = computing.prepared(nn.Conv2d(3, 4, 3), CPU)
        (split, _), one = make_dataset("fake:16").fit(), torch.ones(1)
        ((images, _),) = Batches(split, CPU, mean=one, std=one, layout=computing.layout).in_order(len(split))
        layouts[kind] = computing.layout
        for tensor in (images, *(weight for weight in network.parameters() if weight.dim() == 4)):
            assert tensor.is_contiguous(memory_format=computing.layout)
    assert layouts == {"cpu": torch.channels_last, "cuda": torch.contiguous_format}


def test_only_long_trainings_that_do_not_accumulate_are_recorded() -> None:
    gpu = Machine("cuda", True)
    assert choose(gpu, flops=1, steps=100).recorded and not choose(gpu, flops=1, steps=99).recorded
    assert not choose(gpu, flops=1, steps=1000, accumulation=2).recorded


def test_float16_off_a_gpu_is_refused_with_the_way_out() -> None:
    with pytest.raises(UsageError, match="use bfloat16"):
        choose(Machine("cpu", True), "float16", flops=1)


@pytest.mark.parametrize(
    ("flags", "has_it"),
    [("fpu avx512f avx512_bf16", True), ("amx_bf16 amx_tile", True), ("avx512f", False), ("", False)],
)
def test_a_processor_has_bfloat16_when_its_flags_say_so(flags: str, has_it: bool) -> None:
    assert machine_of(CPU, lambda: flags) == Machine("cpu", has_it)


def test_a_machine_that_lists_no_flags_computes_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert choose(machine_of(CPU), flops=10**9).precision == "float32"


@pytest.mark.parametrize("has_it", [True, False])
def test_emulated_bfloat16_of_a_gpu_does_not_count(has_it: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_it or including_emulation)
    assert machine_of(torch.device("cuda:0")) == Machine("cuda", has_it)


def test_autocast_computes_in_the_chosen_precision() -> None:
    layer, x = nn.Linear(4, 4), torch.ones(2, 4)
    with Computing("bfloat16").autocast(CPU):
        assert layer(x).dtype == torch.bfloat16
    with Computing("float32").autocast(CPU):
        assert layer(x).dtype == torch.float32


def gradients(conv: nn.Module, x: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
    """Output, and gradients of input, weight and bias, for a fixed sum of the output."""
    x = x.clone().requires_grad_()
    out = conv(x)
    out.backward(weight)
    return out, *(tensor.grad for tensor in (x, *conv.parameters()) if tensor.grad is not None)


@settings(max_examples=40, deadline=None)
@given(
    width=st.sampled_from([1, 2, 3, 4, 8]),
    groups=st.integers(1, 12),
    stride=st.sampled_from([1, 2]),
    kernel=st.sampled_from([1, 3, 5]),
    bias=st.booleans(),
)
def test_an_adapted_convolution_has_the_same_outputs_and_gradients(
    width: int, groups: int, stride: int, kernel: int, bias: bool
) -> None:
    """In double precision: sums of at most 16 * 25 terms agree to about 400 roundings of 1e-16."""
    torch.manual_seed(0)
    wide = width * groups
    conv = nn.Conv2d(wide, wide, kernel, stride, kernel // 2, groups=groups, bias=bias).double()
    adapted = next(adapt(nn.Sequential(conv)).children())
    if isinstance(adapted, Depthwise):
        return  # computes in single precision: tested below
    x = torch.randn(2, wide, 6, 6, dtype=torch.float64)
    weight = torch.randn_like(conv(x))
    for one, other in zip(gradients(conv, x, weight), gradients(adapted, x, weight), strict=True):
        conv.zero_grad()
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-10)


def test_a_strided_depthwise_convolution_is_computed_in_single_precision() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(12, 12, 3, 2, 1, groups=12, bias=False)
    adapted = next(adapt(nn.Sequential(conv)).children())
    x = torch.randn(2, 12, 6, 6).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = adapted(x)
    assert isinstance(adapted, Depthwise) and out.dtype == torch.bfloat16
    assert torch.equal(out, functional.conv2d(x.float(), conv.weight, None, 2, 1, 1, 12).bfloat16())


@given(groups=st.integers(1, 64), width=st.integers(1, 32))
def test_packs_divide_the_groups_and_reach_sixteen_channels_at_most(groups: int, width: int) -> None:
    count = packs(groups, width)
    assert groups % count == 0 and (count == 1 or count * width <= 16)
    assert not any(groups % more == 0 and more * width <= 16 for more in range(count + 1, groups + 1))


@pytest.mark.parametrize(
    ("group", "kind"), [(1, Depthwise), (2, PackedConv), (4, PackedConv), (8, nn.Conv2d), (16, nn.Conv2d)]
)
def test_which_convolutions_of_a_network_are_computed_another_way(group: int, kind: type[nn.Module]) -> None:
    network = Staged(depths=(1,), widths=(32,), strides=(2,), block="x", group_widths=(group,), classes=4).build()
    before = {name: values.clone() for name, values in network.state_dict().items()}
    kinds = {type(m) for m in adapt(network).modules() if isinstance(m, nn.Conv2d) and m.groups > 1}
    assert kinds == {kind}
    after = network.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)


def test_adapted_networks_are_copied_and_saved_like_others() -> None:
    import copy

    network = adapt(nn.Sequential(nn.Conv2d(8, 8, 3, groups=4)))
    twin = copy.deepcopy(network)
    x = torch.randn(1, 8, 5, 5)
    assert torch.equal(network(x), twin(x)) and next(twin.parameters()) is not next(network.parameters())
