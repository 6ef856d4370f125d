"""What the built modules compute and how they start, against a second writing of the paper's blocks.

Blocks: Radosavovic et al. 2020, figure 4 and section 4; pycls ``models/blocks.py``. The X and Y networks are compared
with torchvision's in ``test_torchvision_weights.py``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.modules.blocks import ConvNorm, LinearResidual, Residual, SqueezeExcitation, make_block
from regnas.search_spaces.staged.modules.network import StagedNetwork


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        yield


def _block(kind: str, *, wide_in: int = 8, wide: int = 8, stride: int = 1, squeezed: int = 0) -> nn.Module:
    """A block in evaluation mode whose normalisations do something."""
    made = make_block(
        kind, wide_in=wide_in, wide=wide, inner=12, group=4, stride=stride, squeezed=squeezed, act="relu"
    ).eval()
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    return made


def _conv(layer: nn.Module, x: Tensor, *, stride: int = 1, groups: int = 1, act: bool = False) -> Tensor:
    assert isinstance(layer, ConvNorm)
    conv, norm = layer[0], layer[1]
    assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    assert conv.bias is None
    kernel = conv.weight.shape[-1]
    x = functional.conv2d(x, conv.weight, None, stride, (kernel - 1) // 2, 1, groups)
    x = functional.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, False, 0.1, 1e-5)
    return x.relu() if act else x


def _squeeze(layer: nn.Module, x: Tensor) -> Tensor:
    assert isinstance(layer, SqueezeExcitation)
    down = functional.conv2d(x.mean((2, 3), keepdim=True), layer.down.weight, layer.down.bias).relu()
    return x * functional.conv2d(down, layer.up.weight, layer.up.bias).sigmoid()


def _parts(block: nn.Module) -> list[nn.Module]:
    transform = block.transform if isinstance(block, Residual | LinearResidual) else block
    assert isinstance(transform, nn.Sequential)
    return list(transform)


@pytest.mark.parametrize(("kind", "groups"), [("x", 3), ("r", 3), ("linear", 3)])
@pytest.mark.parametrize("squeezed", [0, 2])
def test_the_bottleneck_squeezes_between_its_grouped_and_its_last_convolution(
    kind: str, groups: int, squeezed: int
) -> None:
    block = _block(kind, squeezed=squeezed)
    x = torch.randn(2, 8, 5, 5)
    first, grouped, *rest, last = _parts(block)
    out = _conv(grouped, _conv(first, x, act=True), groups=groups, act=True)
    out = _conv(last, _squeeze(rest[0], out) if squeezed else out)
    expected = x + out if kind == "linear" else (x + out).relu()
    torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize(("wide", "stride"), [(8, 2), (16, 1), (16, 2)])
def test_a_residual_block_projects_where_its_shape_changes(wide: int, stride: int) -> None:
    block = _block("basic", wide=wide, stride=stride)
    assert isinstance(block, Residual)
    x = torch.randn(2, 8, 5, 5)
    first, second = _parts(block)
    out = _conv(second, _conv(first, x, stride=stride, act=True))
    torch.testing.assert_close(block(x), (_conv(block.shortcut, x, stride=stride) + out).relu())


@pytest.mark.parametrize(("wide", "stride"), [(8, 2), (16, 1)])
def test_the_linear_block_has_no_shortcut_where_its_shape_changes(wide: int, stride: int) -> None:
    """RegNetZ: neither shortcut nor activation."""
    block = _block("linear", wide=wide, stride=stride)
    x = torch.randn(2, 8, 5, 5)
    first, grouped, last = _parts(block)
    out = _conv(last, _conv(grouped, _conv(first, x, act=True), stride=stride, groups=3, act=True))
    torch.testing.assert_close(block(x), out)
    assert bool((block(x) < 0).any())


def test_the_vanilla_block_is_two_convolutions_without_a_shortcut() -> None:
    block = _block("vanilla", stride=2)
    x = torch.randn(2, 8, 5, 5)
    first, second = _parts(block)
    torch.testing.assert_close(block(x), _conv(second, _conv(first, x, stride=2, act=True), act=True))


def test_the_v_block_is_one_convolution_and_the_vr_block_adds_a_shortcut() -> None:
    x = torch.randn(2, 8, 5, 5)
    plain, residual = _block("v"), _block("vr")
    torch.testing.assert_close(plain(x), _conv(_parts(plain)[0], x, act=True))
    torch.testing.assert_close(residual(x), (x + _conv(_parts(residual)[0], x)).relu())


def test_squeeze_comes_last_in_the_v_and_vr_blocks() -> None:
    x = torch.randn(2, 8, 5, 5)
    plain, residual = _block("v", squeezed=2), _block("vr", squeezed=2)
    conv, squeeze = _parts(plain)
    torch.testing.assert_close(plain(x), _squeeze(squeeze, _conv(conv, x, act=True)))
    conv, squeeze = _parts(residual)
    torch.testing.assert_close(residual(x), (x + _squeeze(squeeze, _conv(conv, x))).relu())


@pytest.mark.parametrize(
    ("stem", "kernel", "stride", "size"), [("simple", 3, 2, 16), ("resnet", 7, 2, 8), ("cifar", 3, 1, 32)]
)
def test_stems_are_the_authors(stem: str, kernel: int, stride: int, size: int) -> None:
    network = Staged(stem=stem, stem_width=8, depths=(1,), widths=(8,), strides=(1,)).build()
    assert isinstance(network, StagedNetwork)
    conv = network.stem[0][0]  # type: ignore[index]
    assert isinstance(conv, nn.Conv2d)
    assert (conv.kernel_size, conv.stride, conv.padding) == ((kernel,) * 2, (stride,) * 2, ((kernel - 1) // 2,) * 2)
    assert network.stem(torch.randn(1, 3, 32, 32)).shape == (1, 8, size, size)


def test_the_head_is_a_convolution_before_pooling_and_a_linear_layer_with_bias() -> None:
    network = Staged(depths=(1,), widths=(8,), strides=(2,), head_width=24, classes=5).build().eval()
    assert isinstance(network, StagedNetwork)
    assert network.classifier.weight.shape == (5, 24) and network.classifier.bias is not None
    x = torch.randn(2, 3, 16, 16)
    features = network.stages[0](network.stem(x))
    pooled = _conv(network.head[0], features, act=True).mean((2, 3))
    torch.testing.assert_close(
        network(x), functional.linear(pooled, network.classifier.weight, network.classifier.bias)
    )


def test_a_stage_strides_in_its_first_block_alone() -> None:
    network = Staged(depths=(3, 2), widths=(8, 16), strides=(2, 4), group_widths=(8, 8)).build()
    assert isinstance(network, StagedNetwork)
    x = network.stem(torch.randn(1, 3, 64, 64))
    sizes = []
    for stage in network.stages:
        assert isinstance(stage, nn.Sequential)
        for block in stage:
            x = block(x)
            sizes.append(x.shape[-1])
    assert sizes == [16, 16, 16, 4, 4]


def _wide() -> nn.Module:
    return Staged(
        depths=(2, 1), widths=(256, 512), strides=(2, 2), group_widths=(16, 512), se_ratio=0.25, classes=1000
    ).build()


def test_weights_start_with_the_authors_standard_deviations() -> None:
    """pycls ``init_weights``: convolutions N(0, sqrt(2 / (k k out))), groups or not; linear N(0, 0.01).

    Mean and standard deviation of n normal numbers: within 5 standard errors, s / sqrt(n) and s / sqrt(2 n).
    """
    layers = [module for module in _wide().modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert {layer.groups for layer in layers if isinstance(layer, nn.Conv2d)} == {1, 16}
    for layer in layers:
        weight = layer.weight.detach().double()
        fan_out = layer.kernel_size[0] ** 2 * layer.out_channels if isinstance(layer, nn.Conv2d) else 0
        expected = math.sqrt(2 / fan_out) if fan_out else 0.01
        n = weight.numel()
        assert abs(float(weight.mean())) < 5 * expected / math.sqrt(n)
        assert abs(float(weight.square().mean().sqrt()) - expected) < 5 * expected / math.sqrt(2 * n)


def test_normalisations_start_as_the_identity_and_the_linear_bias_at_zero() -> None:
    for module in _wide().modules():
        if isinstance(module, nn.BatchNorm2d):
            assert bool((module.weight == 1).all()) and bool((module.bias == 0).all())
            assert (module.eps, module.momentum) == (1e-5, 0.1)
        if isinstance(module, nn.Linear):
            assert bool((module.bias == 0).all())


def test_biases_of_squeeze_and_excitation_keep_torchs_start() -> None:
    """Uniform within 1 / sqrt(fan in), not zero."""
    convs = [module for module in _wide().modules() if isinstance(module, nn.Conv2d) and module.bias is not None]
    assert convs
    for conv in convs:
        assert conv.bias is not None
        bound = 1 / math.sqrt(conv.in_channels)
        assert 0 < float(conv.bias.detach().abs().max()) <= bound


def test_a_network_is_a_function_of_torchs_seed() -> None:
    small = Staged(depths=(1,), widths=(8,), strides=(2,), classes=3)

    def weights(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return torch.cat([parameter.detach().flatten() for parameter in small.build().parameters()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))
